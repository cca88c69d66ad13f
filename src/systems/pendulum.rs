//! The springy double pendulum in space.

use super::error::SystemError;
use crate::field::{Hamiltonian, SeparableHamiltonian};
use crate::linalg::{Real, ZipInlined};

/// Parameters of the [`SpringyPendulum`], in any consistent units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// m1, m2: masses, positive.
    pub masses: [f64; 2],
    /// k1, k2: stiffnesses of the springs, positive.
    pub stiffness: [f64; 2],
    /// l1, l2: natural lengths of the springs, not negative.
    pub lengths: [f64; 2],
    /// q0: the point from which the first spring hangs.
    pub pivot: [f64; 3],
    /// g: acceleration of gravity.
    pub gravity: [f64; 3],
}

/// Two masses hanging in space from a pivot, one below the other, on springs:
///
/// H = |p1|^2/(2 m1) + |p2|^2/(2 m2) + k1/2 (|q1-q0| - l1)^2 + k2/2 (|q2-q1| - l2)^2 - m1 g.(q1-q0)
/// - m2 g.(q2-q0)
///
/// with the state z = (q1, q2, p1, p2) of 12 components. At zero length a spring exerts no force.
///
/// Source: Finzi, Welling & Wilson 2021 (arXiv:2104.09459), whose code drops the 1/2 of the second
/// spring; as a task for learning from scalars: Yao, Storey-Fisher, Hogg & Villar 2021
/// (arXiv:2110.03761).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpringyPendulum {
    parameters: Parameters,
    inverse_masses: [f64; 2],
    /// k_i l_i
    preloads: [f64; 2],
    /// m_i g
    weights: [[f64; 3]; 2],
}

impl SpringyPendulum {
    /// Names that [`preset`](Self::preset) knows.
    pub const PRESETS: &'static str = "paper, reference-code";

    /// A pendulum with the given parameters.
    ///
    /// # Errors
    /// [`SystemError::Parameter`] if a mass or a stiffness is not positive, a length is negative,
    /// or anything is not finite.
    pub fn new(parameters: Parameters) -> Result<Self, SystemError> {
        for (name, value) in list(&parameters) {
            let (valid, accepted) = match name.as_bytes()[0] {
                b'm' | b'k' => (value > 0.0, "positive and finite"),
                b'l' => (value >= 0.0, "zero or more, and finite"),
                _ => (true, "finite"),
            };
            if !(valid && value.is_finite()) {
                return Err(SystemError::Parameter { name, value, accepted });
            }
        }
        Ok(Self::derive(parameters))
    }

    /// The pendulum as the paper writes it: masses, stiffnesses and lengths 1, pivot at the origin,
    /// g = (0, 0, -1).
    pub fn paper() -> Self {
        let parameters = Parameters {
            masses: [1.0; 2],
            stiffness: [1.0; 2],
            lengths: [1.0; 2],
            pivot: [0.0; 3],
            gravity: [0.0, 0.0, -1.0],
        };
        Self::derive(parameters)
    }

    /// The pendulum of the public reference code, which drops the 1/2 on the second spring:
    /// [`paper`](Self::paper) with k2 = 2.
    pub fn reference_code() -> Self {
        Self::derive(Parameters { stiffness: [1.0, 2.0], ..Self::paper().parameters })
    }

    /// Computes once what every force needs.
    fn derive(parameters: Parameters) -> Self {
        let Parameters { masses, stiffness, lengths, gravity, .. } = parameters;
        Self {
            parameters,
            inverse_masses: masses.map(f64::recip),
            preloads: [stiffness[0] * lengths[0], stiffness[1] * lengths[1]],
            weights: masses.map(|m| gravity.map(|g| m * g)),
        }
    }

