//! What moves: vector fields and Hamiltonians.
//!
//! A state is z = (q1, .., qN, p1, .., pN), each a vector of d components: 2 N d numbers. With J =
//! [[0, 1], [-1, 0]] Hamilton's equations are dz/dt = J grad H(z).

use crate::linalg::{Real, ZipInlined};

/// How many particles there are and in how many dimensions they move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of particles.
    pub particles: usize,
    /// Dimension d of space: 1, 2 or 3.
    pub dimension: usize,
}

impl Shape {
    /// Number of components of a state z = (q1, .., qN, p1, .., pN).
    pub fn state_len(self) -> usize {
        2 * self.particles * self.dimension
    }
}

/// An autonomous vector field dz/dt = f(z) known in closed form.
pub trait VectorField: Sync {
    /// Number of components of the state.
    fn dim(&self) -> usize;
    /// Writes f(z) to `dz`; both have [`dim`](Self::dim) components.
    fn field_into<T: Real>(&self, z: &[T], dz: &mut [T]);
}

/// A scalar function H(q, p) that generates motion; `dim` is the length of z = (q, p).
pub trait Hamiltonian: Sync {
    /// Number of components of the state, even.
    fn dim(&self) -> usize;
    /// H(z).
    fn energy<T: Real>(&self, z: &[T]) -> T;
    /// Writes grad H = (dH/dq, dH/dp) to `gradient`.
    fn gradient_into<T: Real>(&self, z: &[T], gradient: &mut [T]);
}

/// H(q, p) = T(p) + V(q), as splitting integrators need.
pub trait SeparableHamiltonian: Hamiltonian {
    /// Writes dT/dp, the velocity, to `velocity`.
    fn velocity_into<T: Real>(&self, p: &[T], velocity: &mut [T]);
    /// Writes -dV/dq, the force, to `force`.
    fn force_into<T: Real>(&self, q: &[T], force: &mut [T]);
}

impl<H: Hamiltonian> VectorField for H {
    #[inline(always)]
    fn dim(&self) -> usize {
        Hamiltonian::dim(self)
    }
    #[inline(always)]
    fn field_into<T: Real>(&self, z: &[T], dz: &mut [T]) {
        self.gradient_into(z, dz);
        symplectic_into(dz);
    }
}

/// Replaces a gradient (dH/dq, dH/dp) by the flow J grad H = (dH/dp, -dH/dq).
#[inline(always)]
pub fn symplectic_into<T: Real>(gradient: &mut [T]) {
    let (q, p) = gradient.split_at_mut(gradient.len() / 2);
    for (q, p) in q.iter_mut().zip_inlined(p) {
        (*q, *p) = (*p, -*q);
    }
}
