//! Integrators of constant step: symplectic splitting, Gauss-Legendre, explicit Runge-Kutta.
//!
//! Each is a [`Method`]; [`simulate`] runs any of them over many initial states at once and
//! [`refine`] finds the step that a wanted accuracy needs, by measuring. No step allocates.
//!
//! | | for | orders | symplectic, reversible |
//! |---|---|---|---|
//! | [`Splitting`] | H = T(p) + V(q) | 2, 4, 6, 8 | yes |
//! | [`GaussLegendre`] | any field | 2, 4, 6 | yes (to the roundoff of its iteration) |
//! | [`RungeKutta`] | any field | 4, 8 | no |

mod error;
mod gauss_legendre;
mod method;
#[allow(clippy::excessive_precision)] // coefficients as published
mod runge_kutta;
mod simulate;
#[allow(clippy::excessive_precision)] // coefficients as published
mod splitting;

pub use error::IntegrateError;
pub use gauss_legendre::GaussLegendre;
pub use method::Method;
pub use runge_kutta::RungeKutta;
pub use simulate::{Refined, refine, simulate};
pub use splitting::Splitting;
