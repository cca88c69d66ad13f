//! Learning a Hamiltonian that nothing is known of, and which scalars it is a function of.
//!
//! Every scalar of the input vectors is offered with polynomials of itself or of its logarithm; the
//! fit along paths is linear. Scalars that the data don't demand are eliminated as a whole, the
//! simple ones last, and what is left gets polynomials of higher degree for as long as that
//! predicts held-out chunks better. Where sums of functions of one scalar don't do, products of two
//! are offered.

mod driven;
pub(super) mod eliminate;
pub(super) mod fitted;
pub(super) mod form_on_paths;
pub(super) mod nonconservative;
mod in_noise;
mod resembles_noise;
pub(super) mod library_fit;
pub(super) mod likelihood;
pub(super) mod limits;
mod noisy_fit;
mod products;
mod row_weights;
mod subintervals;
mod teacher;

pub(super) mod elimination;
mod velocity_dependent;

pub use elimination::bytes_of_chunk;

#[cfg(test)]
mod tests;
