//! What is said of a law in the end, with reasons.

use ndarray::{Array2, Axis, concatenate, s};

use crate::dataset::{Shape, Trajectory};
use crate::expr::{Expr, is_free};
use crate::model::energies;
use crate::recover::judge::rivals::Rival;
use crate::recover::problem::candidates::VARIES;
use crate::recover::problem::checks::{Check, constant_in};
use crate::recover::problem::parameters::NotTold;
use crate::recover::statistics::HeldOutChunks;
use crate::scalars::{Inputs, InputsError};

/// What is said of a law: each "no" has its reasons, in sentences that say what was seen and what
/// data would settle it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Why the law doesn't explain the data down to noise or integration error.
    pub unexplained: Vec<String>,
    /// Why other laws explain the data as well.
    pub undetermined: Vec<String>,
    /// Which of the data it was not held against.
    pub incomplete: Vec<String>,
}

/// What a verdict rests on.
pub(crate) struct Grounds<'a> {
    /// The law as it is shown.
    pub law: &'a Expr,
    /// What it leaves, if it doesn't explain the data.
    pub left: Option<String>,
    /// Whether it is a power series.
    pub is_series: bool,
    /// The particles that move, from 1.
    pub moving: Vec<usize>,
    /// What was seen of the data.
    pub checks: &'a [Check],
    /// Parameters whose part in a law can't be told.
    pub not_told: &'a [NotTold],
    /// Laws that do as well.
    pub rivals: &'a [Rival],
    /// Whether what it leaves is noise.
    pub in_noise: bool,
    /// Whether it has a kink where a coordinate passes through zero.
    pub has_kink: bool,
    /// What it leaves of held-out chunks, of their spread.
    pub error: f64,
    /// Whether the data are of one energy, and the kinetic energy isn't known.
    pub one_energy: bool,
    /// Whether it can be followed in enough of the held-out chunks.
    pub followed: bool,
    /// These, and all.
    pub held_out: HeldOutChunks,
    /// By which part momenta are off that are slopes of positions.
    pub slope_error: f64,
    /// Whether the time was over.
    pub stopped: bool,
}

impl Grounds<'_> {
    /// Particles whose velocity the law doesn't give.
    fn particles_at_rest(&self) -> Vec<usize> {
        let scalars = self.law.scalars();
        let moves = |i: usize| {
            let momentum = format!("p{i}");
            let mut names = scalars.iter().flat_map(|s| s.vectors()).flat_map(|v| v.terms());
            names.any(|(name, _)| *name == momentum)
        };
        self.moving.iter().copied().filter(|i| !moves(*i)).collect()
    }
}

/// Why a power series doesn't explain the data.
const SERIES: &str = "its terms fall like those of a power series, which follows another law as far as \
    the data reach";

/// Why a law of one energy is not determined.
const OF_ONE_ENERGY: &str = "all of the data have one energy: any function of H moves them as well; a \
    run of another energy would tell, or velocities with --mass";

/// Why a law among rivals is not determined.
const RIVALS: &str = "other laws of like length explain the data as well within their noise (see \
    the rivals): more data, or less noise, would tell";

/// Why a law of odd terms is not determined in noise.
const ODD: &str = "functions of functions, and fitted powers times functions, follow noisy data in many \
    ways, of which this is one: less noise, or a wider range, would tell";

/// Where slopes are off by less, constants are right in the ten digits that people read.
const SLOPES_EXACT: f64 = 1e-11;

/// Why a law with a kink is not determined in noise.
const KINK: &str = "the law has a kink where a coordinate passes through zero, and smooth functions \
    follow noisy data as well: less noise, or a wider range, would tell";

/// A law that leaves a fourth of the variance says little of what it is.
const HIDDEN: f64 = 0.5;

/// Why a law that was stopped is not complete.
const STOPPED: &str = "the time was over before all was tried";

