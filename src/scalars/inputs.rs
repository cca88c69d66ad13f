//! The vectors that scalars are made of.

use crate::expr::{Expr, Scalar, Vector};
use crate::field::Shape;
use crate::scalars::MomentumForce;

/// What can be wrong with input vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// Space must have one to three dimensions.
    #[error("dimension {0}: 1, 2 or 3 is accepted")]
    Dimension(usize),
    /// A vector has too few or too many components, or one that is not finite.
    #[error("vector `{name}` is {value:?}: {dimension} finite components are accepted")]
    Components {
        /// Name of the vector.
        name: String,
        /// Components that were given.
        value: Vec<f64>,
        /// Components expected.
        dimension: usize,
    },
    /// A context vector has the name of a state vector, of a function or of another one.
    #[error(
        "vector name `{0}`: letters, digits and _ are accepted, from a letter on, but none of q0, q1.., p1.., v1.., no function such as \
         norm, no word of Python and no name given twice"
    )]
    Name(String),
    /// An expression names a vector that is not there.
    #[error("unknown vector `{name}`: accepted are {accepted}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that exist.
        accepted: String,
    },
    /// A force on momenta with too few or too many coefficients, or one that is not finite.
    #[error(
        "a force on momenta has the coefficients {coefficients:?}: {accepted} finite ones are accepted"
    )]
    MomentumForce {
        /// The coefficients.
        coefficients: Vec<f64>,
        /// How many there are to be.
        accepted: usize,
    },
    /// Too few or too many masses, or one that is not positive.
    #[error("masses {masses:?}: {accepted} positive finite ones are accepted, or none")]
    Masses {
        /// The masses.
        masses: Vec<f64>,
        /// How many there are to be.
        accepted: usize,
    },
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::LinalgError),
}

/// What each run has its own of, the same in all of its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunInput {
    /// A vector, such as the gravity of the place where it was made.
    Vector(String),
    /// A number, such as a mass: a [parameter](Scalar::Parameter).
    Number(String),
}

impl RunInput {
    /// Its name.
    pub fn name(&self) -> &str {
        let (Self::Vector(name) | Self::Number(name)) = self;
        name
    }
}

/// The named input vectors: `q1..qN`, `p1..pN` of the state, the pivot `q0`, and constant context
/// vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Particles and dimension.
    pub shape: Shape,
    /// The pivot q0, d components; positions are taken relative to it.
    pub origin: Vec<f64>,
    /// Constant vectors, such as `g`, by name, d components each.
    pub context: Vec<(String, Vec<f64>)>,
    /// What each run has its own of. A state holds the values as further positions, d components
    /// each, of which a number takes the first: coordinates that never move, for no Hamiltonian
    /// has the momenta that go with them, which are zero.
    pub of_run: Vec<RunInput>,
    /// Forces beside the Hamiltonian, dp_i/dt = -dH/dq_i + these.
    pub momentum_forces: Vec<MomentumForce>,
    /// Masses m_i of all particles where the kinetic energy, sum_i p_i^2 / 2 m_i, is known: a model
    /// has it beside its function of scalars, which is then the potential energy. Empty where the
    /// function has all.
    pub masses: Vec<f64>,
}

impl Inputs {
    /// Checks names and components.
    ///
    /// # Errors
    /// [`InputsError`] names the vector at fault.
    pub fn new(
        shape: Shape,
        origin: Vec<f64>,
        context: Vec<(String, Vec<f64>)>,
    ) -> Result<Self, InputsError> {
        if !(1..=3).contains(&shape.dimension) {
            return Err(InputsError::Dimension(shape.dimension));
        }
        let inputs = Self {
            shape,
            origin,
            context,
            of_run: Vec::new(),
            momentum_forces: Vec::new(),
            masses: Vec::new(),
        };
        inputs.check("q0", &inputs.origin)?;
        for (i, (name, value)) in inputs.context.iter().enumerate() {
            if is_state(name)
                || !is_name(name)
                || inputs.context[..i].iter().any(|(n, _)| n == name)
            {
                return Err(InputsError::Name(name.clone()));
            }
            inputs.check(name, value)?;
        }
        Ok(inputs)
    }

