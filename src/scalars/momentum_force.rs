//! Forces on a particle that depend on its momentum and that no Hamiltonian of the table's positions
//! and momenta gives.

use crate::field::Shape;
use crate::linalg::{Real, ZipInlined};

/// What a force does with the momentum p of the particle that it acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentumForceKind {
    /// -c p: friction, as in a thick fluid (Stokes). One number a particle, in units of 1/time.
    Friction,
    /// -c |p| p: drag, as of a ball in air (Rayleigh). One number a particle, in units of
    /// 1/(momentum time).
    Drag,
    /// w x p: momenta turn, as those of a charge in a magnetic field (Lorentz) or in a frame that
    /// turns (Coriolis). In two dimensions one number a particle, positive where momenta turn
    /// from x to y, in three the three components of w, in units of 1/time.
    Turning,
}

/// A force of one kind on all particles, linear in its coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentumForce {
    /// What it does.
    pub kind: MomentumForceKind,
    /// Of each particle its numbers.
    pub coefficients: Vec<f64>,
}

impl MomentumForceKind {
    /// All kinds, from the plainest.
    pub const ALL: [Self; 3] = [Self::Friction, Self::Turning, Self::Drag];

    /// Whether it takes energy away.
    pub fn takes_energy(self) -> bool {
        self != Self::Turning
    }

    /// How many numbers it has for one particle.
    pub fn numbers(self, dimension: usize) -> usize {
        match self {
            Self::Friction | Self::Drag => 1,
            Self::Turning => dimension * (dimension - 1) / 2,
        }
    }

    /// Adds the force of one number of a particle, if it is one, times a factor, to its force.
    #[inline(always)]
    fn add<T: Real>(self, number: usize, factor: f64, p: &[T], force: &mut [T]) {
        match self {
            Self::Friction => {
                for (f, p) in force.iter_mut().zip_inlined(p) {
                    *f -= *p * factor;
                }
            }
            Self::Drag => {
                let size = norm(p);
                for (f, p) in force.iter_mut().zip_inlined(p) {
                    *f -= *p * size * factor;
                }
            }
            Self::Turning => {
                let (a, b) = plane(number, p.len());
                force[a] -= p[b] * factor;
                force[b] += p[a] * factor;
            }
        }
    }

    /// Adds the transposed derivative of that force by the momentum, times lambda.
    #[inline(always)]
    fn add_transposed<T: Real>(
        self,
        number: usize,
        factor: f64,
        p: &[T],
        lambda: &[T],
        out: &mut [T],
    ) {
        match self {
            Self::Friction => {
                for (o, l) in out.iter_mut().zip_inlined(lambda) {
                    *o -= *l * factor;
                }
            }
            Self::Drag => {
                let size = norm(p);
                let mut along = T::zero();
                for (p, l) in p.iter().zip_inlined(lambda) {
                    along += *p * *l;
                }
                let along = along / size;
                for ((o, p), l) in out.iter_mut().zip_inlined(p).zip_inlined(lambda) {
                    *o -= (*l * size + *p * along) * factor;
                }
            }
            Self::Turning => {
                let (a, b) = plane(number, p.len());
                out[b] -= lambda[a] * factor;
                out[a] += lambda[b] * factor;
            }
        }
    }
}

/// The length of a momentum; a little more than nothing for a particle at rest.
#[inline(always)]
fn norm<T: Real>(p: &[T]) -> T {
    let mut squares = T::splat(f64::MIN_POSITIVE);
    for p in p {
        squares += *p * *p;
    }
    squares.sqrt()
}

/// The axes of the plane in which a component of the angular velocity turns, the first to the second.
#[inline(always)]
fn plane(number: usize, dimension: usize) -> (usize, usize) {
    match dimension {
        2 => (0, 1),
        _ => ((number + 1) % 3, (number + 2) % 3),
    }
}

impl MomentumForce {
    /// Of some coefficients; none where there are too few or too many, or one is not finite.
    pub(crate) fn is_valid(&self, shape: Shape) -> bool {
        self.coefficients.len() == self.kind.numbers(shape.dimension) * shape.particles
            && self.coefficients.iter().all(|c| c.is_finite())
    }

    /// Of each particle where its components of momenta are and its numbers.
    #[inline(always)]
    fn particles(&self, d: usize) -> impl Iterator<Item = (std::ops::Range<usize>, &[f64])> {
        let numbers = self.coefficients.chunks_exact(self.kind.numbers(d).max(1));
        numbers.enumerate().map(move |(i, numbers)| (i * d..(i + 1) * d, numbers))
    }

    /// Adds the force on all particles, whose momenta are `p`.
    #[inline(always)]
    pub(crate) fn add<T: Real>(&self, dimension: usize, p: &[T], force: &mut [T]) {
        for (at, numbers) in self.particles(dimension) {
            for (k, c) in numbers.iter().enumerate() {
                self.kind.add(k, *c, &p[at.clone()], &mut force[at.clone()]);
            }
        }
    }

    /// Adds the transposed derivative of the force by the momenta, times lambda.
    #[inline(always)]
    pub(crate) fn add_transposed<T: Real>(
        &self,
        dimension: usize,
        p: &[T],
        lambda: &[T],
        out: &mut [T],
    ) {
        for (at, numbers) in self.particles(dimension) {
            for (k, c) in numbers.iter().enumerate() {
                let (p, lambda) = (&p[at.clone()], &lambda[at.clone()]);
                self.kind.add_transposed(k, *c, p, lambda, &mut out[at.clone()]);
            }
        }
    }

    /// The force of every coefficient alone, each of one: of a coefficient after the other.
    pub(crate) fn each(kind: MomentumForceKind, shape: Shape) -> Vec<Self> {
        let n = kind.numbers(shape.dimension) * shape.particles;
        let one = |k: usize| (0..n).map(|i| if i == k { 1.0 } else { 0.0 }).collect();
        (0..n).map(|k| Self { kind, coefficients: one(k) }).collect()
    }

    /// In other units: of time and momentum.
    pub(crate) fn scaled(&self, time: f64, momentum: f64) -> Self {
        let unit = match self.kind {
            MomentumForceKind::Friction | MomentumForceKind::Turning => time,
            MomentumForceKind::Drag => time * momentum,
        };
        Self { kind: self.kind, coefficients: self.coefficients.iter().map(|c| c * unit).collect() }
    }
}
