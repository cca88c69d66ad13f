//! Which directions of a linear model's parameters the data see, from the triangular factor of its
//! design matrix.

use super::dense::{Result, check_finite, check_tolerance, numerical_rank, svd};
use ndarray::{Array1, Array2, ArrayRef2, ArrayView2, Axis, s};

/// Coordinates u in which a linear model's parameters theta = W u have orthonormal effects: A W has
/// orthonormal columns.
///
/// With the decomposition A = U diag(s) V', W = V diag(1 / s) over the singular values above a
/// tolerance. Directions of theta that A cannot see (constants, duplicates, gauge freedoms) get no
/// coordinate.
#[derive(Clone, Debug)]
pub struct Whitening {
    singular_values: Array1<f64>,
    /// W, n x rank.
    parameters: Array2<f64>,
    /// diag(s) V', rank x n: the left inverse of W.
    coordinates: Array2<f64>,
}

impl Whitening {
    /// Whitening from the [`triangular_factor`](super::triangular_factor) (n x n) of A; singular
    /// values at most `tolerance` times the largest are dropped.
    ///
    /// # Errors
    /// A tolerance outside [0, 1), entries that aren't finite.
    pub fn new(factor: &ArrayRef2<f64>, tolerance: f64) -> Result<Self> {
        check_tolerance(tolerance)?;
        let (_, singular_values, vt) = svd(factor)?;
        let rank = numerical_rank(&singular_values, tolerance);
        let kept = singular_values.slice(s![..rank]);
        let parameters = &vt.slice(s![..rank, ..]).t() / &kept;
        let coordinates = &vt.slice(s![..rank, ..]) * &kept.insert_axis(Axis(1));
        Ok(Self { singular_values, parameters, coordinates })
    }

    /// Whitening of A with its columns scaled to length one first, so that the `tolerance` (see
    /// [`new`](Self::new)) does not hang on the units of the parameters; theta stay the parameters
    /// of A itself. `factor` (n columns) is the [`triangular_factor`](super::triangular_factor) of
    /// A.
    ///
    /// # Errors
    /// A tolerance outside [0, 1), entries that aren't finite.
    pub fn of_unit_columns(factor: &ArrayRef2<f64>, tolerance: f64) -> Result<Self> {
        let lengths: Array1<f64> =
            factor.columns().into_iter().map(|column| column.dot(&column).sqrt()).collect();
        let scale = lengths.mapv(|l| if l > 0.0 { 1.0 / l.max(f64::MIN_POSITIVE) } else { 0.0 });
        let unit = Self::new(&(factor.to_owned() * &scale), tolerance)?;
        Ok(Self {
            singular_values: unit.singular_values,
            parameters: unit.parameters * &scale.insert_axis(Axis(1)),
            coordinates: unit.coordinates * &lengths,
        })
    }

    /// Number of coordinates.
    pub fn rank(&self) -> usize {
        self.parameters.ncols()
    }

    /// All singular values of A, descending.
    pub fn singular_values(&self) -> &Array1<f64> {
        &self.singular_values
    }

    /// W (n x rank).
    pub fn matrix(&self) -> &Array2<f64> {
        &self.parameters
    }

    /// Parameters theta = W u; `u` has [`rank`](Self::rank) entries, `theta` n.
    pub fn parameters_into(&self, u: &[f64], theta: &mut [f64]) {
        product_into(self.parameters.view(), u, theta);
    }

    /// Gradient with respect to the coordinates, W' g, of a function with the gradient g (n
    /// entries) with respect to theta.
    pub fn gradient_into(&self, grad_theta: &[f64], grad_u: &mut [f64]) {
        product_into(self.parameters.t(), grad_theta, grad_u);
    }

    /// Coordinates diag(s) V' theta: those of theta's part that A can see.
    pub fn coordinates(&self, theta: &[f64]) -> Vec<f64> {
        let mut u = vec![0.0; self.rank()];
        product_into(self.coordinates.view(), theta, &mut u);
        u
    }
}

/// y = A x, row by row.
fn product_into(a: ArrayView2<f64>, x: &[f64], y: &mut [f64]) {
    assert_eq!((y.len(), x.len()), a.dim(), "lengths of a whitened vector and its image");
    for (y, row) in y.iter_mut().zip(a.rows()) {
        *y = row.iter().zip(x).map(|(a, x)| a * x).sum();
    }
}

/// Columns of A, given by its [`triangular_factor`](super::triangular_factor), that are not linear
/// combinations of earlier ones that were kept.
///
/// In column order; a column goes when what is left of it after projection is at most `tolerance`
/// times its own norm, or when it is zero. Modified Gram-Schmidt, twice (Giraud, Langou, Rozloznik
/// 2005).
///
/// # Errors
/// A tolerance outside [0, 1), entries that aren't finite.
pub fn independent_columns(factor: &ArrayRef2<f64>, tolerance: f64) -> Result<Vec<usize>> {
    check_tolerance(tolerance)?;
    check_finite("factor", factor, 0)?;
    let mut kept = Vec::new();
    let mut directions: Vec<Array1<f64>> = Vec::new();
    for (index, column) in factor.columns().into_iter().enumerate() {
        let norm = column.dot(&column).sqrt();
        let mut left = column.to_owned();
        for direction in directions.iter().chain(&directions) {
            let component = direction.dot(&left);
            left.scaled_add(-component, direction);
        }
        let remaining = left.dot(&left).sqrt();
        if remaining > tolerance * norm {
            kept.push(index);
            directions.push(left / remaining);
        }
    }
    Ok(kept)
}
