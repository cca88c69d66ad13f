//! Prices of a law, in nats.

/// Nats that a symbol must earn.
pub(crate) const NATS_PER_SYMBOL: f64 = 3.0;

/// Forms of a part that are so many nats longer than its shortest are not tried.
pub(crate) const HOPELESS: f64 = 30.0;