impl Verdict {
    /// All that is to be said against a law.
    pub(crate) fn of(grounds: &Grounds) -> Self {
        let &Grounds { law, rivals, held_out, .. } = grounds;
        let mut verdict = Self::default();
        if let Some(left) = &grounds.left {
            verdict.unexplained.push(left.clone());
        } else if grounds.is_series {
            verdict.unexplained.push(SERIES.into());
        }
        let constant = constant_in(law, grounds.checks).map(|check| check.message.clone());
        verdict.undetermined.extend(constant);
        let own = law.parameters();
        let in_law = |told: &&NotTold| told.parameters.iter().any(|name| own.contains(name));
        let of_parameters = grounds.not_told.iter().filter(in_law);
        verdict.undetermined.extend(of_parameters.map(|told| told.check.message.clone()));
        if rivals.iter().any(|rival| !rival.has_the_law) {
            verdict.undetermined.push(RIVALS.into());
        }
        if grounds.in_noise && is_odd(law) {
            verdict.undetermined.push(ODD.into());
        }
        if grounds.in_noise && grounds.has_kink {
            verdict.undetermined.push(KINK.into());
        }
        if grounds.in_noise && grounds.error > HIDDEN {
            verdict.undetermined.push(format!(
                "held-out chunks are followed to {:.1} of their spread only: where noise is as large as \
                 what happens, many laws explain it",
                grounds.error
            ));
        }
        for particle in grounds.particles_at_rest() {
            verdict.undetermined.push(format!(
                "by the law particle {particle} never moves: its motion is too small to be seen in \
                 these data, and longer runs would tell"
            ));
        }
        if grounds.slope_error > SLOPES_EXACT {
            verdict.undetermined.push(format!(
                "momenta are slopes of positions, off by about {:.0e}: so are masses and other constants, \
                 whatever their errors say; shorter times between rows would tell",
                grounds.slope_error
            ));
        }
        if grounds.one_energy {
            verdict.undetermined.push(OF_ONE_ENERGY.into());
        }
        if !grounds.followed {
            verdict.incomplete.push(format!(
                "the law can be followed in only {} of {} held-out chunks: data at shorter intervals would tell",
                held_out.resolved, held_out.all
            ));
        }
        if grounds.stopped {
            verdict.incomplete.push(STOPPED.into());
        }
        verdict
    }

    /// Whether the law explains the data down to noise or integration error.
    pub fn explained(&self) -> bool {
        self.unexplained.is_empty()
    }

    /// Whether no other law of like length explains them.
    pub fn determined(&self) -> bool {
        self.undetermined.is_empty()
    }

    /// Whether it was held against all of them.
    pub fn complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Whether there is nothing to be said against it.
    pub fn exact(&self) -> bool {
        self.explained() && self.determined() && self.complete()
    }

    /// All that is to be said against it.
    pub fn reasons(&self) -> impl Iterator<Item = &String> {
        self.unexplained.iter().chain(&self.undetermined).chain(&self.incomplete)
    }
}

/// Whether a law has functions of functions, as `cos(a/(r+b))`, or fitted powers times functions, as
/// `cos(a r) r^0.7`: of these so many follow noisy data that one that does says little. Fractions, and
/// functions of polynomials, are none.
pub(crate) fn is_odd(law: &Expr) -> bool {
    let is_function = |e: &Expr| match e {
        Expr::Apply(..) => true,
        Expr::Pow(_, n) => *n < 0.0 || n.fract() != 0.0,
        _ => false,
    };
    let inside: &[Expr] = match law {
        Expr::Apply(_, x) => std::slice::from_ref(&**x),
        Expr::Pow(x, n) if n.fract() != 0.0 => std::slice::from_ref(&**x),
        _ => &[],
    };
    let is_free_power = |e: &Expr| matches!(e, Expr::Pow(_, n) if is_free(*n));
    let is_product = match law {
        Expr::Product(all) => {
            all.iter().any(is_free_power)
                && all.iter().any(|e| any(e, &|e| matches!(e, Expr::Apply(..))))
        }
        _ => false,
    };
    is_product || inside.iter().any(|x| any(x, &is_function)) || children(law).iter().any(is_odd)
}

