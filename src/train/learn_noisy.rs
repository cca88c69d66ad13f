//! The whole way from noisy chunks to a learned Hamiltonian.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::error::TrainError;
use super::fit::{Settings, linear_start};
use super::learn::states;
use super::noisy::fit_noisy;
use super::noisy_fit::NoisyFit;
use super::prior::Prior;
use crate::basis::{Basis, Kind};
use crate::dataset::Trajectory;
use crate::linalg::best_nested;
use crate::model::ScalarHamiltonian;
use crate::progress::Progress;
use crate::scalars::{Inputs, ScalarSet};

/// A Hamiltonian learned from noisy chunks, in as many functions of a basis as the data demand.
#[derive(Clone, Debug)]
pub struct NoisyLearned {
    /// The Hamiltonian: its scalars, and the functions of the basis that the data demand.
    pub model: ScalarHamiltonian<Basis>,
    /// The fit: parameters, their covariance, the noise, the initial states.
    pub fit: NoisyFit,
}

/// Learns a Hamiltonian in a ready-made basis from chunks whose states are all noisy.
///
/// The whole basis is fitted by maximum likelihood under a weak prior that prefers smooth
/// functions. Then the highest degrees of the functions go, one by one, always the one that says
/// least, and are exchanged for others where that is better, as long as each of them lowers chi
/// squared by less than its price. What is left is fitted once more, without a prior. `noise` is
/// that of each component, if it is known.
///
/// # Errors
/// [`TrainError`]: no chunks, unknown vectors, divergence, linear algebra.
pub fn learn_noisy(
    inputs: &Inputs,
    chunks: &[Trajectory],
    kind: Kind,
    settings: &Settings,
    noise: Option<Vec<f64>>,
    progress: &mut dyn FnMut(Progress),
) -> Result<NoisyLearned, TrainError> {
    if chunks.is_empty() {
        return Err(TrainError::NoChunks);
    }
    let states = states(chunks);
    let scalars = ScalarSet::independent(inputs, inputs.catalogue(), states.view())?;
    let basis = Basis::of_kind(kind, &scalars.ranges(states.view()));
    let whole = ScalarHamiltonian::new(scalars.clone(), basis);
    let start = linear_start(&whole, chunks, settings)?;
    let precision = Some(smooth_prior(&whole.function().degrees(), chunks));
    let fit = fit_noisy(
        &whole,
        chunks,
        start,
        settings,
        &Prior { noise: noise.clone(), precision },
        progress,
    )?;
    let (kept, coefficients) = demanded(whole.function(), &fit)?;
    let model = ScalarHamiltonian::new(scalars, whole.function().subset(&kept));
    let fit = fit_noisy(
        &model,
        chunks,
        coefficients,
        settings,
        &Prior { noise, precision: None },
        progress,
    )?;
    Ok(NoisyLearned { model, fit })
}

/// Cost of a parameter in chi squared: what is within two standard errors of zero goes. Between the
/// prices of Akaike (2), under which one function in six stays by chance, and of Schwarz (ln N),
/// which asks for certainty.
const PRICE: f64 = 4.0;
/// Standard deviation of the prior of a function of degree k: this times the energy scale over k
/// squared.
const WIDTH: f64 = 10.0;

/// Inverse standard deviations, before the data are seen, of the parameters of functions of the
/// given degrees: smooth functions are preferred.
pub fn smooth_prior(degrees: &[usize], chunks: &[Trajectory]) -> Vec<f64> {
    let energy = energy_scale(chunks);
    degrees.iter().map(|&k| (k * k) as f64 / (WIDTH * energy)).collect()
}

/// Root mean square momentum times root mean square velocity, the unit that energies have in the
/// data.
fn energy_scale(chunks: &[Trajectory]) -> f64 {
    let (mut momentum, mut velocity, mut count) = (0.0, 0.0, 0.0);
    for chunk in chunks {
        let half = chunk.states.ncols() / 2;
        for j in 1..chunk.times.len() {
            let dt = chunk.times[j] - chunk.times[j - 1];
            for c in 0..half {
                velocity += ((chunk.states[[j, c]] - chunk.states[[j - 1, c]]) / dt).powi(2);
                momentum += chunk.states[[j, half + c]].powi(2);
                count += 1.0;
            }
        }
    }
    let scale = (momentum * velocity).sqrt() / f64::max(count, 1.0);
    if scale > 0.0 && scale.is_finite() { scale } else { 1.0 }
}

/// The functions that the data demand, and coefficients for them.
fn demanded(basis: &Basis, fit: &NoisyFit) -> Result<(Vec<usize>, Vec<f64>), TrainError> {
    let n = fit.theta.len();
    let jacobian = fit.factor.slice(s![.., ..n]);
    // |J c - y|^2 with y = J theta - r, for the residuals r at theta.
    let y = jacobian.dot(&Array1::from(fit.theta.clone())) - fit.factor.column(n);
    let augmented: Array2<f64> = concatenate![Axis(1), jacobian, y.insert_axis(Axis(1))];
    let degrees = basis.degrees();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&k| degrees[k]);
    let groups: Vec<usize> = basis
        .terms()
        .iter()
        .enumerate()
        .flat_map(|(i, term)| std::iter::repeat_n(i, term.parameters()))
        .collect();
    let choice =
        best_nested(&augmented, &order, &groups, PRICE)?.ok_or(TrainError::NothingToLearn)?;
    Ok((choice.kept, choice.coefficients))
}
