//! The routines called as LAPACK's callers do, each argument between guards: sizes from zero,
//! leading dimensions beyond the rows, workspace queries. Run under AddressSanitizer these tests
//! also see reads outside.

use std::ffi::c_int;

use proptest::prelude::*;

use super::embedded::{dgelqf_, dgeqrf_, dgesdd_, dpotrf_, dpotri_, dpotrs_};

/// What stands around an argument and in the rows between those of the matrix and the leading
/// dimension.
const GUARD: f64 = -7.25e77;
const MARGIN: usize = 5;

/// A matrix m x n with leading dimension `ld` between guards.
#[derive(Clone)]
struct Guarded {
    m: usize,
    n: usize,
    ld: usize,
    cells: Vec<f64>,
}

impl Guarded {
    fn new(m: usize, n: usize, ld: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let mut guarded = Self { m, n, ld, cells: vec![GUARD; ld * n + 2 * MARGIN] };
        for (i, j) in guarded.places() {
            guarded.cells[MARGIN + j * ld + i] = value(i, j);
        }
        guarded
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let m = self.m;
        (0..self.n).flat_map(move |j| (0..m).map(move |i| (i, j)))
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.cells[MARGIN + j * self.ld + i]
    }

    fn pointer(&mut self) -> *mut f64 {
        self.cells[MARGIN..].as_mut_ptr()
    }

    fn intact(&self) -> bool {
        let inside = |k: usize| {
            k >= MARGIN && (k - MARGIN) / self.ld < self.n && (k - MARGIN) % self.ld < self.m
        };
        self.cells.iter().enumerate().all(|(k, x)| inside(k) || *x == GUARD)
    }

    fn finite(&self) -> bool {
        self.places().all(|(i, j)| self.at(i, j).is_finite())
    }
}