    /// The pendulum that bears one of the names [`PRESETS`](Self::PRESETS).
    ///
    /// # Errors
    /// [`SystemError::Preset`] for any other name.
    pub fn preset(name: &str) -> Result<Self, SystemError> {
        match name {
            "paper" => Ok(Self::paper()),
            "reference-code" => Ok(Self::reference_code()),
            _ => Err(SystemError::Preset { name: name.into(), accepted: Self::PRESETS }),
        }
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Name and value of every parameter, as metadata has them: m1, m2, k1, k2, l1, l2, q0_x ..
    /// q0_z, g_x .. g_z.
    pub fn named_parameters(&self) -> Vec<(&'static str, f64)> {
        list(&self.parameters).to_vec()
    }

    /// Angular momentum about the axis through the pivot along gravity, sum_i (q_i - q0) x p_i .
    /// g/|g|: conserved. NaN without gravity, which leaves the axis undefined.
    #[inline(always)]
    pub fn angular_momentum<T: Real>(&self, z: &[T]) -> T {
        let Parameters { pivot, gravity, .. } = self.parameters;
        let scale = dot(gravity, gravity).sqrt().recip();
        let (q, p) = z.split_at(6);
        let mut total = T::zero();
        for (q, p) in q.chunks_exact(3).zip_inlined(p.chunks_exact(3)) {
            let arm = [q[0] + -pivot[0], q[1] + -pivot[1], q[2] + -pivot[2]];
            for (i, g) in gravity.iter().enumerate() {
                let (j, k) = ((i + 1) % 3, (i + 2) % 3);
                total += (arm[j] * p[k] - arm[k] * p[j]) * (g * scale);
            }
        }
        total
    }

    /// The springs as vectors: q1 - q0 and q2 - q1.
    #[inline(always)]
    fn springs<T: Real>(&self, q: &[T]) -> [[T; 3]; 2] {
        let (pivot, q) = (self.parameters.pivot, &q[..6]);
        [
            [q[0] + -pivot[0], q[1] + -pivot[1], q[2] + -pivot[2]],
            [q[3] - q[0], q[4] - q[1], q[5] - q[2]],
        ]
    }
}

impl Hamiltonian for SpringyPendulum {
    #[inline(always)]
    fn dim(&self) -> usize {
        12
    }

    #[inline(always)]
    fn energy<T: Real>(&self, z: &[T]) -> T {
        let Parameters { stiffness, lengths, pivot, .. } = self.parameters;
        let (q, p) = z.split_at(6);
        let mut energy = T::zero();
        for (i, spring) in self.springs(q).into_iter().enumerate() {
            let stretch = length(spring) + -lengths[i];
            energy += stretch * stretch * (0.5 * stiffness[i]);
            for k in 3 * i..3 * i + 3 {
                energy += p[k] * p[k] * (0.5 * self.inverse_masses[i]);
                energy += (q[k] + -pivot[k % 3]) * -self.weights[i][k % 3];
            }
        }
        energy
    }

    #[inline(always)]
    fn gradient_into<T: Real>(&self, z: &[T], gradient: &mut [T]) {
        let (q, p) = z.split_at(6);
        let (dq, dp) = gradient.split_at_mut(6);
        self.force_into(q, dq);
        for d in dq {
            *d = -*d;
        }
        self.velocity_into(p, dp);
    }
}

impl SeparableHamiltonian for SpringyPendulum {
    #[inline(always)]
    fn velocity_into<T: Real>(&self, p: &[T], velocity: &mut [T]) {
        let (p, velocity) = (&p[..6], &mut velocity[..6]);
        for k in 0..6 {
            velocity[k] = p[k] * self.inverse_masses[k / 3];
        }
    }

    #[inline(always)]
    fn force_into<T: Real>(&self, q: &[T], force: &mut [T]) {
        let stiffness = self.parameters.stiffness;
        let [first, second] = self.springs(q);
        let pull1 = T::splat(stiffness[0]) - T::splat(self.preloads[0]) / length(first);
        let pull2 = T::splat(stiffness[1]) - T::splat(self.preloads[1]) / length(second);
        let force = &mut force[..6];
        for k in 0..3 {
            let tension = pull2 * second[k];
            force[k] = tension - pull1 * first[k] + self.weights[0][k];
            force[k + 3] = T::splat(self.weights[1][k]) - tension;
        }
    }
}

fn list(p: &Parameters) -> [(&'static str, f64); 12] {
    let ([m1, m2], [k1, k2], [l1, l2]) = (p.masses, p.stiffness, p.lengths);
    let ([qx, qy, qz], [gx, gy, gz]) = (p.pivot, p.gravity);
    [
        ("m1", m1),
        ("m2", m2),
        ("k1", k1),
        ("k2", k2),
        ("l1", l1),
        ("l2", l2),
        ("q0_x", qx),
        ("q0_y", qy),
        ("q0_z", qz),
        ("g_x", gx),
        ("g_y", gy),
        ("g_z", gz),
    ]
}

#[inline(always)]
fn dot<T: Real>(a: [T; 3], b: [T; 3]) -> T {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Length of a spring. The least normal number, added under the root, changes no length above
/// 1e-146 and keeps 1 / length finite, so that a spring of zero length pulls with (k - k l /
/// length) * 0 = 0, not NaN.
#[inline(always)]
fn length<T: Real>(spring: [T; 3]) -> T {
    (dot(spring, spring) + f64::MIN_POSITIVE).sqrt()
}
