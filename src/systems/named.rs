//! A collection of laws, each with initial states that make data for it.

use super::error::SystemError;
use super::expression::ExpressionSystem;
use crate::expr::Expr;
use crate::field::Shape;

/// A Hamiltonian as text, with what it takes to make trajectories of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedLaw {
    /// Name in commands, such as `kepler`.
    pub name: &'static str,
    /// The Hamiltonian over `q1`, .., `p1`, .. and the vectors below.
    pub hamiltonian: &'static str,
    /// Number of particles.
    pub particles: usize,
    /// Dimension of space.
    pub dimension: usize,
    /// Constant vectors that the Hamiltonian, and who looks for it, may use.
    pub vectors: &'static [(&'static str, &'static [f64])],
    /// Mean of the initial states, z = (q1, .., p1, ..).
    pub mean: &'static [f64],
    /// Standard deviation of each component of the initial positions.
    pub position_spread: f64,
    /// Standard deviation of each component of the initial momenta.
    pub momentum_spread: f64,
    /// Time between two points of a trajectory, in units of the law's own constants.
    pub dt: f64,
}

impl NamedLaw {
    /// Every law, by kind.
    pub const ALL: &'static [NamedLaw] = LAWS;

    /// The law of this name; none if there is no such law.
    pub fn find(name: &str) -> Option<&'static NamedLaw> {
        LAWS.iter().find(|law| law.name == name)
    }

    /// Particles and dimension.
    pub fn shape(&self) -> Shape {
        Shape { particles: self.particles, dimension: self.dimension }
    }

    /// The constant vectors, each a name with its components.
    pub fn context(&self) -> Vec<(String, Vec<f64>)> {
        self.vectors.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
    }

    /// The law as a system that integrators take.
    ///
    /// # Errors
    /// [`SystemError`], for a text that is no Hamiltonian of these vectors.
    pub fn system(&self) -> Result<ExpressionSystem, SystemError> {
        let expr: Expr = self
            .hamiltonian
            .parse()
            .map_err(|e: crate::expr::ExprError| SystemError::Text(e.to_string()))?;
        ExpressionSystem::new(&expr, self.shape(), &self.context())
    }
}

