//! The LAPACK routines that `ndarray-linalg` calls for [`dense`](super::dense).
//!
//! Feature `embedded-lapack` (the default) exports them under their Fortran names, filled in by the
//! pure-Rust library faer (El Kazdadi 2023); feature `openblas` links the system's OpenBLAS, and
//! wins if both are on. All run on one thread: the crate is parallel one level above. Matrices are
//! column-major with a leading dimension; `info` is 0, or the one-based place of a failure.
//!
//! The only file of the crate with `unsafe`: pointers become faer matrices at the boundary and
//! nothing else happens to them. Its tests put guards around every argument.
#![allow(unsafe_code)]

#[cfg(not(any(feature = "embedded-lapack", feature = "openblas")))]
compile_error!(
    "no LAPACK chosen: enable the feature `embedded-lapack` (default, pure Rust) or `openblas` (system library libopenblas)"
);

#[cfg(feature = "openblas")]
pub use system::use_one_thread;

/// Nothing to do: the embedded routines have no threads of their own.
#[cfg(not(feature = "openblas"))]
pub fn use_one_thread() {}

#[cfg(feature = "openblas")]
mod system {
    use std::ffi::c_int;
    use std::sync::Once;

    #[link(name = "openblas")]
    unsafe extern "C" {
        fn openblas_set_num_threads(threads: c_int);
    }

    /// Keeps OpenBLAS from starting threads of its own under rayon's; costs nothing after the first
    /// call.
    pub fn use_one_thread() {
        static ONCE: Once = Once::new();
        // SAFETY: the function takes an int by value, and `Once` keeps two threads from calling it
        // together.
        ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
    }
}

#[cfg(all(feature = "embedded-lapack", not(feature = "openblas")))]
mod embedded {
    use faer::diag::Diag;
    use faer::dyn_stack::{MemBuffer, MemStack};
    use faer::linalg::householder::{
        apply_block_householder_transpose_on_the_left_in_place_scratch as apply_scratch,
        apply_block_householder_transpose_on_the_left_in_place_with_conj as apply_transposed,
        make_householder_in_place, upgrade_householder_factor,
    };
    use faer::linalg::solvers::Llt;
    use faer::linalg::svd::{ComputeSvdVectors, SvdError, SvdParams, svd, svd_scratch};
    use faer::linalg::triangular_solve::{
        solve_lower_triangular_in_place, solve_upper_triangular_in_place,
    };
    use faer::prelude::{Reborrow, ReborrowMut};
    use faer::{Auto, Conj, Mat, MatMut, MatRef, Par, Side};
    use std::ffi::c_int;

    /// Columns that are factored together before the rest of the matrix is updated.
    const PANEL: usize = 16;

    /// Upper triangle R and Householder vectors of A = Q R in place, and LAPACK's scalar factors
    /// tau.
    ///
    /// Blocked as LAPACK's dgeqrf with compact WY updates (Schreiber, Van Loan 1989), from faer's
    /// kernels. faer's own factorisation skips columns that depend on earlier ones to 16 m epsilon,
    /// which would cost five digits of the small singular values.
    fn householder_qr(mut a: MatMut<'_, f64>) -> Vec<f64> {
        let (m, n) = a.rb().shape();
        let size = m.min(n);
        let mut tau = Vec::with_capacity(size);
        let mut buffer = MemBuffer::new(apply_scratch::<f64>(m, PANEL, n));
        let stack = MemStack::new(&mut buffer);
        for start in (0..size).step_by(PANEL) {
            let width = PANEL.min(size - start);
            let (mut panel, rest) = a
                .rb_mut()
                .submatrix_mut(start, start, m - start, n - start)
                .split_at_col_mut(width);
            let mut factor = Mat::zeros(width, width);
            for j in 0..width {
                let (mut column, right) = panel
                    .rb_mut()
                    .submatrix_mut(j, j, m - start - j, width - j)
                    .split_at_col_mut(1);
                let (mut head, tail) = column.rb_mut().col_mut(0).split_at_row_mut(1);
                factor[(j, j)] = make_householder_in_place(&mut head[0], tail).tau;
                let reflector = MatRef::from_ref(&factor[(j, j)]);
                apply_transposed(column.rb(), reflector, Conj::No, right, Par::Seq, stack);
                tau.push(1.0 / factor[(j, j)]); // faer has I - v v' / tau, LAPACK I - tau v v'
            }
            upgrade_householder_factor(factor.as_mut(), panel.rb(), width, 1, Par::Seq);
            apply_transposed(panel.rb(), factor.as_ref(), Conj::No, rest, Par::Seq, stack);
        }
        tau
    }

