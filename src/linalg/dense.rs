//! Dense linear algebra over ndarray-linalg: factorisations, positive definite systems, null
//! spaces.
//!
//! Matrices are checked on the way in, so that neither LAPACK nor its embedded stand-in meets a
//! number that isn't finite or a matrix without entries. Tolerances are relative to the largest
//! singular value.

use super::lapack;
use crate::parallel;
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, ShapeBuilder, s};
use ndarray_linalg::error::LinalgError as LapackError;
use ndarray_linalg::{
    Cholesky, FactorizeC, InverseC, JobSvd, Lapack, MatrixLayout, SVDDC, SolveC, UPLO,
};

/// What linear algebra refuses, or cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// A NaN or an infinity in the input.
    #[error(
        "the {matrix} has the entry {value} in row {row}, column {column}; finite numbers are accepted"
    )]
    NotFinite {
        /// Which matrix.
        matrix: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// The symmetric matrix has an eigenvalue that is zero or negative, to rounding.
    #[error(
        "the matrix is not positive definite; accepted is a symmetric one whose eigenvalues are all positive"
    )]
    NotPositiveDefinite,
    /// Shapes that don't fit.
    #[error("the {matrix} is {rows} x {columns}; accepted is {accepted}")]
    Shape {
        /// Which matrix.
        matrix: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// What would fit.
        accepted: String,
    },
    /// A tolerance outside [0, 1).
    #[error("the tolerance is {0}; accepted is a number from 0 to 1, without 1")]
    Tolerance(f64),
    /// LAPACK gave up.
    #[error("LAPACK failed")]
    Lapack(#[from] LapackError),
}

/// Result of linear algebra.
pub type Result<T> = std::result::Result<T, LinalgError>;

/// Rows that are factored at once: a few times the columns, so that little is done twice, yet
/// within a core's cache.
fn rows_per_block(columns: usize) -> usize {
    (8 * columns).max(256)
}

/// Triangular factor R (n x n, upper, diagonal not negative) of the QR decomposition of an m x n
/// matrix given as blocks of rows.
///
/// R carries all that least squares and rank decisions need: R'R = A'A, with the singular values of
/// A and not their squares. The reduction is a tree in parallel over blocks (TSQR; Demmel, Grigori,
/// Hoemmen, Langou 2012, SIAM J. Sci. Comput. 34, A206) whose shape depends on the sizes alone, so
/// any number of threads gives the same bytes. For m < n the last rows are zero.
///
/// # Errors
/// No block at all, blocks with different numbers of columns, entries that aren't finite.
pub fn triangular_factor(blocks: &[Array2<f64>]) -> Result<Array2<f64>> {
    let n = blocks.first().map_or(0, Array2::ncols);
    if blocks.is_empty() {
        return Err(LinalgError::Shape {
            matrix: "matrix",
            rows: 0,
            columns: 0,
            accepted: "at least one block of rows".into(),
        });
    }
    if let Some(block) = blocks.iter().find(|block| block.ncols() != n) {
        let accepted = format!("{n} columns in each block of rows");
        return Err(LinalgError::Shape {
            matrix: "block",
            rows: block.nrows(),
            columns: block.ncols(),
            accepted,
        });
    }
    let mut first_row = 0;
    for block in blocks {
        check_finite("matrix", block, first_row)?;
        first_row += block.nrows();
    }
    let mut factors = reduce(blocks, n)?;
    while factors.len() > 1 {
        factors = reduce(&factors, n)?;
    }
    Ok(factors.pop().unwrap_or_else(|| Array2::zeros((n, n))))
}