/// A number that looks random.
fn noise(i: usize, j: usize, seed: u64) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (j as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03)
        ^ seed;
    (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

type Orthogonal =
    unsafe extern "C" fn(&c_int, &c_int, *mut f64, &c_int, *mut f64, *mut f64, &c_int, &mut c_int);

/// Factors a matrix after a workspace query; checks all guards and the Gram matrix of the triangle.
fn factor(
    routine: Orthogonal,
    rows: bool,
    (m, n): (usize, usize),
    extra: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let ld = m.max(1) + extra;
    let before = Guarded::new(m, n, ld, |i, j| noise(i, j, seed));
    let (mut a, mut tau, mut work) = (
        before.clone(),
        Guarded::new(m.min(n), 1, m.min(n).max(1), |_, _| 0.0),
        Guarded::new(1, 1, 1, |_, _| 0.0),
    );
    let [m_, n_, ld_] = [m, n, ld].map(|x| x as c_int);
    let mut info = 1;
    for lwork in [-1, 1] {
        if lwork == 1 {
            prop_assert!(a.cells == before.cells, "a workspace query writes to the matrix");
        }
        // SAFETY: every array is as long as LAPACK asks for.
        unsafe {
            routine(&m_, &n_, a.pointer(), &ld_, tau.pointer(), work.pointer(), &lwork, &mut info)
        };
        prop_assert_eq!(info, 0);
        prop_assert!(work.at(0, 0) >= 1.0);
    }
    prop_assert!(a.intact() && tau.intact() && work.intact(), "written outside");
    // Columns of A = Q R, rows of A = L Q: Q goes from their products.
    let count = if rows { m } else { n };
    let (inner, kept) = if rows { (n, m.min(n)) } else { (m, m.min(n)) };
    let whole = |k: usize, i: usize| if rows { before.at(k, i) } else { before.at(i, k) };
    let triangle = |k: usize, i: usize| {
        if i > k {
            0.0
        } else if rows {
            a.at(k, i)
        } else {
            a.at(i, k)
        }
    };
    for (x, y) in (0..count).flat_map(|x| (0..=x).map(move |y| (x, y))) {
        let gram: f64 = (0..inner).map(|i| whole(x, i) * whole(y, i)).sum();
        let product: f64 = (0..kept).map(|i| triangle(x, i) * triangle(y, i)).sum();
        prop_assert!((gram - product).abs() < 1e-13, "{} and {}", gram, product);
    }
    Ok(())
}

fn decompose(
    jobz: u8,
    (m, n): (usize, usize),
    extra: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let (ld, size) = (m.max(1) + extra, m.min(n));
    let before = Guarded::new(m, n, ld, |i, j| noise(i, j, seed));
    let mut a = before.clone();
    let (left, right) = if jobz == b'A' { (m, n) } else { (size, size) };
    let mut u = Guarded::new(m, left, m.max(1) + extra, |_, _| GUARD);
    let mut vt = Guarded::new(right, n, right.max(1) + extra, |_, _| GUARD);
    let (mut s, mut work) =
        (Guarded::new(size, 1, size.max(1), |_, _| GUARD), Guarded::new(1, 1, 1, |_, _| 0.0));
    let [m_, n_, ld_, ldu, ldvt] = [m, n, ld, u.ld, vt.ld].map(|x| x as c_int);
    let mut integers = vec![0; 8 * size.max(1)];
    let mut info = 1;
    for lwork in [-1, 1] {
        // SAFETY: every array is as long as LAPACK asks for.
        unsafe {
            dgesdd_(
                &jobz,
                &m_,
                &n_,
                a.pointer(),
                &ld_,
                s.pointer(),
                u.pointer(),
                &ldu,
                vt.pointer(),
                &ldvt,
                work.pointer(),
                &lwork,
                integers.as_mut_ptr(),
                &mut info,
            );
        }
        prop_assert_eq!(info, 0);
        prop_assert!(lwork == 1 || s.cells.iter().all(|x| *x == GUARD), "a workspace query writes");
    }
    prop_assert!([&a, &s, &u, &vt, &work].into_iter().all(Guarded::intact), "written outside");
    if jobz == b'N' {
        prop_assert!(
            u.cells.iter().chain(&vt.cells).all(|x| *x == GUARD),
            "vectors that nobody asked for"
        );
        return Ok(());
    }
    prop_assert!(u.finite() && vt.finite());
    for (i, j) in before.places() {
        let product: f64 = (0..size).map(|k| u.at(i, k) * s.at(k, 0) * vt.at(k, j)).sum();
        prop_assert!(
            (product - before.at(i, j)).abs() < 1e-13,
            "{} and {}",
            product,
            before.at(i, j)
        );
    }
    Ok(())
}

fn positive_definite(
    uplo: u8,
    n: usize,
    nrhs: usize,
    extra: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let ld = n.max(1) + extra;
    let value = |i: usize, j: usize| {
        (0..n).map(|k| noise(i, k, seed) * noise(j, k, seed)).sum::<f64>()
            + f64::from(u8::from(i == j))
    };
    let before = Guarded::new(n, n, ld, value);
    let right = Guarded::new(n, nrhs, ld, |i, j| noise(j, i, !seed));
    let (mut a, mut b) = (before.clone(), right.clone());
    let [n_, nrhs_, ld_] = [n, nrhs, ld].map(|x| x as c_int);
    let mut info = 1;
    // SAFETY: every array is as long as LAPACK asks for.
    unsafe { dpotrf_(&uplo, &n_, a.pointer(), &ld_, &mut info) };
    prop_assert!(info == 0 && a.intact());
    // SAFETY: as above.
    unsafe { dpotrs_(&uplo, &n_, &nrhs_, a.pointer(), &ld_, b.pointer(), &ld_, &mut info) };
    prop_assert!(info == 0 && b.intact());
    for (i, j) in right.places() {
        let product: f64 = (0..n).map(|k| before.at(i, k) * b.at(k, j)).sum();
        prop_assert!((product - right.at(i, j)).abs() < 1e-12);
    }
    // SAFETY: as above.
    unsafe { dpotri_(&uplo, &n_, a.pointer(), &ld_, &mut info) };
    prop_assert!(info == 0 && a.intact());
    let inverse = |i: usize, j: usize| {
        if (i >= j) == (uplo == b'L') || i == j { a.at(i, j) } else { a.at(j, i) }
    };
    for (i, j) in before.places() {
        let product: f64 = (0..n).map(|k| before.at(i, k) * inverse(k, j)).sum();
        prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
        // The other triangle is not touched.
        prop_assert!(i == j || (i > j) == (uplo == b'L') || a.at(i, j) == before.at(i, j));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounds_of_orthogonal_factors(size in (0_usize..40, 0_usize..40), extra in 0_usize..4, seed: u64) {
        factor(dgeqrf_, false, size, extra, seed)?;
        factor(dgelqf_, true, size, extra, seed)?;
    }

    #[test]
    fn bounds_of_singular_values(size in (0_usize..14, 0_usize..14), extra in 0_usize..4, seed: u64) {
        for jobz in [b'A', b'S', b'N'] {
            decompose(jobz, size, extra, seed)?;
        }
    }

    #[test]
    fn bounds_of_positive_definite_systems(n in 0_usize..40, nrhs in 0_usize..4, extra in 0_usize..4, seed: u64) {
        for uplo in [b'L', b'U'] {
            positive_definite(uplo, n, nrhs, extra, seed)?;
        }
    }
}

#[test]
fn bad_input_is_reported_in_info() {
    let mut info = 0;
    let mut indefinite = Guarded::new(3, 3, 4, |i, j| if i == j { 1.0 - i as f64 } else { 0.0 });
    // SAFETY: the array is as long as LAPACK asks for.
    unsafe { dpotrf_(&b'L', &3, indefinite.pointer(), &4, &mut info) };
    assert!(info == 2 && indefinite.intact());
    let mut nan = Guarded::new(3, 3, 4, |_, _| f64::NAN);
    // SAFETY: as above.
    unsafe { dpotrf_(&b'U', &3, nan.pointer(), &4, &mut info) };
    assert!(info != 0 && nan.intact());
}
