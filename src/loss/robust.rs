//! Residuals that gross errors don't spoil: a Gaussian core with the tails of a power.
//!
//! Minus twice the log-density of a residual of r standard deviations is
//!
//! rho(r) = r^2 where |r| <= k,  k^2 (1 + log(r^2 / k^2)) beyond,
//!
//! with a continuous slope. So an error within k counts as Gaussian noise does, and one far outside
//! pulls the less the larger it is: its influence is k^2 / r (a redescending M-estimator: Huber &
//! Ronchetti 2009, Robust Statistics, section 4.8). The density falls as r^-(k^2) there. With k = 3
//! one residual in 370 of Gaussian noise lies beyond, and what is lost of their information is less
//! than 1 %.

/// k, in standard deviations of the noise.
pub const CORE: f64 = 3.0;

/// rho, of the square of a residual.
pub fn loss(square: f64) -> f64 {
    let core = CORE * CORE;
    if square <= core { square } else { core * (1.0 + (square / core).ln()) }
}

/// The derivative of [`loss`] by the square: the weight of a residual in the least-squares problem
/// that has the same gradient.
pub fn weight(square: f64) -> f64 {
    let core = CORE * CORE;
    if square <= core { 1.0 } else { core / square }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_of_the_loss_is_the_weight() {
        for square in [0.0, 1.0, 8.9, 9.1, 20.0, 1e4, 1e12] {
            let step = 1e-6 * (1.0 + square);
            let slope = (loss(square + step) - loss(square - step)) / (2.0 * step);
            assert!(
                (slope / weight(square) - 1.0).abs() < 1e-8,
                "at {square}: {slope} against {}",
                weight(square)
            );
        }
        assert!((loss(9.0 + 1e-9) - loss(9.0)).abs() < 2e-9, "the loss is continuous");
    }

    #[test]
    fn regress_gaussian_noise_loses_less_than_a_percent() {
        // Efficiency of an M-estimator at Gaussian noise: (E psi')^2 / E psi^2, with psi = r times
        // the weight.
        let (n, h) = (200_000, 1e-4);
        let (mut slope, mut square, mut mass) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let r = (f64::from(i) + 0.5) * h;
            let density = (-0.5 * r * r).exp();
            slope += density * if r <= CORE { 1.0 } else { -weight(r * r) };
            square += density * (r * weight(r * r)).powi(2);
            mass += density;
        }
        let efficiency = (slope / mass).powi(2) / (square / mass);
        println!("{efficiency}");
        assert!(efficiency > 0.99 && efficiency <= 1.0);
    }
}
