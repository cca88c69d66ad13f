//! The noise in each component of the state, from residuals that gross errors may be among.

use crate::loss::{Eliminated, robust};

/// Median of the absolute value of a standard normal number.
const MEDIAN: f64 = 0.674_489_750_196_082;
/// Variance of a standard normal number that is known to lie within [`robust::CORE`].
const WITHIN: f64 = 0.973_335;
/// Residuals that the fit leaves less free than this say nothing of the noise.
const LEAST_FREE: f64 = 0.05;

/// Standard deviation of the noise in each component, none below its `floor`; `noise` is what the
/// residuals are in units of, `rank` the number of fitted parameters.
///
/// Each residual is divided by the root of what the fit leaves free of it. The median of their
/// absolute values gives a first estimate, and the mean square of those within [`robust::CORE`]
/// times that the second, corrected for the cut: as good as all of them where there are no
/// outliers.
pub(super) fn estimated_noise(
    chunks: &[Eliminated],
    rank: usize,
    noise: &[f64],
    floor: &[f64],
) -> Vec<f64> {
    let dim = noise.len();
    let mut residuals: Vec<Vec<(f64, f64)>> = vec![Vec::new(); dim];
    let mut free = 0.0;
    for (at, (r, h)) in chunks.iter().flat_map(|c| c.residuals.iter().zip(&c.leverages).enumerate())
    {
        free += 1.0 - h;
        if 1.0 - h > LEAST_FREE {
            residuals[at % dim].push((r * r, 1.0 - h));
        }
    }
    // The parameters take up little, from all components alike.
    let share = (1.0 - rank as f64 / free).max(0.1);
    let of_component =
        |c: usize| (noise[c] * (variance(&residuals[c]) / share).sqrt()).max(floor[c]);
    (0..dim).map(of_component).collect()
}

/// Variance from pairs of a squared residual and the degrees of freedom that the fit leaves it, at
/// most one; zero without any.
fn variance(residuals: &[(f64, f64)]) -> f64 {
    let mut scaled: Vec<f64> = residuals.iter().map(|(square, free)| square / free).collect();
    if scaled.is_empty() {
        return 0.0;
    }
    let middle = scaled.len() / 2;
    let first = *scaled.select_nth_unstable_by(middle, f64::total_cmp).1 / (MEDIAN * MEDIAN);
    let cut = robust::CORE * robust::CORE * first;
    let within = residuals.iter().filter(|(square, free)| *square <= cut * free);
    let (squares, free) = within.fold((0.0, 0.0), |(a, b), (square, free)| (a + square, b + free));
    if free > 0.0 { squares / (WITHIN * free) } else { first }
}

#[cfg(test)]
mod tests {
    use super::variance;
    use rand::{Rng, SeedableRng};
    use rand_distr::StandardNormal;

    #[test]
    fn regress_variance_with_and_without_outliers() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut residuals: Vec<(f64, f64)> = (0..20_000)
            .map(|i| {
                let (free, x) =
                    (0.2 + 0.8 * f64::from(i % 5) / 5.0, rng.sample::<f64, _>(StandardNormal));
                (4.0 * free * x * x, free)
            })
            .collect();
        let clean = variance(&residuals);
        residuals.iter_mut().step_by(20).for_each(|r| r.0 = 1e4);
        let spoilt = variance(&residuals);
        println!("{clean} without, {spoilt} with 5 % of gross errors; the truth is 4");
        assert!((clean / 4.0 - 1.0).abs() < 0.03, "{clean}");
        assert!((spoilt / 4.0 - 1.0).abs() < 0.06, "{spoilt}");
    }
}
