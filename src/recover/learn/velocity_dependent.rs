//! Forces that grow with the square of the velocities: looked for beside functions of the positions.

use crate::dataset::Units;
use crate::linalg::{Lanes, Projection, Real, dot};
use crate::model::Model;
use crate::recover::error::RecoverError;
use crate::recover::learn::driven::LEFT;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::columns_in;
use crate::recover::paths::Paths;
use crate::recover::problem::checks::Check;
use crate::recover::problem::learner::Learner;
use crate::scalars::{MomentumForce, MomentumForceKind};

/// Increments of momenta that are looked at, about.
const ROWS: usize = 3000;
/// Of these there are so many for each column at least, besides those that the basis takes: by chance
/// columns explain a quarter at most then, where [`LEFT`] asks for nine tenths.
const FREE: usize = 4;

impl Learner<'_> {
    /// Whether forces m dv/dt that no function of the positions gives are quadratic in velocities, as
    /// those of a Hamiltonian with a mass matrix are where velocities are taken for momenta.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub(crate) fn velocity_dependent(
        &self,
        fitted: &Fitted,
        units: &Units,
    ) -> Result<Option<Check>, RecoverError> {
        let is_rod = self.constant_lengths().next().is_some();
        if self.inputs().masses.is_empty() || is_rod || self.late() {
            return Ok(None);
        }
        let half = self.set.state_len() / 2;
        let longest = self.train().iter().map(|c| c.times.len()).max().unwrap_or(0);
        let chunks = self.some_chunks(ROWS / (half * longest.saturating_sub(1)).max(1));
        let trust = vec![1.0; chunks.len()];
        let paths =
            Paths::new(Some(&fitted.flow()), &chunks, self.weights(), self.pieces(), &trust);
        let places = Place::all(half, self.inputs().shape.dimension == 1);
        let pairs: Vec<(usize, usize)> =
            (0..half).flat_map(|b| (0..=b).map(move |a| (a, b))).collect();
        let number = places.len() * pairs.len() * half;
        // Of the momenta: the others tell nothing of forces.
        let rows = half * chunks.iter().map(|c| c.times.len().saturating_sub(1)).sum::<usize>();
        if rows < FREE * number + fitted.model.parameters() {
            return Ok(None);
        }
        let mut known = Projection::default();
        let friction = MomentumForce::each(MomentumForceKind::Friction, self.inputs().shape);
        let design = paths.design(&fitted.model);
        let mut columns: Vec<Vec<f64>> = columns_in(&design).map(|c| c.to_vec()).collect();
        let mut target = columns.pop().unwrap_or_default();
        columns.extend(columns_in(&self.columns_of_forces(&friction, &paths)).map(|c| c.to_vec()));
        for column in &columns {
            known.push(column);
        }
        known.reject(&mut target);
        let before = dot(&target, &target);
        let fields = paths.of_fields(number, &|z, fields| {
            fields.fill(Lanes::zero());
            let mut next = fields.chunks_exact_mut(2 * half);
            for place in &places {
                let place = place.value(z, units.length);
                for (a, b) in &pairs {
                    for (component, field) in (half..2 * half).zip(&mut next) {
                        field[component] = place * z[half + a] * z[half + b];
                    }
                }
            }
        });
        for column in columns_in(&fields) {
            known.push(&column.to_vec());
        }
        known.reject(&mut target);
        let after = dot(&target, &target);
        log::debug!("quadratic in velocities: {before:.3e} to {after:.3e}");
        Ok((after < LEFT * before).then(|| Check {
            name: "velocity-dependent forces",
            message: format!(
                "forces m dv/dt are no function of the positions: with terms that are quadratic in the velocities {:.1} times less is left, as where coordinates are angles of \
                 linked bodies, whose momenta are not m v; their canonical momenta, in columns p1_x, .., would have a law",
                (before / after).sqrt()
            ),
            constant: None,
        }))
    }
}

/// A function of the positions that stands before products of momenta.
enum Place {
    One,
    Position(usize),
    /// The cosine or sine of a coordinate, or of its difference from another, which may be angles.
    Turned {
        of: usize,
        from: Option<usize>,
        sine: bool,
    },
}

impl Place {
    /// One, components of positions and, on a line, cosines and sines.
    fn all(half: usize, on_a_line: bool) -> Vec<Self> {
        let mut all = vec![Self::One];
        all.extend((0..half).map(Self::Position));
        if on_a_line {
            for of in 0..half {
                let from = std::iter::once(None).chain((0..of).map(Some));
                let both =
                    from.flat_map(|from| [false, true].map(|sine| Self::Turned { of, from, sine }));
                all.extend(both);
            }
        }
        all
    }

    /// At a block of states, whose unit of length is `unit`.
    fn value(&self, z: &[Lanes], unit: f64) -> Lanes {
        match *self {
            Self::One => Lanes::splat(1.0),
            Self::Position(k) => z[k],
            Self::Turned { of, from, sine } => {
                let angle = (z[of] + from.map_or(Lanes::zero(), |k| -z[k])) * unit;
                if sine { angle.sin() } else { angle.cos() }
            }
        }
    }
}
