//! Products over tiles and the vectorised exponential.

use rand::Rng;
use scalar_dynamics::linalg::{
    LANES, Lanes, TilePart, add_outer, add_product, exp, sigmoid, transpose_into, vectorised,
};

use crate::common::{assert_close, rng, uniform};

fn tiles(n: usize, rng: &mut impl Rng) -> Vec<Lanes> {
    (0..n).map(|_| Lanes(std::array::from_fn(|_| rng.random_range(-1.0..1.0)))).collect()
}

/// Shapes around the panel of six rows and the strip of eight columns, as parts of larger tiles or
/// as whole ones.
fn shapes(rng: &mut impl Rng) -> Vec<(TilePart, TilePart, usize)> {
    let part = |len: usize, rng: &mut dyn rand::RngCore| {
        let (before, after) = (rng.next_u32() as usize % 3, rng.next_u32() as usize % 3);
        TilePart { size: before + len + after, first: before, len }
    };
    let mut shapes = Vec::new();
    for (m, n) in [(1, 1), (6, 8), (5, 7), (7, 9), (12, 16), (13, 3), (31, 40), (144, 128)] {
        for tiles in [1, 2, 5] {
            shapes.push((TilePart::whole(m), TilePart::whole(n), tiles));
            shapes.push((part(m, rng), part(n, rng), tiles));
        }
    }
    shapes
}

#[test]
fn regress_products_match_their_definition() {
    let mut rng = rng(1);
    for (to, from, n) in shapes(&mut rng) {
        let a = uniform(to.len * from.len, 1.0, &mut rng);
        let (x, y) = (tiles(from.size * n, &mut rng), tiles(to.size * n, &mut rng));
        let mut product = y.clone();
        add_product(&a, &x, from, &mut product, to);
        for (t, i, l) in
            (0..n).flat_map(|t| (0..to.size).flat_map(move |i| (0..LANES).map(move |l| (t, i, l))))
        {
            let mut expected = y[t * to.size + i].0[l];
            if (to.first..to.first + to.len).contains(&i) {
                let row = &a[(i - to.first) * from.len..][..from.len];
                expected += row
                    .iter()
                    .zip(&x[t * from.size + from.first..])
                    .map(|(a, x)| a * x.0[l])
                    .sum::<f64>();
            }
            assert_close(product[t * to.size + i].0[l], expected, 1e-14, "product");
        }
    }
}

#[test]
fn regress_outer_products_match_their_definition() {
    let mut rng = rng(2);
    let mut scratch = Vec::new();
    for (to, from, n) in shapes(&mut rng) {
        let a = uniform(to.len * from.len, 1.0, &mut rng);
        let (x, y) = (tiles(from.size * n, &mut rng), tiles(to.size * n, &mut rng));
        let mut sum = a.clone();
        add_outer(&y, to, &x, from, &mut sum, &mut scratch);
        for (i, j) in (0..to.len).flat_map(|i| (0..from.len).map(move |j| (i, j))) {
            let at = |t: usize, l: usize| {
                y[t * to.size + to.first + i].0[l] * x[t * from.size + from.first + j].0[l]
            };
            let expected: f64 =
                (0..n).flat_map(|t| (0..LANES).map(move |l| (t, l))).map(|(t, l)| at(t, l)).sum();
            assert_close(
                sum[i * from.len + j],
                a[i * from.len + j] + expected,
                2e-14,
                "outer product",
            );
        }
    }
}

#[test]
fn regress_transpose() {
    let a: Vec<f64> = (0..15).map(f64::from).collect();
    let mut transpose = vec![0.0; 15];
    transpose_into(&a, 5, &mut transpose);
    assert_eq!(transpose[..6], [0.0, 5.0, 10.0, 1.0, 6.0, 11.0]);
}

/// Distance in units in the last place.
fn ulps(a: f64, b: f64) -> u64 {
    a.to_bits().abs_diff(b.to_bits())
}

#[test]
fn regress_exponential_is_exact_to_two_units_in_the_last_place() {
    let mut rng = rng(3);
    let mut worst = 0;
    for spread in [1e-9, 0.5, 3.0, 40.0, 707.0] {
        for _ in 0..20_000 {
            let x = Lanes(std::array::from_fn(|_| rng.random_range(-spread..spread)));
            let y = vectorised(
                #[inline(always)]
                || exp(x),
            );
            for (x, y) in x.0.into_iter().zip(y.0) {
                worst = worst.max(ulps(y, x.exp()));
            }
        }
    }
    assert!(worst <= 2, "{worst} units");
    let ends =
        exp(Lanes([0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1.0])).0;
    assert_eq!((ends[0], ends[1], ends[7]), (1.0, 1.0, std::f64::consts::E));
    assert!(
        ends[2].is_nan()
            && ends[3] > 8e307
            && ends[4] < 4e-308
            && ends[5] == ends[3]
            && ends[6] == ends[4],
        "{ends:?}"
    );
}

#[test]
fn regress_sigmoid() {
    let mut rng = rng(4);
    for _ in 0..10_000 {
        let x = Lanes(std::array::from_fn(|_| rng.random_range(-40.0..40.0)));
        for (x, y) in x.0.into_iter().zip(sigmoid(x).0) {
            let expected = 1.0 / (1.0 + (-x).exp());
            assert!((y - expected).abs() <= 1e-15 * expected, "{x}: {y} against {expected}");
        }
    }
    let ends = sigmoid(Lanes([
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        f64::NAN,
        800.0,
        -800.0,
        1e300,
        -1e300,
    ]))
    .0;
    assert_eq!((ends[0], ends[2], ends[4], ends[6]), (1.0, 0.5, 1.0, 1.0));
    assert!(
        ends[1] < 1e-300 && ends[5] < 1e-300 && ends[7] < 1e-300 && ends[3].is_nan(),
        "{ends:?}"
    );
}