const DOWN: &[(&str, &[f64])] = &[("g", &[0.0, 0.0, -1.0])];
const PLANE: &[(&str, &[f64])] = &[("ex", &[1.0, 0.0]), ("ey", &[0.0, 1.0])];
const LINE: &[(&str, &[f64])] = &[("ex", &[1.0])];
const HANGING: &[f64] = &[0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const ORBIT: &[f64] = &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
const FLAT_ORBIT: &[f64] = &[1.0, 0.0, 0.0, 1.0];

const fn law(
    name: &'static str,
    hamiltonian: &'static str,
    particles: usize,
    dimension: usize,
) -> NamedLaw {
    NamedLaw {
        name,
        hamiltonian,
        particles,
        dimension,
        vectors: &[],
        mean: &[],
        position_spread: 0.2,
        momentum_spread: 0.2,
        dt: 0.2,
    }
}

const LAWS: &[NamedLaw] = &[
    NamedLaw {
        vectors: DOWN,
        mean: HANGING,
        position_spread: 0.2,
        momentum_spread: 0.4,
        ..law(
            "pendulum",
            "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1)-1)**2 + (norm(q2-q1)-1)**2 - dot(g,q1) - dot(g,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        vectors: DOWN,
        mean: HANGING,
        position_spread: 0.3,
        momentum_spread: 0.3,
        ..law(
            "unequal-pendulum",
            "dot(p1,p1)/3.4 + dot(p2,p2)/1.2 + 0.65*(norm(q1)-1.2)**2 + 1.05*(norm(q2-q1)-0.7)**2 - 1.7*dot(g,q1) - 0.6*dot(g,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        vectors: DOWN,
        mean: &[
            0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, -4.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            0.0,
        ],
        position_spread: 0.2,
        momentum_spread: 0.4,
        ..law(
            "chain",
            "0.5*dot(p1,p1) + dot(p2,p2)/2.4 + dot(p3,p3)/1.6 + 0.5*(norm(q1)-1)**2 + 0.75*(norm(q2-q1)-1.1)**2 + (norm(q3-q2)-0.9)**2 \
             - dot(g,q1) - 1.2*dot(g,q2) - 0.8*dot(g,q3)",
            3,
            3,
        )
    },
    NamedLaw { mean: ORBIT, ..law("kepler", "0.5*dot(p1,p1) - 1.3/norm(q1)", 1, 3) },
    NamedLaw {
        vectors: PLANE,
        mean: &[0.0, 0.0, 0.0, 0.0],
        position_spread: 0.15,
        momentum_spread: 0.15,
        ..law(
            "henon-heiles",
            "0.5*dot(p1,p1) + 0.5*dot(q1,q1) + dot(ex,q1)**2*dot(ey,q1) - dot(ey,q1)**3/3",
            1,
            2,
        )
    },
    NamedLaw {
        mean: &[1.0, 0.0, -0.6, 0.8, -0.5, -0.9, 0.0, 0.7, -0.6, -0.4, 0.6, -0.3],
        position_spread: 0.1,
        momentum_spread: 0.1,
        dt: 0.1,
        ..law(
            "three-body",
            "0.5*dot(p1,p1) + dot(p2,p2)/1.6 + dot(p3,p3)/2.4 - 0.8/norm(q2-q1) - 1.2/norm(q3-q1) - 0.96/norm(q3-q2)",
            3,
            2,
        )
    },
    NamedLaw {
        vectors: LINE,
        mean: &[-0.5, 0.2, 0.4, 0.3, 0.0, -0.3],
        position_spread: 0.5,
        momentum_spread: 0.6,
        ..law(
            "toda",
            "0.5*(dot(p1,p1)+dot(p2,p2)+dot(p3,p3)) + exp(-dot(ex,q2-q1)) + exp(-dot(ex,q3-q2)) + exp(-dot(ex,q1-q3))",
            3,
            1,
        )
    },
    NamedLaw {
        mean: &[1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5, 0.0],
        ..law(
            "exponential",
            "dot(p1,p1)/2 + dot(p2,p2)/3 + 2*exp(-0.8*norm(q2-q1)) + 0.3*dot(q1,q1) + 0.2*dot(q2,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        mean: FLAT_ORBIT,
        ..law("inverse-power", "0.5*dot(p1,p1) + 0.4/norm(q1)**2.5 + 0.5*dot(q1,q1)", 1, 2)
    },
    NamedLaw {
        mean: &[1.2, 0.0, 0.0, 0.0, 0.3, 0.0],
        position_spread: 0.05,
        momentum_spread: 0.2,
        dt: 0.05,
        ..law("lennard-jones", "0.5*dot(p1,p1) + 4*(1/norm(q1)**12 - 1/norm(q1)**6)", 1, 3)
    },
    NamedLaw { mean: FLAT_ORBIT, ..law("logarithm", "0.5*dot(p1,p1) + 0.9*log(norm(q1))", 1, 2) },
    NamedLaw { mean: ORBIT, ..law("relativistic", "sqrt(1.44+dot(p1,p1)) + 0.5*dot(q1,q1)", 1, 3) },
    NamedLaw { mean: ORBIT, ..law("quartic", "0.5*dot(p1,p1) + 0.25*dot(q1,q1)**2", 1, 3) },
    NamedLaw {
        vectors: PLANE,
        mean: FLAT_ORBIT,
        ..law(
            "cubic-field",
            "dot(p1,p1)/1.4 + 0.5*dot(q1,q1) + 0.1*dot(ex,q1)**3 + 0.05*dot(ey,q1)**4",
            1,
            2,
        )
    },
    NamedLaw {
        mean: &[0.5, 0.0, 0.0, -0.8, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.4, 0.0],
        ..law(
            "morse",
            "dot(p1,p1)/2 + dot(p2,p2)/2.8 + 1.5*(1-exp(-0.9*(norm(q2-q1)-1.2)))**2",
            2,
            3,
        )
    },
    NamedLaw {
        mean: ORBIT,
        ..law("yukawa", "0.5*dot(p1,p1) - 1.5*exp(-0.6*norm(q1))/norm(q1)", 1, 3)
    },
    NamedLaw { mean: ORBIT, ..law("plummer", "0.5*dot(p1,p1) - 1.5/sqrt(dot(q1,q1)+0.16)", 1, 3) },
    NamedLaw {
        mean: &[0.0, 0.0],
        position_spread: 1.0,
        momentum_spread: 0.8,
        ..law("cosine", "dot(p1,p1)/1.8 - 1.3*cos(norm(q1))", 1, 1)
    },
    NamedLaw {
        vectors: PLANE,
        mean: FLAT_ORBIT,
        ..law("anisotropic", "0.5*dot(p1,p1) + 0.5*dot(ex,q1)**2 + 1.1*dot(ey,q1)**2", 1, 2)
    },
    NamedLaw {
        vectors: PLANE,
        mean: FLAT_ORBIT,
        ..law(
            "magnetic",
            "0.5*dot(p1,p1) + 0.4*(dot(ey,p1)*dot(ex,q1) - dot(ex,p1)*dot(ey,q1)) + 0.6*dot(q1,q1)",
            1,
            2,
        )
    },
    NamedLaw {
        mean: &[0.7, 0.0, 0.0, -0.7, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5, 0.0],
        ..law(
            "coulomb",
            "dot(p1,p1)/2 + dot(p2,p2)/3 + 0.7/norm(q2-q1) + 0.4*dot(q1,q1) + 0.5*dot(q2,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        vectors: &[("d", &[0.0, 0.0, 1.0])],
        mean: &[1.2, 0.0, 0.3, 0.0, 0.5, 0.0],
        ..law("dipole", "0.5*dot(p1,p1) + 0.8*dot(d,q1)/norm(q1)**3 + 0.5*dot(q1,q1)", 1, 3)
    },
    NamedLaw {
        vectors: DOWN,
        mean: HANGING,
        position_spread: 0.2,
        momentum_spread: 0.4,
        ..law(
            "pendulum-paper",
            "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1)-1)**2 + 0.5*(norm(q2-q1)-1)**2 - dot(g,q1) - dot(g,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        mean: FLAT_ORBIT,
        ..law("inverse-square", "0.5*dot(p1,p1) + 0.6/norm(q1)**2 + 0.5*dot(q1,q1)", 1, 2)
    },
    NamedLaw {
        mean: &[0.8, 0.0, 0.0, -0.8, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5, 0.0],
        ..law(
            "inverse-cube",
            "dot(p1,p1)/2 + dot(p2,p2)/3 + 1.1/norm(q2-q1)**3 + 0.4*dot(q1,q1) + 0.5*dot(q2,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        mean: ORBIT,
        ..law("gaussian-well", "0.5*dot(p1,p1) - 2.2*exp(-0.35*dot(q1,q1))", 1, 3)
    },
    NamedLaw {
        mean: ORBIT,
        ..law("woods-saxon", "0.5*dot(p1,p1) - 3/(1+exp((norm(q1)-1.5)/0.4))", 1, 3)
    },
    NamedLaw {
        mean: &[1.5, 0.0, 0.0, 0.0, 0.3, 0.0],
        position_spread: 0.1,
        momentum_spread: 0.2,
        ..law(
            "buckingham",
            "0.5*dot(p1,p1) + 60*exp(-3.2*norm(q1)) - 0.5/norm(q1)**6 + 0.3*dot(q1,q1)",
            1,
            3,
        )
    },
    NamedLaw {
        mean: &[0.5, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, -0.4, 0.0],
        ..law(
            "fene",
            "dot(p1,p1)/2 + dot(p2,p2)/2.6 - 2.7*log(1-dot(q2-q1,q2-q1)/6.25) + 0.8/norm(q2-q1)",
            2,
            3,
        )
    },
    NamedLaw {
        vectors: LINE,
        mean: &[0.3, 0.0],
        position_spread: 0.8,
        momentum_spread: 0.5,
        ..law(
            "duffing",
            "0.5*dot(p1,p1) - 0.5*dot(ex,q1)**2 + 0.25*dot(ex,q1)**4 - 0.1*dot(ex,q1)",
            1,
            1,
        )
    },
    NamedLaw {
        vectors: LINE,
        mean: &[-1.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        position_spread: 0.4,
        momentum_spread: 0.5,
        ..law(
            "anharmonic-chain",
            "0.5*(dot(p1,p1)+dot(p2,p2)+dot(p3,p3)) + 0.5*dot(q1,q1) + 0.3*dot(ex,q2-q1)**2 + 0.1*dot(ex,q2-q1)**4 \
             + 0.3*dot(ex,q3-q2)**2 + 0.1*dot(ex,q3-q2)**4 + 0.5*dot(q3,q3)",
            3,
            1,
        )
    },
    NamedLaw {
        mean: ORBIT,
        ..law(
            "short-yukawa",
            "dot(p1,p1)/2.2 - 4.5*exp(-1.7*norm(q1))/norm(q1) + 0.1*dot(q1,q1)",
            1,
            3,
        )
    },
    NamedLaw {
        vectors: &[("n", &[0.0, 0.0, 1.0])],
        mean: &[1.5, 0.0, 0.2, 0.0, 0.7, 0.2],
        position_spread: 0.1,
        momentum_spread: 0.1,
        ..law(
            "oblate",
            "0.5*dot(p1,p1) - 1/norm(q1) - 0.1/norm(q1)**3 + 0.3*dot(n,q1)**2/norm(q1)**5",
            1,
            3,
        )
    },
    NamedLaw {
        mean: ORBIT,
        ..law("quartic-kinetic", "0.5*dot(p1,p1) + 0.1*dot(p1,p1)**2 + 0.6*norm(q1)**3", 1, 3)
    },
    NamedLaw {
        mean: FLAT_ORBIT,
        ..law("varying-mass", "0.5*dot(p1,p1)/(1+0.4*dot(q1,q1)) + 0.7*dot(q1,q1)", 1, 2)
    },
    NamedLaw {
        vectors: &[("e", &[0.6, 0.0, -0.8])],
        mean: &[0.8, 0.0, 0.0, -0.8, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5, 0.0],
        ..law(
            "charges-in-field",
            "dot(p1,p1)/2 + dot(p2,p2)/3 + 0.9/norm(q2-q1) - 0.7*dot(e,q1) + 0.4*dot(e,q2) + 0.3*dot(q1,q1) + 0.3*dot(q2,q2)",
            2,
            3,
        )
    },
    NamedLaw {
        mean: &[0.5, 0.0],
        position_spread: 0.6,
        momentum_spread: 0.6,
        ..law("oscillator", "dot(p1,p1)/2.4 + 0.9*dot(q1,q1)", 1, 1)
    },
];
