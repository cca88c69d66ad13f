//! README, guides and results: what they say is true.

mod dependencies;
mod guides;
mod readme;
