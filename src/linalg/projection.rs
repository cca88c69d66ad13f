//! Least squares on a few columns by orthogonal projection.

use ndarray::Array1;

use super::{ZipInlined, vectorised};

/// Of a column that lies so near to the others, relative to its length, nothing is left but
/// roundoff.
const DEPENDENT: f64 = 1e-7;

/// Orthonormal columns, and what they leave of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Projection {
    pub basis: Vec<Vec<f64>>,
    /// Of each column its components along the basis.
    factor: Vec<Vec<f64>>,
    /// Components of the target along the basis.
    along: Vec<f64>,
    pub residual: Vec<f64>,
}

impl Projection {
    /// Of no columns.
    pub fn of(target: Vec<f64>) -> Self {
        Self { residual: target, ..Self::default() }
    }

    /// Of some columns; none where one of them depends on the others.
    pub fn on<'a>(
        target: Vec<f64>,
        columns: impl IntoIterator<Item = &'a Vec<f64>>,
    ) -> Option<Self> {
        let mut projection = Self::of(target);
        columns.into_iter().all(|c| projection.push(c)).then_some(projection)
    }

    /// Takes in a column; says whether it is independent of the others.
    pub fn push(&mut self, column: &[f64]) -> bool {
        let size = dot(column, column).sqrt();
        let mut rest = column.to_vec();
        let mut components = vec![0.0; self.basis.len()];
        // Twice: what the first subtraction leaves along the basis is roundoff (Giraud et al. 2005).
        for _ in 0..2 {
            for (q, component) in self.basis.iter().zip(&mut components) {
                let along = dot(q, &rest);
                subtract(&mut rest, along, q);
                *component += along;
            }
        }
        let left = dot(&rest, &rest).sqrt();
        let independent = left > DEPENDENT * size;
        if !independent {
            return false;
        }
        rest.iter_mut().for_each(|x| *x /= left);
        components.push(left);
        let along = dot(&rest, &self.residual);
        subtract(&mut self.residual, along, &rest);
        self.along.push(along);
        self.factor.push(components);
        self.basis.push(rest);
        true
    }

    /// Sum of the squares of what is left.
    pub fn squares(&self) -> f64 {
        dot(&self.residual, &self.residual)
    }

    /// Coefficients of the columns.
    pub fn coefficients(&self) -> Vec<f64> {
        let mut x = self.along.clone();
        for k in (0..x.len()).rev() {
            x[k] /= self.factor[k][k];
            let (before, xk) = (&self.factor[k][..k], x[k]);
            x[..k].iter_mut().zip(before).for_each(|(x, f)| *x -= f * xk);
        }
        x
    }

    /// The coefficient of the last column.
    pub fn last_coefficient(&self) -> f64 {
        let last = self.factor.last().and_then(|f| f.last());
        self.along.last().zip(last).map_or(0.0, |(along, factor)| along / factor)
    }

    /// What is left of a vector without what lies along the basis.
    pub fn rejected(&self, vector: Array1<f64>) -> Array1<f64> {
        let mut vector = vector.to_vec();
        self.reject(&mut vector);
        Array1::from(vector)
    }

    /// Takes out of a vector what lies along the basis.
    pub fn reject(&self, vector: &mut [f64]) {
        for q in &self.basis {
            let along = dot(q, vector);
            subtract(vector, along, q);
        }
    }
}

/// The inner product, in eight sums side by side.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0; 8];
            let ((a8, a), (b8, b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
            for (a, b) in a8.iter().zip_inlined(b8) {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum += a[k] * b[k];
                }
            }
            let mut sum = 0.0;
            for (a, b) in a.iter().zip_inlined(b) {
                sum += a * b;
            }
            for part in sums {
                sum += part;
            }
            sum
        },
    )
}

fn subtract(x: &mut [f64], factor: f64, y: &[f64]) {
    let y = &y[..x.len()];
    vectorised(
        #[inline(always)]
        || {
            for (k, x) in x.iter_mut().enumerate() {
                *x -= factor * y[k];
            }
        },
    );
}
