//! What the terms of a law are functions of: scalars, and classes of scalars that share a function.

use crate::expr::{Expr, Scalar};
use crate::scalars::Inputs;

/// The scalars and, after them, the classes; each by number.
#[derive(Clone, Debug)]
pub struct Catalogue {
    scalars: Vec<Scalar>,
    /// Of every scalar itself, of every class its scalars.
    members: Vec<Vec<usize>>,
}

/// With fewer particles than this no class is worth its name.
const SEVERAL: usize = 3;

/// Pairs of particles of so many steps along their numbers at most are classes: bonds of a chain,
/// and what is next to them.
const STEPS: usize = 2;

impl Catalogue {
    /// Classes of like scalars of several particles: of each particle, of neighbours by number, as
    /// in a chain, of all pairs.
    pub fn new(inputs: &Inputs, scalars: Vec<Scalar>) -> Self {
        let n = inputs.shape.particles;
        let mut members: Vec<Vec<usize>> = (0..scalars.len()).map(|i| vec![i]).collect();
        if n < SEVERAL {
            return Self { scalars, members };
        }
        let single: Vec<_> = (1..=n).map(|i| inputs.position(i)).collect();
        let momenta: Vec<_> = (1..=n).map(|i| inputs.momentum(i)).collect();
        let bonds = |steps: usize| -> Vec<_> {
            (steps..n).map(|j| &single[j] - &single[j - steps]).collect()
        };
        let pairs: Vec<_> = (1..n).flat_map(bonds).collect();
        let alike =
            [momenta, single.clone()].into_iter().chain((1..=STEPS).map(bonds)).chain([pairs]);
        let context: Vec<_> = inputs.context.iter().map(|(name, _)| name.clone()).collect();
        for vectors in alike {
            let lengths: Vec<Scalar> = vectors.iter().cloned().map(Scalar::norm).collect();
            let along = |name: &String| -> Vec<Scalar> {
                let axis = crate::expr::Vector::named(name.clone());
                vectors.iter().map(|v| Scalar::dot(axis.clone(), v.clone())).collect()
            };
            for class in std::iter::once(lengths).chain(context.iter().map(along)) {
                let found: Vec<usize> = class
                    .iter()
                    .filter_map(|s| scalars.iter().position(|other| other == s))
                    .collect();
                if found.len() == class.len() && found.len() > 1 {
                    members.push(found);
                }
            }
        }
        Self { scalars, members }
    }

    /// Number of scalars and classes.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The scalars of a class; of a scalar itself.
    pub(crate) fn members(&self, k: usize) -> &[usize] {
        &self.members[k]
    }

    /// Whether it is a class.
    pub(crate) fn is_class(&self, k: usize) -> bool {
        k >= self.scalars.len()
    }

    /// A function of a scalar, or the sum of those of the scalars of a class.
    pub(crate) fn sum_of(&self, k: usize, function: impl Fn(Expr) -> Expr) -> Expr {
        let of = |i: &usize| function(Expr::Scalar(self.scalars[*i].clone()));
        Expr::sum(self.members[k].iter().map(of))
    }

    /// The function of one scalar of a class.
    pub(crate) fn one_of(&self, k: usize, function: impl Fn(Expr) -> Expr) -> Expr {
        function(Expr::Scalar(self.scalars[self.members[k][0]].clone()))
    }
}
