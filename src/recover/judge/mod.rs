//! What a law is worth: whether it explains the held-out chunks, what it leaves over, and which
//! other laws do as well.

pub(super) mod energy_drift;
pub(super) mod noise;
pub(super) mod outlying;
pub(super) mod pareto;
pub(super) mod reasons;
pub(super) mod rivals;
pub(super) mod series;
pub(super) mod verdict;
