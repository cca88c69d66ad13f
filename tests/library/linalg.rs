//! Dense linear algebra on matrices that are ill-conditioned, rank-deficient, empty or broken; the
//! same with either LAPACK.

use ndarray::{Array1, Array2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::linalg::{
    LinalgError, Whitening, cholesky, independent_columns, inverse_spd, null_space, solve_spd, svd,
    triangular_factor,
};

fn random(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-1.0..1.0))
}

fn hilbert(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| 1.0 / (i + j + 1) as f64)
}

/// Rank 5, and not square.
fn deficient(rows: usize, columns: usize) -> Array2<f64> {
    random(rows, 5, 1).dot(&random(5, columns, 2))
}

fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |m, x| if x.is_finite() { f64::max(m, x.abs()) } else { f64::INFINITY })
}

fn orthonormality(q: &Array2<f64>) -> f64 {
    largest(&(q.t().dot(q) - Array2::<f64>::eye(q.ncols())))
}

/// Shapes: tall, wide, square, single row and column, more columns than a panel of the blocked
/// factorisation.
fn samples() -> Vec<(&'static str, Array2<f64>)> {
    vec![
        ("random 40 x 7", random(40, 7, 3)),
        ("random 7 x 40", random(7, 40, 4)),
        ("random 700 x 50", random(700, 50, 5)),
        ("random 50 x 50", random(50, 50, 6)),
        ("row", random(1, 6, 7)),
        ("column", random(6, 1, 8)),
        ("number", random(1, 1, 9)),
        ("Hilbert 12 x 12", hilbert(12, 12)),
        ("Hilbert 300 x 20", hilbert(300, 20)),
        ("rank 5, 60 x 20", deficient(60, 20)),
        ("rank 5, 20 x 60", deficient(20, 60)),
        ("zero", Array2::zeros((9, 4))),
        ("column-major", random(30, 8, 10).reversed_axes()),
        ("tiny", random(20, 6, 11) * 1e-160),
        ("huge", random(20, 6, 12) * 1e150),
    ]
}

#[test]
fn factor_has_the_gram_matrix_and_the_singular_values() {
    for (name, a) in samples() {
        let scale = largest(&a).max(f64::MIN_POSITIVE);
        let a = a / scale;
        let r = triangular_factor(std::slice::from_ref(&a)).unwrap();
        assert_eq!(r.dim(), (a.ncols(), a.ncols()), "{name}");
        assert!(r.indexed_iter().all(|((i, j), &x)| i <= j || x == 0.0), "{name}: not triangular");
        assert!(r.diag().iter().all(|&x| x >= 0.0), "{name}: negative diagonal");
        let size = (a.nrows() * a.ncols()) as f64;
        let gram = largest(&(r.t().dot(&r) - a.t().dot(&a)));
        assert!(gram < 5e-15 * size.sqrt(), "{name}: {gram:e}");
        let (s_a, s_r) = (svd(&a).unwrap().1, svd(&r).unwrap().1);
        let difference = s_a.iter().zip(&s_r).fold(0.0, |m, (x, y)| f64::max(m, (x - y).abs()));
        assert!(difference < 1e-14 * s_a[0].max(1.0), "{name}: {difference:e}");
    }
}

#[test]
fn factor_keeps_columns_of_very_different_size() {
    let mut a = random(500, 20, 13);
    for (j, mut column) in a.columns_mut().into_iter().enumerate() {
        column *= 10f64.powi(-(j as i32));
    }
    let r = triangular_factor(std::slice::from_ref(&a)).unwrap();
    for j in 0..20 {
        let (kept, norm) =
            (r.column(j).dot(&r.column(j)).sqrt(), a.column(j).dot(&a.column(j)).sqrt());
        assert!((kept / norm - 1.0).abs() < 1e-14, "column {j}: {kept:e} for {norm:e}");
    }
}

#[test]
fn factor_does_not_drop_small_directions() {
    // The last column leaves the span of the first by 1e-13 of its norm: a factorisation that
    // thinks that nothing loses it.
    let mut a = random(1000, 2, 14);
    let (first, away) = (a.column(0).to_owned(), a.column(1).to_owned());
    let away = &away - &first * (first.dot(&away) / first.dot(&first));
    a.column_mut(1).assign(&(&first + &away * 1e-13));
    let truth = 1e-13 * away.dot(&away).sqrt();
    let r = triangular_factor(&[a]).unwrap();
    assert!((r[[1, 1]] / truth - 1.0).abs() < 1e-3, "{:e} for {truth:e}", r[[1, 1]]);
}

#[test]
fn determinism_of_the_factor_over_threads() {
    let a = random(3000, 30, 16);
    let factor = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| triangular_factor(std::slice::from_ref(&a)).unwrap())
    };
    assert_eq!(factor(1), factor(4));
}

#[test]
fn factor_does_not_depend_on_the_cut_into_blocks() {
    let a = random(900, 25, 17);
    let whole = triangular_factor(std::slice::from_ref(&a)).unwrap();
    for rows in [1, 7, 100, 899] {
        let blocks: Vec<_> =
            a.axis_chunks_iter(Axis(0), rows).map(|block| block.to_owned()).collect();
        let difference = largest(&(triangular_factor(&blocks).unwrap() - &whole));
        assert!(difference < 5e-14, "{rows} rows a block: {difference:e}");
    }
}

