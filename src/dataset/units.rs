//! Units in which the numbers of a table are near one.

use super::Trajectory;
use crate::expr::{Expr, Function, Scalar, Vector};
use crate::scalars::{Inputs, RunInput};

/// Units of length, time, momentum and of each context vector, measured in the units of a table.
///
/// With q = L q', t = T t', p = P p' and H = (L P / T) H' Hamilton's equations keep their form,
/// whatever L, T and P are. So a law may be learned from numbers near one and then be put back into
/// the units of the table, kilometres or electron volts. Units are powers of two, so that no number
/// of the data is rounded on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// L: the standard deviation of the positions, rounded to a power of two.
    pub length: f64,
    /// T: the time in which a particle moves about as far, rounded to a power of two.
    pub time: f64,
    /// P: the standard deviation of the momenta, rounded to a power of two.
    pub momentum: f64,
    /// Length of each context vector, in the order of the inputs, and of what each run has its own
    /// of.
    pub context: Vec<ContextUnit>,
    /// Units of the components of a state that are of its run.
    pub of_run: Vec<f64>,
}

/// The unit that a context vector is measured in.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextUnit {
    /// Name of the vector.
    pub name: String,
    /// The length that counts as one, in the units of the table.
    pub unit: f64,
}

/// Spreads within this factor of one are near enough: the table's own unit stays.
const NEAR: f64 = 16.0;

/// The power of two nearest to a spread, by its logarithm; 1 for one that is near it, and where
/// there is none.
fn unit(spread: f64) -> f64 {
    if !spread.is_normal() || (1.0 / NEAR..=NEAR).contains(&spread) {
        1.0
    } else {
        2f64.powi(spread.log2().round() as i32)
    }
}

impl Units {
    /// Units that suit the states of `chunks` and the context vectors of `inputs`.
    pub fn of(inputs: &Inputs, chunks: &[Trajectory]) -> Self {
        let d = inputs.shape.dimension;
        let (half, momenta) = (inputs.shape.particles * d, inputs.slots() * d);
        let (length, momentum) = (spread(chunks, 0..half), spread(chunks, momenta..momenta + half));
        let (mut path, mut time) = (0.0, 0.0);
        for (chunk, j) in chunks.iter().flat_map(|c| (1..c.times.len()).map(move |j| (c, j))) {
            let step = |k: usize| chunk.states[[j, k]] / length - chunk.states[[j - 1, k]] / length;
            path += (0..half).map(|k| step(k).powi(2)).sum::<f64>() / half as f64;
            time += (chunk.times[j] - chunk.times[j - 1]).powi(2);
        }
        let norm = |v: &[f64]| v.iter().fold(0.0, |sum: f64, x| sum.hypot(*x));
        let of_run = |(k, input): (usize, &RunInput)| ContextUnit {
            name: input.name().into(),
            unit: unit(largest(chunks, half + k * d..half + (k + 1) * d)),
        };
        let of_run: Vec<ContextUnit> = inputs.of_run.iter().enumerate().map(of_run).collect();
        Self {
            of_run: of_run.iter().flat_map(|context| vec![context.unit; d]).collect(),
            length: unit(length),
            time: unit((time / path).sqrt()),
            momentum: unit(momentum),
            context: inputs
                .context
                .iter()
                .map(|(name, v)| ContextUnit { name: name.clone(), unit: unit(norm(v)) })
                .chain(of_run)
                .collect(),
        }
    }

    /// Whether all units are one, so that numbers stay as they are in the table.
    pub fn are_own(&self) -> bool {
        let units = [self.length, self.time, self.momentum];
        units.iter().chain(self.context.iter().map(|context| &context.unit)).all(|u| *u == 1.0)
    }

    /// Whether energies, forces and the squares of all units are normal numbers.
    pub fn are_representable(&self) -> bool {
        let Self { length, time, momentum, .. } = self;
        let inverse_mass = self.energy() / (momentum * momentum);
        [self.energy(), inverse_mass, self.energy() / (length * length), momentum / time]
            .into_iter()
            .chain([length, time, momentum].map(|unit| unit * unit))
            .chain(self.context.iter().map(|c| self.energy() / (c.unit * length)))
            .all(f64::is_normal)
    }

    /// Unit of energy, L P / T.
    pub fn energy(&self) -> f64 {
        self.length / self.time * self.momentum
    }

