//! Other laws that noisy data don't tell from the one that was found, though they differ.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::expr::Expr;
use crate::model::{ScalarHamiltonian, field, fit_to_field};
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::NoiseModel;
use crate::train::states;

/// Relative differences of velocities and forces that nine states of ten stay below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldDifference {
    /// At states of the data.
    pub data: f64,
    /// In the box of the data made 1.3 times as wide.
    pub wider: f64,
}

/// A law that explains noisy data as well as the one that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// Hamiltonian.
    pub expression: Expr,
    /// By how much its chi squared is above that of the law.
    pub chi_squared: f64,
    /// By how much its velocities and forces differ from those of the law.
    pub difference: FieldDifference,
    /// Whether it is the law itself for some values of its constants: then it says nothing else.
    pub has_the_law: bool,
}

/// Chi squared may be higher by so much: three standard errors.
const AS_LIKELY: f64 = 9.0;

/// A law that differs by less in the wider box is another spelling.
const DIFFERENT: f64 = 0.01;

/// How much wider than that of the data the box is.
const WIDER: f64 = 1.3;

/// Laws that are longer by more symbols are none that anybody would prefer.
const LONGER: usize = 12;

/// A law whose constants can be such that it misses another by less than this part is that one.
const SAME_LAW: f64 = 1e-6;

/// States of each kind at which laws are compared.
const STATES: usize = 500;

/// Rivals that are told, at most.
const MOST: usize = 5;

impl Learner<'_> {
    /// Those of the laws that were tried which are as likely as the chosen one and differ from it,
    /// and from each other.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn rivals(
        &self,
        chosen: &Adjusted,
        tried: &[Adjusted],
        noise_model: &NoiseModel,
    ) -> Result<Vec<Rival>, RecoverError> {
        let (data, wide) = self.places();
        let fields = |law: &Expr| {
            Ok::<_, RecoverError>((
                field(self.inputs(), law, data.view())?,
                field(self.inputs(), law, wide.view())?,
            ))
        };
        let allowed = AS_LIKELY * noise_model.redundancy;
        let more = |law: &Adjusted| {
            noise_model.chi_squared_of(law.misfit) - noise_model.chi_squared_of(chosen.misfit)
        };
        let longest = chosen.expression.complexity() + LONGER;
        let comparable =
            |law: &&Adjusted| more(law) <= allowed && law.expression.complexity() <= longest;
        let mut likely: Vec<&Adjusted> = tried.iter().filter(comparable).collect();
        likely.sort_by(|a, b| {
            a.misfit.total_cmp(&b.misfit).then_with(|| a.expression.total_cmp(&b.expression))
        });
        let own = fields(&chosen.expression)?;
        let mut known = vec![own.1.clone()];
        let mut rivals = Vec::new();
        for law in likely {
            let (at_data, beyond) = fields(&law.expression)?;
            if rivals.len() < MOST
                && known.iter().all(|known| difference(&beyond, known) > DIFFERENT)
            {
                let difference = FieldDifference {
                    data: difference(&at_data, &own.0),
                    wider: difference(&beyond, &own.1),
                };
                rivals.push(Rival {
                    expression: law.expression.clone(),
                    chi_squared: more(law),
                    difference,
                    has_the_law: self.has(&law.expression, &own.1, &wide)?,
                });
                known.push(beyond);
            }
        }
        Ok(rivals)
    }

    /// Whether a law has such constants that its field is a given one at some states.
    fn has(
        &self,
        law: &Expr,
        wanted: &Array2<f64>,
        states: &Array2<f64>,
    ) -> Result<bool, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), law)?;
        let late = || self.late();
        let (_, misfit) = fit_to_field(&model, law.constants(), wanted, states.view(), &late);
        Ok(misfit < SAME_LAW)
    }

    /// Some states of the data, and random ones in a wider box.
    fn places(&self) -> (Array2<f64>, Array2<f64>) {
        let all = states(self.train());
        let range = |column: ndarray::ArrayView1<f64>| {
            column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(*x), high.max(*x))
            })
        };
        let ranges: Vec<(f64, f64)> = all.columns().into_iter().map(range).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let wide = Array2::from_shape_fn((STATES, all.ncols()), |(_, c)| {
            let (low, high) = ranges[c];
            0.5 * (low + high) + 0.5 * WIDER * (high - low) * rng.random_range(-1.0..1.0)
        });
        (self.some_states(STATES), wide)
    }
}

/// The relative distance of two fields that nine states of ten stay below; infinite where one has
/// no value.
fn difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let mut relative: Vec<f64> = a
        .rows()
        .into_iter()
        .zip(b.rows())
        .map(|(a, b)| {
            norm(&mut a.iter().zip(b).map(|(a, b)| a - b))
                / norm(&mut b.iter().copied()).max(f64::MIN_POSITIVE)
        })
        .map(|x| if x.is_nan() { f64::INFINITY } else { x })
        .collect();
    relative.sort_by(f64::total_cmp);
    relative.get(relative.len() * 9 / 10).copied().unwrap_or(0.0)
}