fn children(e: &Expr) -> &[Expr] {
    match e {
        Expr::Sum(all) | Expr::Product(all) => all,
        Expr::Pow(x, _) | Expr::Apply(_, x) => std::slice::from_ref(&**x),
        Expr::Constant(_) | Expr::Scalar(_) => &[],
    }
}

/// Whether an expression or one inside of it is such.
fn any(e: &Expr, is: &impl Fn(&Expr) -> bool) -> bool {
    is(e) || children(e).iter().any(|x| any(x, is))
}

/// Energies that spread by less than this part of the energies of like states tell of one energy
/// only: by how much a law may then change from energy to energy is below what else is left of the
/// data, were it to change by its whole size over the range of energies.
const ONE_ENERGY: f64 = 1e-6;

/// Whether all chunks are of one trajectory, which has one energy whatever the law.
pub(crate) fn is_one_run(chunks: &[Trajectory]) -> bool {
    chunks.windows(2).all(|pair| pair[0].id == pair[1].id)
}

/// Whether all states have one energy, by a law that misses them by `misfit` of their spread: what
/// other energies are like then is any law's guess, for every function of the Hamiltonian whose
/// slope is one there moves the states alike.
pub(crate) fn is_one_energy(
    inputs: &Inputs,
    law: &Expr,
    states: &Array2<f64>,
    misfit: f64,
) -> Result<bool, InputsError> {
    let (rows, half) = (states.nrows(), states.ncols() / 2);
    if rows < 2 {
        return Ok(true);
    }
    // Positions of one state with momenta of another: what the energy might be elsewhere.
    let shifted: Vec<usize> = (0..rows).map(|i| (i + rows / 2) % rows).collect();
    let momenta = states.slice(s![.., half..]).select(Axis(0), &shifted);
    let mixed = concatenate![Axis(1), states.slice(s![.., ..half]), momenta];
    // Between the quartiles: close encounters must not stand for all.
    let spread = |states: &Array2<f64>| -> Result<f64, InputsError> {
        let mut energies = energies(inputs, law, states.view())?;
        energies.sort_by(f64::total_cmp);
        Ok(energies[3 * rows / 4] - energies[rows / 4])
    };
    // What noise does to the energies is about what it does to the states.
    Ok(spread(states)? <= ONE_ENERGY.max(3.0 * misfit) * spread(&mixed)?)
}

/// The particles that move within some chunk by more than rounding may, from 1.
pub(crate) fn moving(shape: Shape, chunks: &[Trajectory]) -> Vec<usize> {
    let d = shape.dimension;
    let least = |c: &Trajectory| {
        let positions = c.states.slice(s![.., ..d * shape.particles]);
        VARIES * positions.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    };
    let moves = |i: &usize| {
        let moves = |c: &Trajectory| {
            let (place, least) = (c.states.slice(s![.., d * (i - 1)..d * i]), least(c));
            (&place - &place.row(0)).iter().any(|x| x.abs() > least)
        };
        chunks.iter().filter(|c| c.times.len() > 1).any(moves)
    };
    (1..=shape.particles).filter(moves).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_terms_are_told_from_fractions_and_functions_of_polynomials() {
        let odd = |text: &str| is_odd(&text.parse().unwrap());
        for text in [
            "0.5*norm(p1)**2 - 3*sin(114/(sqrt(norm(q1)) - 39))",
            "cos(0.3/(norm(q1) + 1.2))",
            "log(sin(norm(q1)) + 1.9)",
            "sqrt(exp(norm(q1)) + 1)",
            "0.5*norm(p1)**2 - 11*cos(0.3*norm(q1))*norm(q1)**0.72",
        ] {
            assert!(odd(text), "{text}");
        }
        for text in [
            "sqrt(norm(p1)**2 + 1.44) - 1.5*exp(-0.6*norm(q1))/norm(q1)",
            "log(norm(q1)**2 - 6.25) + 1/(exp(-2.5*norm(q1)) + 0.02)",
            "0.4/norm(q1)**2.5 - (exp(-0.9*norm(q1)) - 0.3)**2",
        ] {
            assert!(!odd(text), "{text}");
        }
    }
}
