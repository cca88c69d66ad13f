//! The vectors that scalars are made of.

use crate::expr::Vector;
use crate::field::Shape;

/// What can be wrong with input vectors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Space must have one to three dimensions.
    #[error("dimension {0}: 1, 2 or 3 is accepted")]
    Dimension(usize),
    /// A vector has too few or too many components, or one that is not finite.
    #[error("vector `{name}` is {value:?}: {dimension} finite components are accepted")]
    Components {
        /// Its name.
        name: String,
        /// Its components.
        value: Vec<f64>,
        /// Components expected.
        dimension: usize,
    },
    /// A context vector has the name of a state vector or of another one.
    #[error("vector name `{0}`: a name other than q0, q1.., p1.. and those already given is accepted")]
    Name(String),
    /// An expression names a vector that is not there.
    #[error("unknown vector `{name}`: accepted are {accepted}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that exist.
        accepted: String,
    },
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::Error),
}

/// The named input vectors: `q1..qN`, `p1..pN` of the state, the pivot `q0`, and constant context vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Particles and dimension.
    pub shape: Shape,
    /// The pivot q0, d components; positions are taken relative to it.
    pub origin: Vec<f64>,
    /// Constant vectors, such as `g`, by name, d components each.
    pub context: Vec<(String, Vec<f64>)>,
}

impl Inputs {
    /// Checks names and components.
    ///
    /// # Errors
    /// [`Error`] names the vector at fault.
    pub fn new(shape: Shape, origin: Vec<f64>, context: Vec<(String, Vec<f64>)>) -> Result<Self, Error> {
        if !(1..=3).contains(&shape.dimension) {
            return Err(Error::Dimension(shape.dimension));
        }
        let inputs = Self { shape, origin, context };
        inputs.check("q0", &inputs.origin)?;
        for (i, (name, value)) in inputs.context.iter().enumerate() {
            let taken = inputs.slot(name).is_some() || name == "q0" || inputs.context[..i].iter().any(|(n, _)| n == name);
            if taken
                || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                || !name.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                return Err(Error::Name(name.clone()));
            }
            inputs.check(name, value)?;
        }
        Ok(inputs)
    }

    fn check(&self, name: &str, value: &[f64]) -> Result<(), Error> {
        if value.len() == self.shape.dimension && value.iter().all(|x| x.is_finite()) {
            return Ok(());
        }
        Err(Error::Components { name: name.into(), value: value.to_vec(), dimension: self.shape.dimension })
    }

    /// Position of a state vector in z = (q1, .., qN, p1, .., pN), counted in vectors.
    pub fn slot(&self, name: &str) -> Option<usize> {
        let (kind, number) = name.split_at_checked(1)?;
        let i: usize = number.parse().ok().filter(|i| (1..=self.shape.particles).contains(i) && *number == i.to_string())?;
        match kind {
            "q" => Some(i - 1),
            "p" => Some(self.shape.particles + i - 1),
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

    /// Position of particle `i` (from 1) relative to the pivot: `q1`, or `q1-q0` when the pivot is not at zero.
    pub fn position(&self, i: usize) -> Vector {
        let q = Vector::named(format!("q{i}"));
        if self.origin.iter().all(|x| *x == 0.0) { q } else { &q - &Vector::named("q0") }
    }

    /// Momentum of particle `i` (from 1).
    pub fn momentum(&self, i: usize) -> Vector {
        Vector::named(format!("p{i}"))
    }

    /// An error that lists the names that exist.
    pub(crate) fn unknown(&self, name: &str) -> Error {
        let n = self.shape.particles;
        let context: String = self.context.iter().map(|(n, _)| format!(", {n}")).collect();
        Error::Unknown { name: name.into(), accepted: format!("q0, q1..q{n}, p1..p{n}{context}") }
    }
}
