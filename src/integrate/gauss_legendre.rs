//! Gauss-Legendre collocation: implicit Runge-Kutta methods that are symplectic for every
//! Hamiltonian.

use super::error::IntegrateError;
use super::method::{Method, field_of};
use crate::field::VectorField;
use crate::linalg::{Real, ZipInlined};

/// The Gauss-Legendre method of s stages and order 2 s for any field (Hairer, Lubich & Wanner 2006,
/// Geometric Numerical Integration, section II.1.3): k_i = f(z + h sum_j a_ij k_j), z += h sum_i
/// b_i k_i.
///
/// The stages are found by fixed-point iteration down to roundoff, which a short enough step (h
/// |df/dz| < 1, about) makes converge.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussLegendre {
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
    /// Row i: value at node 1 + c_i of the polynomial through the values at the nodes c_j.
    next: Vec<Vec<f64>>,
}

impl GaussLegendre {
    /// Iterations after which a step is given up.
    const MAX_ITERATIONS: usize = 100;

    /// The method of order 2 (implicit midpoint), 4 or 6.
    ///
    /// # Errors
    /// [`IntegrateError::Order`] for any other order.
    pub fn new(order: usize) -> Result<Self, IntegrateError> {
        let (r3, r15) = (3f64.sqrt(), 15f64.sqrt());
        let (a, b, c) = match order {
            2 => (vec![vec![0.5]], vec![1.0], vec![0.5]),
            4 => (
                vec![vec![0.25, 0.25 - r3 / 6.0], vec![0.25 + r3 / 6.0, 0.25]],
                vec![0.5, 0.5],
                vec![0.5 - r3 / 6.0, 0.5 + r3 / 6.0],
            ),
            6 => (
                vec![
                    vec![5.0 / 36.0, 2.0 / 9.0 - r15 / 15.0, 5.0 / 36.0 - r15 / 30.0],
                    vec![5.0 / 36.0 + r15 / 24.0, 2.0 / 9.0, 5.0 / 36.0 - r15 / 24.0],
                    vec![5.0 / 36.0 + r15 / 30.0, 2.0 / 9.0 + r15 / 15.0, 5.0 / 36.0],
                ],
                vec![5.0 / 18.0, 4.0 / 9.0, 5.0 / 18.0],
                vec![0.5 - r15 / 10.0, 0.5, 0.5 + r15 / 10.0],
            ),
            _ => {
                return Err(IntegrateError::Order {
                    method: "Gauss-Legendre",
                    order,
                    accepted: "2, 4, 6",
                });
            }
        };
        let next =
            c.iter().map(|x| (0..c.len()).map(|j| lagrange(&c, j, 1.0 + x)).collect()).collect();
        Ok(Self { a, b, next })
    }

    /// Number of stages s.
    pub fn stages(&self) -> usize {
        self.b.len()
    }

    /// Length of the scratch space for states of `dim` components: (2 s + 2) dim.
    pub fn work_len(&self, dim: usize) -> usize {
        (2 * self.stages() + 2) * dim
    }

    /// One step of length `h`. `z` is any flat array that `field` understands: a state, or a batch
    /// of them. `work` is scratch of [`work_len`](Self::work_len)`(z.len())` numbers with any
    /// content.
    ///
    /// # Errors
    /// [`IntegrateError::NotConverged`] if the iteration does not settle, or meets NaN or infinity;
    /// `z` then keeps its value.
    #[inline(always)]
    pub fn step<T: Real>(
        &self,
        field: &mut impl FnMut(&[T], &mut [T]),
        h: f64,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError> {
        self.start(field, z, work);
        self.solve(field, h, z, work)
    }

    /// First guess of the slopes: f(z) for all of them.
    #[inline(always)]
    fn start<T: Real>(&self, field: &mut impl FnMut(&[T], &mut [T]), z: &[T], work: &mut [T]) {
        let n = z.len();
        field(z, &mut work[..n]);
        for i in 1..self.stages() {
            work.copy_within(..n, i * n);
        }
    }

    /// Guess of the next step's slopes: the polynomial through this step's ones.
    #[inline(always)]
    fn extrapolate<T: Real>(&self, n: usize, work: &mut [T]) {
        let (slopes, rest) = work.split_at_mut(self.stages() * n);
        let old = &mut rest[..slopes.len()];
        old.copy_from_slice(slopes);
        for (weights, slope) in self.next.iter().zip_inlined(slopes.chunks_exact_mut(n)) {
            slope.fill(T::zero());
            combine_into(1.0, weights, old, slope);
        }
    }

    /// The step, from the guess of the slopes that `work` begins with; leaves the slopes there.
    #[inline(always)]
    fn solve<T: Real>(
        &self,
        field: &mut impl FnMut(&[T], &mut [T]),
        h: f64,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError> {
        let n = z.len();
        let (slopes, rest) = work.split_at_mut(self.stages() * n);
        let (stage, rest) = rest.split_at_mut(n);
        let slope = &mut rest[..n];
        let mut size = T::zero();
        for z in &*z {
            size += z.abs();
        }
        let roundoff = f64::EPSILON * size.max_abs();
        let mut last = f64::INFINITY;
        for _ in 0..Self::MAX_ITERATIONS {
            let mut change = T::zero();
            for (i, row) in self.a.iter().enumerate() {
                stage.copy_from_slice(z);
                combine_into(h, row, slopes, stage);
                field(stage, slope);
                for (old, &new) in slopes[i * n..].iter_mut().zip_inlined(&*slope) {
                    change += (new - *old).abs();
                    *old = new;
                }
            }
            let change = change.max_abs() * h.abs();
            // Below a few roundings the changes no longer shrink: stop as soon as they grow.
            if change <= roundoff || (change <= 16.0 * roundoff && change >= last) {
                combine_into(h, &self.b, slopes, z);
                return Ok(());
            }
            if !change.is_finite() {
                break;
            }
            last = change;
        }
        Err(IntegrateError::NotConverged { step: h, iterations: Self::MAX_ITERATIONS })
    }
}

impl<S: VectorField> Method<S> for GaussLegendre {
    fn order(&self) -> usize {
        2 * self.stages()
    }

    fn work_len(&self, dim: usize) -> usize {
        self.work_len(dim)
    }

    #[inline(always)]
    fn advance<T: Real>(
        &self,
        system: &S,
        h: f64,
        steps: usize,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError> {
        let (z, mut field) = (&mut z[..system.dim()], field_of(system));
        self.start(&mut field, z, work);
        for step in 0..steps {
            if step > 0 {
                self.extrapolate(z.len(), work);
            }
            self.solve(&mut field, h, z, work)?;
        }
        Ok(())
    }
}

/// z += h sum_j weight_j k_j, with the k_j one after the other in `slopes`.
#[inline(always)]
fn combine_into<T: Real>(h: f64, weights: &[f64], slopes: &[T], z: &mut [T]) {
    for (&weight, slope) in weights.iter().zip_inlined(slopes.chunks_exact(z.len())) {
        for (z, &k) in z.iter_mut().zip_inlined(slope) {
            *z += k * (h * weight);
        }
    }
}

/// Lagrange polynomial number j over the nodes c, at x.
fn lagrange(c: &[f64], j: usize, x: f64) -> f64 {
    c.iter().enumerate().filter(|&(i, _)| i != j).map(|(_, ci)| (x - ci) / (c[j] - ci)).product()
}
