//! Why a figure could not be made.

use crate::dataset;

/// Why a figure could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// No finite point that the axes can show.
    #[error(
        "{0}: nothing to draw: there must be a finite value (on a logarithmic axis a positive one)"
    )]
    Empty(String),
    /// Arrays that belong together differ in length.
    #[error(
        "{name}: `{array}` has {found} values, but there must be {expected}, one for each point"
    )]
    Length {
        /// Curve or figure.
        name: String,
        /// Array at fault.
        array: &'static str,
        /// Length of the array at fault.
        found: usize,
        /// Length of the array that it goes with.
        expected: usize,
    },
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Drawing(String),
    /// The PNG encoder failed.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] dataset::DatasetError),
}

impl FigureError {
    pub(super) fn drawing(error: impl std::fmt::Display) -> Self {
        FigureError::Drawing(error.to_string())
    }

    /// An error if `found` is not `expected`.
    pub(super) fn check_length(
        name: &str,
        array: &'static str,
        found: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if found == expected {
            Ok(())
        } else {
            Err(FigureError::Length { name: name.to_string(), array, found, expected })
        }
    }
}
