//! Which scalars of the inputs to use.

use super::Inputs;
use crate::expr::{Scalar, Vector};

impl Inputs {
    /// All scalars of the input vectors, the simpler first: lengths and squared lengths of the
    /// momenta and of the relative positions, then products with context vectors, then mixed
    /// products. Constants are left out; linear dependences are not, see
    /// [`ScalarSet`](super::ScalarSet) and [`independent`](crate::basis).
    ///
    /// For the springy double pendulum these span the 30 features of Yao et al. (2021), of which 18
    /// or 19 are independent.
    pub fn catalogue(&self) -> Vec<Scalar> {
        let n = self.shape.particles;
        let positions: Vec<Vector> = (1..=n).map(|i| self.position(i)).collect();
        let momenta: Vec<Vector> = (1..=n).map(|i| self.momentum(i)).collect();
        let context: Vec<Vector> = self.vectors().map(Vector::named).collect();
        let mut relative = positions.clone();
        for j in 1..n {
            relative.extend((0..j).map(|i| &positions[j] - &positions[i]));
        }
        let mut scalars: Vec<Scalar> =
            momenta.iter().map(|p| Scalar::dot(p.clone(), p.clone())).collect();
        for r in &relative {
            scalars.extend([Scalar::Norm(r.clone()), Scalar::dot(r.clone(), r.clone())]);
        }
        let products = |a: &[Vector], b: &[Vector]| -> Vec<Scalar> {
            a.iter().flat_map(|a| b.iter().map(|b| Scalar::dot(a.clone(), b.clone()))).collect()
        };
        scalars.extend(products(&context, &positions));
        scalars.extend((0..n).flat_map(|j| products(&momenta[j..=j], &momenta[..j])));
        scalars.extend(products(&positions, &momenta));
        scalars.extend(products(&context, &momenta));
        scalars.extend(momenta.iter().map(|p| Scalar::Norm(p.clone())));
        scalars
    }
}