/// One level of the tree: the triangular factors of consecutive groups of rows.
fn reduce(blocks: &[Array2<f64>], n: usize) -> Result<Vec<Array2<f64>>> {
    let limit = rows_per_block(n);
    let mut groups: Vec<Vec<ArrayView2<f64>>> = Vec::new();
    let mut rows = limit;
    for piece in blocks.iter().flat_map(|block| block.axis_chunks_iter(Axis(0), limit)) {
        if rows + piece.nrows() > limit {
            groups.push(Vec::new());
            rows = 0;
        }
        rows += piece.nrows();
        if let Some(group) = groups.last_mut() {
            group.push(piece);
        }
    }
    parallel::map_slice(&groups, |group| householder_factor(group, n)).into_iter().collect()
}

/// R of the stacked rows, without forming Q.
fn householder_factor(group: &[ArrayView2<f64>], n: usize) -> Result<Array2<f64>> {
    let rows = group.iter().map(|piece| piece.nrows()).sum::<usize>();
    let mut stack = Array2::zeros((rows, n).f());
    let mut start = 0;
    for piece in group {
        stack.slice_mut(s![start..start + piece.nrows(), ..]).assign(piece);
        start += piece.nrows();
    }
    let mut r = Array2::zeros((n, n));
    if rows == 0 || n == 0 {
        return Ok(r);
    }
    lapack::use_one_thread();
    let layout = MatrixLayout::F { col: n as i32, lda: rows as i32 };
    if let Some(entries) = stack.as_slice_memory_order_mut() {
        f64::householder(layout, entries).map_err(LapackError::from)?;
    }
    for i in 0..rows.min(n) {
        let sign = if stack[[i, i]] < 0.0 { -1.0 } else { 1.0 };
        for j in i..n {
            r[[i, j]] = sign * stack[[i, j]];
        }
    }
    Ok(r)
}

/// Thin singular value decomposition A = U diag(s) V': U (m x k), s (k, descending), V' (k x n), k
/// = min(m, n).
///
/// # Errors
/// Entries that aren't finite.
pub fn svd(a: &ArrayRef2<f64>) -> Result<(Array2<f64>, Array1<f64>, Array2<f64>)> {
    check_finite("matrix", a, 0)?;
    let (m, n) = a.dim();
    if a.is_empty() {
        return Ok((Array2::zeros((m, 0)), Array1::zeros(0), Array2::zeros((0, n))));
    }
    lapack::use_one_thread();
    match standard(a).svddc(JobSvd::Some)? {
        (Some(u), s, Some(vt)) => Ok((u, s, vt)),
        _ => unreachable!("the thin decomposition was asked for, so both factors are there"),
    }
}

/// Lower Cholesky factor L of a symmetric positive definite matrix A = L L'; the lower triangle is
/// read.
///
/// # Errors
/// A matrix that isn't square or isn't positive definite, entries that aren't finite.
pub fn cholesky(a: &ArrayRef2<f64>) -> Result<Array2<f64>> {
    check_square(a)?;
    if a.is_empty() {
        return Ok(Array2::zeros((0, 0)));
    }
    lapack::use_one_thread();
    standard(a).cholesky(UPLO::Lower).map_err(not_positive_definite)
}

/// Solution x of A x = b for a symmetric positive definite A.
///
/// # Errors
/// A matrix that isn't square or isn't positive definite, a right-hand side of another length,
/// entries that aren't finite.
pub fn solve_spd(a: &ArrayRef2<f64>, b: &ArrayRef1<f64>) -> Result<Array1<f64>> {
    check_square(a)?;
    check_right_hand_side(b, a.nrows())?;
    if a.is_empty() {
        return Ok(Array1::zeros(0));
    }
    lapack::use_one_thread();
    let factor = standard(a).factorizec(UPLO::Lower).map_err(not_positive_definite)?;
    Ok(factor.solvec_into(b.iter().copied().collect::<Array1<f64>>())?)
}

/// Inverse of a symmetric positive definite matrix.
///
/// # Errors
/// A matrix that isn't square or isn't positive definite, entries that aren't finite.
pub fn inverse_spd(a: &ArrayRef2<f64>) -> Result<Array2<f64>> {
    check_square(a)?;
    if a.is_empty() {
        return Ok(Array2::zeros((0, 0)));
    }
    lapack::use_one_thread();
    standard(a).invc().map_err(not_positive_definite)
}

