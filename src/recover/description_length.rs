//! Prices of a law, in nats.

/// Nats that a symbol must earn.
pub(crate) const NATS_PER_SYMBOL: f64 = 3.0;

/// Forms of a part that are so many nats longer than its shortest are not tried.
pub(crate) const HOPELESS: f64 = 30.0;

/// Description length, up to a constant, of a law that misses the data by more than their noise:
/// what is left is systematic, and the residuals of one chunk say it but once.
pub(crate) fn systematic_length(chunks: usize, misfit: f64, complexity: usize) -> f64 {
    chunks as f64 * misfit.max(f64::MIN_POSITIVE).ln() + NATS_PER_SYMBOL * complexity as f64
}
