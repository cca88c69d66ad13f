//! The layers of the crate, read off its sources: who may use whom.

mod circles;
mod layers;
mod names;
mod sources;