    /// U, s and V.
    type SvdFactors = (Mat<f64>, Diag<f64>, Mat<f64>);

    /// Factors U, s, V of A = U diag(s) V', with square or with thin U and V.
    ///
    /// Without the QR step that faer takes first for tall matrices: it drops the same small
    /// directions.
    fn singular_values(a: MatRef<'_, f64>, square: bool) -> Result<SvdFactors, SvdError> {
        let (m, n) = a.shape();
        let size = m.min(n);
        let (left, right, vectors) = if square {
            (m, n, ComputeSvdVectors::Full)
        } else {
            (size, size, ComputeSvdVectors::Thin)
        };
        let (mut u, mut s, mut v) = (Mat::zeros(m, left), Diag::zeros(size), Mat::zeros(n, right));
        let params =
            SvdParams { qr_ratio_threshold: f64::INFINITY, ..<SvdParams as Auto<f64>>::auto() };
        let mut buffer =
            MemBuffer::new(svd_scratch::<f64>(m, n, vectors, vectors, Par::Seq, params.into()));
        let stack = MemStack::new(&mut buffer);
        svd(a, s.as_mut(), Some(u.as_mut()), Some(v.as_mut()), Par::Seq, stack, params.into())?;
        Ok((u, s, v))
    }

    /// Solves L L' X = B in place of B.
    fn solve_factored(lower: MatRef<'_, f64>, mut b: MatMut<'_, f64>) {
        solve_lower_triangular_in_place(lower, b.rb_mut(), Par::Seq);
        solve_upper_triangular_in_place(lower.transpose(), b, Par::Seq);
    }

    /// The matrix at `a`, m x n, column-major with leading dimension `lda`.
    ///
    /// # Safety
    /// `a` holds lda n initialised numbers, lda >= m, that nothing else uses while the result
    /// lives.
    unsafe fn matrix<'a>(a: *mut f64, m: &c_int, n: &c_int, lda: &c_int) -> MatMut<'a, f64> {
        // SAFETY: as promised by the caller.
        unsafe { MatMut::from_raw_parts_mut(a, *m as usize, *n as usize, 1, *lda as isize) }
    }

    /// The same, only to be read.
    ///
    /// # Safety
    /// `a` holds lda n initialised numbers, lda >= m, that nothing writes to while the result
    /// lives.
    unsafe fn matrix_ref<'a>(a: *const f64, m: &c_int, n: &c_int, lda: &c_int) -> MatRef<'a, f64> {
        // SAFETY: as promised by the caller.
        unsafe { MatRef::from_raw_parts(a, *m as usize, *n as usize, 1, *lda as isize) }
    }

    /// Writes a matrix to `out`, column-major with leading dimension `ld`; what was there is never
    /// read.
    ///
    /// # Safety
    /// `out` has room for `ld` times the number of columns.
    unsafe fn store(matrix: MatRef<'_, f64>, out: *mut f64, ld: &c_int) {
        for j in 0..matrix.ncols() {
            for i in 0..matrix.nrows() {
                // SAFETY: i < ld and j is a column, so the place is inside the caller's memory.
                unsafe { out.add(j * *ld as usize + i).write(matrix[(i, j)]) };
            }
        }
    }

    /// Answers a workspace query; no routine here needs the caller's workspace.
    ///
    /// # Safety
    /// `work` has room for one number.
    unsafe fn is_query(work: *mut f64, lwork: &c_int) -> bool {
        // SAFETY: as promised by the caller.
        unsafe { work.write(1.0) };
        *lwork == -1
    }

    fn side(uplo: &u8) -> Side {
        if *uplo == b'U' { Side::Upper } else { Side::Lower }
    }