    /// With what each run has its own of, in the order of its states.
    ///
    /// # Errors
    /// [`InputsError::Name`].
    pub fn with_run_inputs(self, of_run: Vec<RunInput>) -> Result<Self, InputsError> {
        for (k, input) in of_run.iter().enumerate() {
            let name = input.name();
            let is_known = self.context.iter().any(|(other, _)| other == name)
                || of_run[..k].iter().any(|other| other.name() == name);
            if is_state(name) || !is_name(name) || is_known {
                return Err(InputsError::Name(name.into()));
            }
        }
        Ok(Self { of_run, ..self })
    }

    /// Names of the vectors besides those of the particles: constant ones, and those of the runs.
    pub fn vectors(&self) -> impl Iterator<Item = &str> {
        let of_run = self.of_run.iter().filter_map(|input| match input {
            RunInput::Vector(name) => Some(&name[..]),
            RunInput::Number(_) => None,
        });
        self.context.iter().map(|(name, _)| &name[..]).chain(of_run)
    }

    /// Names of the numbers that each run has its own of.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.of_run.iter().filter_map(|input| match input {
            RunInput::Number(name) => Some(&name[..]),
            RunInput::Vector(_) => None,
        })
    }

    /// Number of components of a state: positions, what each run has its own of, momenta, and as
    /// many zeros.
    pub fn state_len(&self) -> usize {
        2 * self.slots() * self.shape.dimension
    }

    /// Vectors in a half of a state.
    pub(crate) fn slots(&self) -> usize {
        self.shape.particles + self.of_run.len()
    }

    /// Whether runs have anything of their own.
    pub(crate) fn differ(&self) -> bool {
        !self.of_run.is_empty()
    }

    /// Whether a vector of a state, by its position, is one that each run has its own of, or the
    /// zeros that go with it.
    pub(crate) fn is_of_run(&self, slot: usize) -> bool {
        slot % self.slots() >= self.shape.particles
    }

    /// The components of a state that motion changes: positions, then momenta.
    pub fn moving_components(&self) -> Vec<usize> {
        (0..self.state_len()).filter(|c| !self.is_of_run(c / self.shape.dimension)).collect()
    }

    /// Whether a name is that of a vector that motion changes: a position or a momentum.
    pub(crate) fn moves(&self, name: &str) -> bool {
        self.slot(name).is_some_and(|slot| !self.is_of_run(slot))
    }

    /// With these forces beside the Hamiltonian, in the place of those that there are.
    pub fn with_momentum_forces(self, momentum_forces: Vec<MomentumForce>) -> Self {
        Self { momentum_forces, ..self }
    }

    /// With the kinetic energy of these masses beside the function of scalars; of none without.
    pub fn with_masses(self, masses: Vec<f64>) -> Self {
        Self { masses, ..self }
    }

    /// With nothing beside the function of scalars.
    pub(crate) fn bare(self) -> Self {
        self.with_momentum_forces(Vec::new()).with_masses(Vec::new())
    }

    /// The kinetic energies of the known masses, each a constant times the square of a momentum.
    pub(crate) fn kinetic_terms(&self) -> Vec<Expr> {
        let of = |(i, mass): (usize, &f64)| {
            let square = Expr::pow(Expr::Scalar(Scalar::norm(self.momentum(i))), 2.0);
            Expr::Product(vec![Expr::Constant(0.5 / mass), square])
        };
        (1..).zip(&self.masses).map(of).collect()
    }

    fn check(&self, name: &str, value: &[f64]) -> Result<(), InputsError> {
        if value.len() == self.shape.dimension && value.iter().all(|x| x.is_finite()) {
            return Ok(());
        }
        Err(InputsError::Components {
            name: name.into(),
            value: value.to_vec(),
            dimension: self.shape.dimension,
        })
    }

    /// Position of a state vector in z = (q1, .., qN, p1, .., pN), counted in vectors.
    pub fn slot(&self, name: &str) -> Option<usize> {
        if let Some(k) = self.of_run.iter().position(|input| input.name() == name) {
            return Some(self.shape.particles + k);
        }
        let (kind, number) = name.split_at_checked(1)?;
        let i: usize = number
            .parse()
            .ok()
            .filter(|i| (1..=self.shape.particles).contains(i) && *number == i.to_string())?;
        match kind {
            "q" => Some(i - 1),
            "p" => Some(self.slots() + i - 1),
            _ => None,
        }
    }

    /// Components of a constant vector: the pivot or a context vector.
    pub fn constant(&self, name: &str) -> Option<&[f64]> {
        if name == "q0" {
            return Some(&self.origin);
        }
        self.context.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }

    /// Position of particle `i` (from 1) relative to the pivot: `q1`, or `q1-q0` when the pivot is
    /// not at zero.
    pub fn position(&self, i: usize) -> Vector {
        let q = Vector::named(format!("q{i}"));
        if self.origin.iter().all(|x| *x == 0.0) { q } else { &q - &Vector::named("q0") }
    }

    /// Momentum of particle `i` (from 1).
    pub fn momentum(&self, i: usize) -> Vector {
        Vector::named(format!("p{i}"))
    }

    /// An expression with all that no state changes as numbers: `norm(g)`, `dot(g,q0)` and the
    /// constant part of `dot(g,q1-q0)`; a pivot at zero goes.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when it names a vector that is not there.
    pub fn evaluated(&self, expr: &Expr) -> Result<Expr, InputsError> {
        if let Some(name) = expr
            .names()
            .iter()
            .find(|name| self.slot(name).is_none() && self.constant(name).is_none())
        {
            return Err(self.unknown(name));
        }
        let at_zero = self.origin.iter().all(|x| *x == 0.0);
        let expr = if at_zero {
            expr.substitute("q0", &Vector::from_terms([("q0", 0.0)]))
        } else {
            expr.clone()
        };
        Ok(self.with_numbers(&expr))
    }

    fn with_numbers(&self, expr: &Expr) -> Expr {
        let all = |exprs: &[Expr]| exprs.iter().map(|e| self.with_numbers(e)).collect::<Vec<_>>();
        match expr {
            Expr::Constant(_) | Expr::Scalar(Scalar::Parameter(_)) => expr.clone(),
            Expr::Sum(terms) => Expr::sum(all(terms)),
            Expr::Product(factors) => Expr::product(all(factors)),
            Expr::Pow(base, n) => Expr::pow(self.with_numbers(base), *n),
            Expr::Apply(f, x) => Expr::Apply(*f, Box::new(self.with_numbers(x))),
            Expr::Scalar(Scalar::Norm(v)) => match self.parts(v) {
                (moving, fixed) if moving.is_zero() => {
                    Expr::Constant(product(&fixed, &fixed).sqrt())
                }
                _ => expr.clone(),
            },
            Expr::Scalar(Scalar::Dot(a, b)) => match (self.parts(a), self.parts(b)) {
                ((moving, x), (other, y)) if moving.is_zero() || other.is_zero() => {
                    let state = if moving.is_zero() {
                        Expr::dot(a.clone(), other)
                    } else {
                        Expr::dot(moving, b.clone())
                    };
                    Expr::sum([state, Expr::Constant(product(&x, &y))])
                }
                _ => expr.clone(),
            },
        }
    }

    /// The part of a vector that the state changes, and the components of the rest.
    fn parts(&self, vector: &Vector) -> (Vector, Vec<f64>) {
        let mut fixed = vec![0.0; self.shape.dimension];
        let mut moving = Vec::new();
        for (name, c) in vector.terms() {
            match self.constant(name) {
                Some(value) => fixed.iter_mut().zip(value).for_each(|(f, x)| *f += c * x),
                None => moving.push((name.clone(), *c)),
            }
        }
        (Vector::from_terms(moving), fixed)
    }

    /// An error that lists the names that exist.
    pub(crate) fn unknown(&self, name: &str) -> InputsError {
        let n = self.shape.particles;
        let others = self.vectors().chain(self.parameters());
        let context: String = others.map(|name| format!(", {name}")).collect();
        InputsError::Unknown {
            name: name.into(),
            accepted: format!("q0, q1..q{n}, p1..p{n}{context}"),
        }
    }
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Whether a name could be that of a position, momentum or velocity of some particle.
fn is_state(name: &str) -> bool {
    let digits = name.strip_prefix(['q', 'p', 'v']);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether expressions can have a vector of this name.
fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain && format!("norm({name})").parse::<Expr>().is_ok_and(|expr| expr.names() == [name])
}
