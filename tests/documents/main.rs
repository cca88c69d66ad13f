//! README, guides and results: what they say is true.

mod guides;
mod readme;
