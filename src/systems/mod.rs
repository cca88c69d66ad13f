//! Known systems.