    /// QR factorisation.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dgeqrf_(
        m: &c_int,
        n: &c_int,
        a: *mut f64,
        lda: &c_int,
        tau: *mut f64,
        work: *mut f64,
        lwork: &c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `work` holds at least one number, `a` lda n,
        // `tau` min(m, n).
        unsafe {
            if !is_query(work, lwork) {
                let factors = householder_qr(matrix(a, m, n, lda));
                store(
                    MatRef::from_column_major_slice(&factors, factors.len(), 1),
                    tau,
                    &(factors.len() as c_int),
                );
            }
        }
    }

    /// LQ factorisation: the QR factorisation of the transposed matrix.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dgelqf_(
        m: &c_int,
        n: &c_int,
        a: *mut f64,
        lda: &c_int,
        tau: *mut f64,
        work: *mut f64,
        lwork: &c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `work` holds at least one number, `a` lda n,
        // `tau` min(m, n).
        unsafe {
            if !is_query(work, lwork) {
                let factors = householder_qr(matrix(a, m, n, lda).transpose_mut());
                store(
                    MatRef::from_column_major_slice(&factors, factors.len(), 1),
                    tau,
                    &(factors.len() as c_int),
                );
            }
        }
    }

    /// Singular value decomposition; `jobz` is A (square U and V), S (thin) or N (values only).
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dgesdd_(
        jobz: &u8,
        m: &c_int,
        n: &c_int,
        a: *mut f64,
        lda: &c_int,
        s: *mut f64,
        u: *mut f64,
        ldu: &c_int,
        vt: *mut f64,
        ldvt: &c_int,
        work: *mut f64,
        lwork: &c_int,
        _iwork: *mut c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `work` holds at least one number, `a` lda n, `s`
        // min(m, n), and unless `jobz` is N, `u` and `vt` hold their leading dimensions times the
        // columns that `jobz` asks for.
        unsafe {
            if is_query(work, lwork) {
                return;
            }
            match singular_values(matrix_ref(a, m, n, lda), *jobz == b'A') {
                Ok((left, values, right)) => {
                    store(values.column_vector().as_mat(), s, m.min(n));
                    if *jobz != b'N' {
                        store(left.as_ref(), u, ldu);
                        store(right.transpose(), vt, ldvt);
                    }
                }
                Err(_) => *info = 1,
            }
        }
    }

    /// Cholesky factor in the triangle that `uplo` names.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dpotrf_(
        uplo: &u8,
        n: &c_int,
        a: *mut f64,
        lda: &c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `a` holds lda n numbers.
        let mut a = unsafe { matrix(a, n, n, lda) };
        match (Llt::new(a.rb(), side(uplo)), side(uplo)) {
            (Ok(llt), Side::Lower) => a.copy_from_triangular_lower(llt.L()),
            (Ok(llt), Side::Upper) => a.copy_from_triangular_upper(llt.L().transpose()),
            (Err(faer::linalg::cholesky::llt::factor::LltError::NonPositivePivot { index }), _) => {
                *info = index as c_int + 1
            }
        }
    }

    /// Solution of A X = B by the Cholesky factor that [`dpotrf_`] left in `a`.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dpotrs_(
        uplo: &u8,
        n: &c_int,
        nrhs: &c_int,
        a: *const f64,
        lda: &c_int,
        b: *mut f64,
        ldb: &c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `a` holds lda n numbers (only read here), `b` ldb
        // nrhs, and they don't overlap.
        let (a, b) = unsafe { (matrix_ref(a, n, n, lda), matrix(b, n, nrhs, ldb)) };
        solve_factored(if side(uplo) == Side::Lower { a } else { a.transpose() }, b);
    }

    /// Inverse, in the triangle that `uplo` names, by the Cholesky factor that [`dpotrf_`] left
    /// there.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn dpotri_(
        uplo: &u8,
        n: &c_int,
        a: *mut f64,
        lda: &c_int,
        info: &mut c_int,
    ) {
        *info = 0;
        // SAFETY: LAPACK's contract, kept by lax: `a` holds lda n numbers.
        let mut a = unsafe { matrix(a, n, n, lda) };
        let mut inverse = Mat::identity(a.nrows(), a.nrows());
        if side(uplo) == Side::Lower {
            solve_factored(a.rb(), inverse.as_mut());
            a.copy_from_triangular_lower(inverse);
        } else {
            solve_factored(a.rb().transpose(), inverse.as_mut());
            a.copy_from_triangular_upper(inverse);
        }
    }
}

#[cfg(all(test, feature = "embedded-lapack", not(feature = "openblas")))]
mod tests;
