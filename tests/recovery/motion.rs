//! Motions, good to roundoff.

/// States at equal intervals, by the method of Runge and Kutta of order four in so many steps to
/// each that roundoff is what is left.
pub fn motion<const N: usize>(
    slope: impl Fn([f64; N]) -> [f64; N],
    first: [f64; N],
    interval: f64,
    (rows, steps): (usize, usize),
) -> Vec<[f64; N]> {
    let h = interval / steps as f64;
    let (mut y, mut states) = (first, Vec::new());
    for _ in 0..rows {
        states.push(y);
        for _ in 0..steps {
            let moved = |k: [f64; N], by: f64| std::array::from_fn(|i| y[i] + by * k[i]);
            let a = slope(y);
            let b = slope(moved(a, 0.5 * h));
            let c = slope(moved(b, 0.5 * h));
            let d = slope(moved(c, h));
            y = std::array::from_fn(|i| y[i] + h / 6.0 * (a[i] + 2.0 * (b[i] + c[i]) + d[i]));
        }
    }
    states
}