/// Orthonormal basis (columns, n x (n - rank)) of the vectors that an m x n matrix maps to zero:
/// the right singular vectors whose singular values are at most `tolerance` times the largest.
///
/// # Errors
/// A tolerance outside [0, 1), entries that aren't finite.
pub fn null_space(a: &ArrayRef2<f64>, tolerance: f64) -> Result<Array2<f64>> {
    check_tolerance(tolerance)?;
    let (_, s, vt) = svd(&triangular_factor(&[a.to_owned()])?)?;
    Ok(vt.slice(s![numerical_rank(&s, tolerance).., ..]).t().to_owned())
}

/// Number of singular values (descending) above `tolerance` times the largest.
pub(super) fn numerical_rank(singular_values: &Array1<f64>, tolerance: f64) -> usize {
    let threshold = singular_values.first().map_or(0.0, |largest| tolerance * largest);
    singular_values.iter().take_while(|&&s| s > threshold).count()
}

/// The same matrix, in one row-major piece.
fn standard(a: &ArrayRef2<f64>) -> Array2<f64> {
    let mut copy = Array2::zeros(a.dim());
    copy.assign(a);
    copy
}

/// The only way in which a Cholesky factorisation of finite numbers fails.
fn not_positive_definite(_: LapackError) -> LinalgError {
    LinalgError::NotPositiveDefinite
}

pub(super) fn check_finite(
    matrix: &'static str,
    a: &ArrayRef2<f64>,
    first_row: usize,
) -> Result<()> {
    match a.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => {
            Err(LinalgError::NotFinite { matrix, row: first_row + row, column, value })
        }
        None => Ok(()),
    }
}

fn check_square(a: &ArrayRef2<f64>) -> Result<()> {
    check_finite("matrix", a, 0)?;
    if a.is_square() {
        return Ok(());
    }
    Err(LinalgError::Shape {
        matrix: "matrix",
        rows: a.nrows(),
        columns: a.ncols(),
        accepted: "a square matrix".into(),
    })
}

fn check_right_hand_side(b: &ArrayRef1<f64>, rows: usize) -> Result<()> {
    check_finite("right-hand side", &b.view().insert_axis(Axis(1)), 0)?;
    if b.len() == rows {
        return Ok(());
    }
    Err(LinalgError::Shape {
        matrix: "right-hand side",
        rows: b.len(),
        columns: 1,
        accepted: format!("{rows} x 1, as the matrix has rows"),
    })
}

pub(super) fn check_tolerance(tolerance: f64) -> Result<()> {
    if (0.0..1.0).contains(&tolerance) { Ok(()) } else { Err(LinalgError::Tolerance(tolerance)) }
}

/// Inverse of an upper triangular matrix (n x n) by back-substitution; what lies below the diagonal
/// is not read.
///
/// # Errors
/// A matrix that isn't square, a zero on the diagonal, entries that aren't finite.
pub fn triangular_inverse(r: &ArrayRef2<f64>) -> Result<Array2<f64>> {
    let (n, columns) = r.dim();
    if n != columns || (0..n).any(|i| r[[i, i]] == 0.0) {
        return Err(LinalgError::Shape {
            matrix: "triangular matrix",
            rows: n,
            columns,
            accepted: "a square one without zeros on the diagonal".into(),
        });
    }
    check_finite("triangular matrix", r, 0)?;
    let mut inverse = Array2::zeros((n, n));
    for j in 0..n {
        inverse[[j, j]] = 1.0 / r[[j, j]];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| r[[i, k]] * inverse[[k, j]]).sum();
            inverse[[i, j]] = -sum / r[[i, i]];
        }
    }
    Ok(inverse)
}