    /// Unit of mass, P T / L.
    pub fn mass(&self) -> f64 {
        self.momentum / self.length * self.time
    }

    /// Unit of each component of a state of `dim` components.
    pub fn of_state(&self, dim: usize) -> impl Iterator<Item = f64> {
        let (length, momentum) = (self.length, self.momentum);
        let particles = (dim / 2).saturating_sub(self.of_run.len());
        let positions = std::iter::repeat_n(length, particles).chain(self.of_run.clone());
        positions.chain(std::iter::repeat_n(momentum, dim / 2))
    }

    /// Pivot and context vectors in these units.
    pub fn inputs(&self, inputs: &Inputs) -> Inputs {
        let divided = |v: &[f64], unit: f64| v.iter().map(|x| x / unit).collect();
        let context = inputs
            .context
            .iter()
            .zip(&self.context)
            .map(|((name, v), own)| (name.clone(), divided(v, own.unit)));
        Inputs {
            shape: inputs.shape,
            origin: divided(&inputs.origin, self.length),
            context: context.collect(),
            of_run: inputs.of_run.clone(),
            momentum_forces: inputs
                .momentum_forces
                .iter()
                .map(|force| force.scaled(self.time, self.momentum))
                .collect(),
            masses: inputs.masses.iter().map(|m| m / self.mass()).collect(),
        }
    }

    /// A chunk in these units.
    pub fn chunk(&self, chunk: &Trajectory) -> Trajectory {
        let mut scaled = chunk.clone();
        scaled.times.iter_mut().for_each(|t| *t /= self.time);
        for (mut column, unit) in
            scaled.states.columns_mut().into_iter().zip(self.of_state(chunk.states.ncols()))
        {
            column /= unit;
        }
        scaled
    }

    /// A Hamiltonian over vectors in these units as one over those of the table, in its unit of
    /// energy, and up to a constant.
    ///
    /// The constants change, the form doesn't, except that a term or argument without a constant
    /// may get one.
    pub fn hamiltonian(&self, natural: &Expr) -> Expr {
        match self.times(self.energy(), natural) {
            Expr::Sum(mut terms) => {
                terms.retain(|term| !matches!(term, Expr::Constant(_)));
                if terms.len() == 1 { terms.swap_remove(0) } else { Expr::Sum(terms) }
            }
            other => other,
        }
    }

    /// An expression of the table's vectors and a factor u: it has u times the value of `natural`
    /// and, where that is possible, the same constants but for those inside sums.
    fn part(&self, natural: &Expr) -> (Expr, f64) {
        match natural {
            Expr::Constant(_) => (natural.clone(), 1.0),
            Expr::Scalar(scalar) => self.scalar(scalar),
            Expr::Sum(terms) => {
                // The factor of a term that has no constant to take another, if there is one.
                let moving = || terms.iter().filter(|term| !matches!(term, Expr::Constant(_)));
                let first = moving().find(|term| !has_constant(term)).or_else(|| moving().next());
                let u = first.map_or(1.0, |term| self.part(term).1);
                (self.times(u, natural), u)
            }
            Expr::Product(factors) => {
                let (factors, units): (Vec<Expr>, Vec<f64>) =
                    factors.iter().map(|f| self.part(f)).unzip();
                (Expr::Product(factors), units.iter().product())
            }
            Expr::Pow(base, n) => {
                let (base, u) = self.part(base);
                (Expr::Pow(Box::new(base), *n), u.powf(*n))
            }
            Expr::Apply(Function::Abs, x) => {
                let (x, u) = self.part(x);
                (Expr::Apply(Function::Abs, Box::new(x)), u)
            }
            Expr::Apply(f, x) => (Expr::Apply(*f, Box::new(self.times(1.0, x))), 1.0),
        }
    }

    /// An expression of the table's vectors that has u times the value of `natural`.
    fn times(&self, u: f64, natural: &Expr) -> Expr {
        if let Expr::Sum(terms) = natural {
            let terms = terms.iter().flat_map(|term| match self.times(u, term) {
                Expr::Sum(terms) => terms,
                other => vec![other],
            });
            return Expr::Sum(terms.collect());
        }
        if let Some((factor, argument)) = logarithm(natural) {
            // u c log(x) = u c log(v x) - u c log(v).
            let (argument, v) = self.part(argument);
            let logarithm =
                factor_in_front(u * factor, Expr::Apply(Function::Log, Box::new(argument)));
            return if v == 1.0 {
                logarithm
            } else {
                Expr::Sum(vec![logarithm, Expr::Constant(-u * factor * v.ln())])
            };
        }
        let (expr, own) = self.part(natural);
        factor_in_front(u / own, expr)
    }

