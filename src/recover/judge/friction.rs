//! Whether the data show forces that no Hamiltonian gives.

use ndarray::{Axis, concatenate};

use crate::linalg::{self, Lanes, Real, triangular_factor, triangular_inverse, with_ridge};
use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::Flow;
use crate::recover::problem::learner::Learner;

/// Forces against the momenta, -gamma_i p_i on particle i, that explain the data where the best
/// Hamiltonian does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Friction {
    /// gamma_i: the rate at which the momentum of particle i decays.
    pub rates: Vec<f64>,
    /// Their standard errors.
    pub errors: Vec<f64>,
    /// Root mean square residual along paths of the learned Hamiltonian alone.
    pub misfit_without: f64,
    /// Root mean square residual along paths of the learned Hamiltonian with friction.
    pub misfit_with: f64,
}

/// Friction is reported when it takes away this part of the sum of squares that the learned
/// Hamiltonian leaves..
const SHARE: f64 = 0.2;

/// ..and when a rate is so many standard errors away from zero.
const SIGMAS: f64 = 8.0;

/// Misfits below this leave nothing to explain.
const NOTHING: f64 = 1e-6;

impl Learner<'_> {
    /// Looks for friction in what the learned Hamiltonian does not explain: momenta as forces are
    /// offered beside the functions of its basis.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn friction(&self, fitted: &Fitted) -> linalg::Result<Option<Friction>> {
        if fitted.misfit < NOTHING {
            return Ok(None);
        }
        let shape = self.inputs().shape;
        let (particles, d, half) =
            (shape.particles, shape.dimension, shape.particles * shape.dimension);
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        let paths = self.paths(Some(&flow), &fitted.trust);
        let drag = paths.of_fields(particles, &|z, fields| {
            fields.fill(Lanes::zero());
            for i in 0..particles {
                for k in half + i * d..half + (i + 1) * d {
                    fields[i * 2 * half + k] = -z[k];
                }
            }
        });
        let design = paths.design(&fitted.model);
        let n = fitted.theta.len();
        let joined: Vec<_> = design
            .iter()
            .zip(&drag)
            .map(|(a, b)| {
                concatenate![
                    Axis(1),
                    a.slice(ndarray::s![.., ..n]),
                    b.view(),
                    a.slice(ndarray::s![.., n..])
                ]
            })
            .collect();
        let factor = with_ridge(&triangular_factor(&joined)?)?;
        let last = n + particles;
        let rows = fitted.rows.max(1) as f64;
        let after = factor[[last, last]] * factor[[last, last]];
        let tail = factor.slice(ndarray::s![n.., last]);
        let before = tail.dot(&tail);
        let inverse = triangular_inverse(&factor.slice(ndarray::s![n..last, n..last]))?;
        let rates = inverse.dot(&factor.slice(ndarray::s![n..last, last]));
        let sigma = (after / rows).sqrt();
        let errors: Vec<f64> =
            inverse.rows().into_iter().map(|r| sigma * r.dot(&r).sqrt()).collect();
        log::debug!("friction: {before:.3e} to {after:.3e}, rates {rates}");
        let stands_out = rates.iter().zip(&errors).any(|(r, e)| r.abs() > SIGMAS * e);
        let found = stands_out && before - after > SHARE * before;
        Ok(found.then(|| Friction {
            rates: rates.to_vec(),
            errors,
            misfit_without: (before / rows).sqrt(),
            misfit_with: sigma,
        }))
    }
}