#[test]
fn svd_gives_back_the_matrix() {
    for (name, a) in samples() {
        let (u, s, vt) = svd(&a).unwrap();
        let k = a.nrows().min(a.ncols());
        assert_eq!((u.dim(), s.len(), vt.dim()), ((a.nrows(), k), k, (k, a.ncols())), "{name}");
        assert!(s.iter().zip(s.iter().skip(1)).all(|(x, y)| x >= y && *y >= 0.0), "{name}: {s}");
        let back = largest(&((&u * &s).dot(&vt) - &a)) / s[0].max(f64::MIN_POSITIVE);
        let (left, right) = (orthonormality(&u), orthonormality(&vt.reversed_axes()));
        assert!(
            back < 1e-14 && left < 5e-14 && right < 5e-14,
            "{name}: {back:e} {left:e} {right:e}"
        );
    }
}

#[test]
fn svd_of_hilbert_matrix_agrees_with_known_values() {
    // Largest singular value and condition number of the 10 x 10 Hilbert matrix (Todd 1961).
    let (_, s, _) = svd(&hilbert(10, 10)).unwrap();
    assert!((s[0] - 1.751_919_670_265_178).abs() < 1e-14, "{}", s[0]);
    assert!((s[0] / s[9] / 1.602_502_816_811_318e13 - 1.0).abs() < 1e-2, "{:e}", s[0] / s[9]);
}

#[test]
fn cholesky_solves_and_inverts() {
    for n in [1, 3, 20, 70] {
        let root = random(2 * n + 3, n, 19);
        let a = root.t().dot(&root);
        let l = cholesky(&a).unwrap();
        assert!(l.indexed_iter().all(|((i, j), &x)| i >= j || x == 0.0));
        assert!(largest(&(l.dot(&l.t()) - &a)) < 2e-15 * n as f64);
        let x = random(n, 1, 20).column(0).to_owned();
        let solved = solve_spd(&a, &a.dot(&x)).unwrap();
        let error = (&solved - &x).iter().fold(0.0, |m: f64, e| m.max(e.abs()));
        let inverse = inverse_spd(&a).unwrap();
        let identity = largest(&(inverse.dot(&a) - Array2::<f64>::eye(n)));
        assert!(error < 2e-14 && identity < 2e-14, "{n}: {error:e} {identity:e}");
    }
}

#[test]
fn cholesky_refuses_indefinite_and_singular_matrices() {
    let singular = Array2::<f64>::zeros((4, 4));
    let indefinite = Array2::from_diag(&Array1::from(vec![1.0, -1.0, 2.0]));
    for a in [singular, indefinite] {
        assert!(matches!(cholesky(&a), Err(LinalgError::NotPositiveDefinite)));
        assert!(matches!(inverse_spd(&a), Err(LinalgError::NotPositiveDefinite)));
        assert!(matches!(
            solve_spd(&a, &Array1::zeros(a.nrows())),
            Err(LinalgError::NotPositiveDefinite)
        ));
    }
}

#[test]
fn null_space_is_what_the_matrix_maps_to_zero() {
    for (name, a, dimension) in [
        ("tall", deficient(60, 20), 15),
        ("wide", deficient(20, 60), 55),
        ("full rank", random(30, 6, 21), 0),
        ("wide, full rank", random(6, 30, 21), 24),
        ("zero", Array2::zeros((3, 4)), 4),
        ("no rows", Array2::zeros((0, 3)), 3),
    ] {
        let null = null_space(&a, 1e-12).unwrap();
        assert_eq!(null.dim(), (a.ncols(), dimension), "{name}");
        assert!(largest(&a.dot(&null)) < 5e-14 && orthonormality(&null) < 2e-14, "{name}");
    }
}

#[test]
fn whitening_makes_columns_orthonormal() {
    for (name, a, rank) in [
        ("full", random(80, 11, 28), 11),
        ("deficient", deficient(60, 20), 5),
        ("zero", Array2::zeros((5, 3)), 0),
    ] {
        let n = a.ncols();
        let whitening =
            Whitening::new(&triangular_factor(std::slice::from_ref(&a)).unwrap(), 1e-10).unwrap();
        assert_eq!((whitening.rank(), whitening.singular_values().len()), (rank, n), "{name}");
        assert!(orthonormality(&a.dot(whitening.matrix())) < 2e-14, "{name}");

        let u: Vec<f64> = (0..rank).map(|k| (k as f64).cos()).collect();
        let (mut theta, mut back) = (vec![0.0; n], vec![0.0; rank]);
        whitening.parameters_into(&u, &mut theta);
        assert!(
            whitening.coordinates(&theta).iter().zip(&u).all(|(x, y)| (x - y).abs() < 2e-14),
            "{name}: W has a left inverse"
        );

        // d/du (g . W u) = W' g
        let g: Vec<f64> = (0..n).map(|k| (k as f64).sin()).collect();
        whitening.gradient_into(&g, &mut back);
        let forward: f64 = g.iter().zip(&theta).map(|(x, y)| x * y).sum();
        let reverse: f64 = back.iter().zip(&u).map(|(x, y)| x * y).sum();
        assert!(
            (forward - reverse).abs() < 1e-14 * forward.abs().max(1.0),
            "{name}: {forward} {reverse}"
        );
    }
}