    /// A scalar of the table's vectors and its unit; where vectors of several units are added,
    /// their coefficients change.
    fn scalar(&self, scalar: &Scalar) -> (Expr, f64) {
        match scalar {
            Scalar::Parameter(name) => (Expr::Scalar(scalar.clone()), self.of_vector(name)),
            Scalar::Norm(v) => {
                let (v, unit) = self.vector(v);
                (Expr::Scalar(Scalar::Norm(v)), unit)
            }
            Scalar::Dot(a, b) => {
                let ((a, x), (b, y)) = (self.vector(a), self.vector(b));
                (Expr::Scalar(Scalar::dot(a, b)), x * y)
            }
        }
    }

    fn vector(&self, vector: &Vector) -> (Vector, f64) {
        let unit = vector.terms().first().map_or(1.0, |(name, _)| self.of_vector(name));
        (
            Vector::from_terms(
                vector
                    .terms()
                    .iter()
                    .map(|(name, c)| (name.as_str(), c * (unit / self.of_vector(name)))),
            ),
            unit,
        )
    }

    /// Unit of a named vector.
    pub fn of_vector(&self, name: &str) -> f64 {
        match self.context.iter().find(|context| context.name == name) {
            Some(context) => context.unit,
            None if name.starts_with('p') => self.momentum,
            None => self.length,
        }
    }

    /// Unit of a scalar.
    pub fn of_scalar(&self, scalar: &Scalar) -> f64 {
        self.scalar(scalar).1
    }
}

fn has_constant(term: &Expr) -> bool {
    matches!(term, Expr::Product(factors) if factors.iter().any(|f| matches!(f, Expr::Constant(_))))
}

/// c and x of c log(x).
fn logarithm(expr: &Expr) -> Option<(f64, &Expr)> {
    match expr {
        Expr::Apply(Function::Log, x) => Some((1.0, x)),
        Expr::Product(factors) => match &factors[..] {
            [Expr::Constant(c), Expr::Apply(Function::Log, x)] => Some((*c, x)),
            _ => None,
        },
        _ => None,
    }
}

/// c times an expression: its leading constant takes c, and where there is none c becomes one.
fn factor_in_front(c: f64, expr: Expr) -> Expr {
    match expr {
        Expr::Constant(x) => Expr::Constant(c * x),
        Expr::Product(mut factors) => {
            match factors.iter_mut().find(|f| matches!(f, Expr::Constant(_))) {
                Some(Expr::Constant(x)) => *x *= c,
                _ if c != 1.0 => factors.insert(0, Expr::Constant(c)),
                _ => {}
            }
            Expr::Product(factors)
        }
        other if c == 1.0 => other,
        other => Expr::Product(vec![Expr::Constant(c), other]),
    }
}

/// The largest magnitude of some components.
fn largest(chunks: &[Trajectory], components: std::ops::Range<usize>) -> f64 {
    let rows = chunks.iter().flat_map(|c| c.states.rows());
    let values = rows.flat_map(|row| components.clone().map(move |k| row[k].abs()));
    values.fold(0.0, f64::max)
}

/// Standard deviation of some components, pooled; the root mean square where they don't vary.
fn spread(chunks: &[Trajectory], components: std::ops::Range<usize>) -> f64 {
    let rows = || chunks.iter().flat_map(|c| c.states.rows());
    let largest = largest(chunks, components.clone());
    let n = rows().count().max(1) as f64;
    // Means of squares overflow for numbers beyond 1e154: the largest magnitude is taken out first.
    if largest == 0.0 {
        return 0.0;
    }
    let moments = components.clone().map(|k| {
        let mean = rows().map(|row| row[k] / largest).sum::<f64>() / n;
        (mean, rows().map(|row| (row[k] / largest - mean).powi(2)).sum::<f64>() / n)
    });
    let (mean, variance) =
        moments.fold((0.0, 0.0), |(m, v), (mean, variance)| (m + mean * mean, v + variance));
    let size = if variance > 0.0 { variance } else { mean };
    largest * (size / components.len().max(1) as f64).sqrt()
}
