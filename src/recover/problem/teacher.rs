//! A model that is learned from in the place of data.

use ndarray::Array2;

use crate::recover::paths::Paths;

/// The increments of a model's field along given paths, as [`Paths::increments`] gives them.
pub(crate) type Teaching<'a> = &'a (dyn Fn(&Paths) -> Vec<Array2<f64>> + Sync);

/// A model to learn from.
#[derive(Clone, Copy)]
pub(crate) struct Teacher<'a> {
    pub(crate) increments: Teaching<'a>,
    /// Root mean square difference from the observed increments.
    pub(crate) error: f64,
}
