//! The least value of a function of one variable.

/// Where a function of one variable is least between two numbers of one sign, and its value there,
/// by so many golden sections of the logarithm (Kiefer 1953).
pub(crate) fn golden_section(
    a: f64,
    b: f64,
    sections: usize,
    f: impl Fn(f64) -> f64,
) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let sign = a.signum();
    let value = |t: f64| f(sign * t.exp());
    let (mut low, mut high) = (a.abs().ln(), b.abs().ln());
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (value(left), value(right));
    for _ in 0..sections {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = value(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = value(right);
        }
    }
    let (t, least) = if at_left <= at_right { (left, at_left) } else { (right, at_right) };
    (sign * t.exp(), least)
}
