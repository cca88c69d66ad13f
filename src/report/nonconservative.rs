//! Forces beside a Hamiltonian in words and as expressions.

use crate::expr::{Expr, Scalar, Vector, VectorExpr};
use crate::recover::Nonconservative;
use crate::report::words::value_text;
use crate::scalars::{Inputs, MomentumForceKind};

/// What is beside the Hamiltonian in the force on one particle.
pub struct ForceBeside {
    /// The name of its position.
    pub position: String,
    /// Over state and context vectors, and [`vectors`](Self::vectors).
    pub expression: String,
    /// The same in LaTeX.
    pub latex: String,
    /// Vectors by which momenta turn that are along none of the context vectors, by name.
    pub vectors: Vec<(String, Vec<f64>)>,
}

/// A vector is along another where what is across it is a smaller part than this, or below its errors.
const ALONG: f64 = 1e-6;

/// Standard errors that what is across a vector may have.
const SIGMAS: f64 = 3.0;

/// The force beside the Hamiltonian on each particle.
pub fn forces_beside(found: &Nonconservative, inputs: &Inputs) -> Vec<ForceBeside> {
    (0..inputs.shape.particles).map(|particle| force_on(particle, found, inputs)).collect()
}

fn force_on(particle: usize, found: &Nonconservative, inputs: &Inputs) -> ForceBeside {
    let momentum = Vector::named(format!("p{}", particle + 1));
    let against = [MomentumForceKind::Friction, MomentumForceKind::Drag].map(|kind| {
        let (coefficients, _) = found.of(kind)?;
        let size = Scalar::norm(momentum.clone());
        let factors = (kind == MomentumForceKind::Drag).then_some(Expr::Scalar(size));
        let factor =
            Expr::product(std::iter::once(Expr::Constant(-coefficients[particle])).chain(factors));
        Some((factor, momentum.clone()))
    });
    let against = VectorExpr::from_terms(against.into_iter().flatten());
    let mut force = ForceBeside {
        position: format!("q{}", particle + 1),
        expression: against.to_string(),
        latex: against.to_latex(),
        vectors: Vec::new(),
    };
    if let Some((all, errors)) = found.of(MomentumForceKind::Turning) {
        let numbers = MomentumForceKind::Turning.numbers(inputs.shape.dimension);
        let own = particle * numbers..(particle + 1) * numbers;
        let (expression, latex) =
            turning(particle, &all[own.clone()], &errors[own], inputs, &mut force.vectors);
        if found.forces.len() == 1 {
            (force.expression, force.latex) = (expression, latex);
        } else {
            force.expression = format!("{expression} + {}", force.expression);
            force.latex = format!("{latex} + {}", force.latex);
        }
    }
    force
}

/// w x p, by a context vector that w is along, if there is one.
fn turning(
    particle: usize,
    w: &[f64],
    errors: &[f64],
    inputs: &Inputs,
    vectors: &mut Vec<(String, Vec<f64>)>,
) -> (String, String) {
    let number = particle + 1;
    if let [w] = w {
        return (format!("{w}*perp(p{number})"), format!("{w} p_{{{number}}}^\\perp"));
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let allowed = (ALONG * dot(w, w).sqrt()).max(SIGMAS * dot(errors, errors).sqrt());
    let along = inputs.context.iter().find_map(|(name, axis)| {
        let factor = dot(w, axis) / dot(axis, axis);
        let across: Vec<f64> = w.iter().zip(axis).map(|(w, a)| w - factor * a).collect();
        (dot(&across, &across).sqrt() <= allowed).then_some((factor, name))
    });
    match along {
        Some((factor, name)) => (
            format!("{}*cross(p{number},{name})", -factor),
            format!("{} p_{{{number}}} \\times {name}", -factor),
        ),
        None => {
            let mut name = format!("w{number}");
            while inputs.context.iter().any(|(taken, _)| *taken == name) {
                name += "_";
            }
            vectors.push((name.clone(), w.to_vec()));
            (format!("cross({name},p{number})"), format!("w_{{{number}}} \\times p_{{{number}}}"))
        }
    }
}

/// What was found beside the Hamiltonian, a line a kind of force.
pub fn nonconservative_text(found: &Nonconservative, particles: usize) -> String {
    let line = |kind: MomentumForceKind| -> Option<String> {
        let (coefficients, errors) = found.of(kind)?;
        let value = |(c, e): (&f64, &f64)| value_text(*c, Some(*e), true);
        let values: Vec<String> = coefficients.iter().zip(errors).map(value).collect();
        let each = values.chunks((values.len() / particles).max(1)).enumerate();
        let of_particle = |(i, own): (usize, &[String])| match own {
            [one] => format!("{one} on particle {}", i + 1),
            several => format!("({}) on particle {}", several.join(", "), i + 1),
        };
        let all = each.map(of_particle).collect::<Vec<_>>().join(", ");
        Some(match kind {
            MomentumForceKind::Friction => format!("friction, -c p: c = {all}"),
            MomentumForceKind::Drag => format!("drag, -c |p| p: c = {all}"),
            MomentumForceKind::Turning => format!(
                "the force turns with the velocity, as of a charge in a magnetic field or in a turning frame, w x p: w = {all}"
            ),
        })
    };
    let lines: Vec<String> = MomentumForceKind::ALL.into_iter().filter_map(line).collect();
    format!(
        "beside H, dp/dt = -dH/dq + this (residual {:.1e}, without it {:.1e}): {}",
        found.misfit_with,
        found.misfit_without,
        lines.join("; ")
    )
}
