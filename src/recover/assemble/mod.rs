//! The whole law from forms of its parts: the sum that describes the data in the fewest nats.

pub(super) mod exact;
pub(super) mod limits;
pub(super) mod noisy;