#[test]
fn independent_columns_prefers_earlier_ones() {
    let base = random(40, 4, 29);
    let columns = [
        base.column(0).to_owned(),
        Array1::zeros(40),
        &base.column(0) * -3.0,
        base.column(1).to_owned() * 1e-9,
        &base.column(0) + &base.column(1),
        base.column(2).to_owned(),
        &base.column(2) + &base.column(3) * 1e-6,
    ];
    let a = Array2::from_shape_fn((40, columns.len()), |(i, j)| columns[j][i]);
    let factor = triangular_factor(&[a]).unwrap();
    assert_eq!(independent_columns(&factor, 1e-10).unwrap(), [0, 3, 5, 6]);
    assert_eq!(independent_columns(&factor, 1e-4).unwrap(), [0, 3, 5]);
    assert_eq!(independent_columns(&Array2::zeros((0, 0)), 1e-4).unwrap(), [0usize; 0]);
}

#[test]
fn empty_matrices_have_empty_answers() {
    let empty = Array2::<f64>::zeros((0, 0));
    assert_eq!(inverse_spd(&empty).unwrap().dim(), (0, 0));
    assert_eq!(solve_spd(&empty, &Array1::zeros(0)).unwrap().len(), 0);
    for (m, n) in [(0, 0), (0, 4), (4, 0)] {
        let a = Array2::<f64>::zeros((m, n));
        let (u, s, vt) = svd(&a).unwrap();
        assert_eq!((u.dim(), s.len(), vt.dim()), ((m, 0), 0, (0, n)));
        assert_eq!(
            triangular_factor(std::slice::from_ref(&a)).unwrap(),
            Array2::<f64>::zeros((n, n))
        );
    }
}

#[test]
fn bad_input_is_named() {
    let mut a = random(6, 6, 30);
    for value in [f64::NAN, f64::INFINITY] {
        a[[4, 2]] = value;
        let b = Array1::zeros(6);
        let errors = [
            svd(&a).unwrap_err(),
            inverse_spd(&a).unwrap_err(),
            solve_spd(&a, &b).unwrap_err(),
            null_space(&a, 0.0).unwrap_err(),
            independent_columns(&a, 0.0).unwrap_err(),
            Whitening::new(&a, 0.0).unwrap_err(),
            triangular_factor(&[a.slice(s![..3, ..]).to_owned(), a.slice(s![3.., ..]).to_owned()])
                .unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, LinalgError::NotFinite { row: 4, column: 2, .. }), "{error}");
        }
    }
}

#[test]
fn bad_input_shapes_and_tolerances_are_refused() {
    let a = random(3, 4, 32);
    for error in [
        inverse_spd(&a).unwrap_err(),
        solve_spd(&Array2::eye(3), &Array1::zeros(2)).unwrap_err(),
        triangular_factor(&[]).unwrap_err(),
        triangular_factor(&[a.clone(), random(3, 5, 33)]).unwrap_err(),
    ] {
        assert!(matches!(error, LinalgError::Shape { .. }), "{error}");
    }
    for tolerance in [-1e-9, 1.0, f64::NAN] {
        assert!(matches!(null_space(&a, tolerance), Err(LinalgError::Tolerance(_))));
        assert!(matches!(independent_columns(&a, tolerance), Err(LinalgError::Tolerance(_))));
        assert!(matches!(Whitening::new(&a, tolerance), Err(LinalgError::Tolerance(_))));
    }
}

/// Columns of lengths from 1e-12 to 1e12: whitening itself drops the short ones, of unit columns it
/// keeps all that are independent, and A W is orthonormal.
#[test]
fn whitening_of_unit_columns_does_not_hang_on_units() {
    let units: Array1<f64> = (0..6).map(|k| 10f64.powf(-12.0 + 4.8 * f64::from(k))).collect();
    let mut a = random(30, 6, 13) * &units;
    a.column_mut(2).fill(0.0);
    let factor = triangular_factor(std::slice::from_ref(&a)).unwrap();
    assert!(Whitening::new(&factor, 1e-8).unwrap().rank() < 5);
    let whitening = Whitening::of_unit_columns(&factor, 1e-8).unwrap();
    assert_eq!(whitening.rank(), 5);
    assert!(orthonormality(&a.dot(whitening.matrix())) < 1e-12);
    let theta: Vec<f64> = units.iter().map(|unit| 0.7 / unit).collect();
    let mut back = vec![0.0; 6];
    whitening.parameters_into(&whitening.coordinates(&theta), &mut back);
    for k in 0..6 {
        let expected = if k == 2 { 0.0 } else { theta[k] };
        assert!((back[k] - expected).abs() < 1e-10 * theta[k], "{k}: {} {expected}", back[k]);
    }
}
