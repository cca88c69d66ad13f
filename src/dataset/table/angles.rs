//! Coordinates that are angles.

use std::f64::consts::TAU;

use super::layout::{Layout, MomentaFrom};
use super::names::{Unit, unit};
use super::options::{Angle, AngleUnit};
use super::source::Source;
use crate::dataset::DatasetError;

/// Which columns are angles, and what is made of them.
pub(super) struct Angles {
    /// A turn of each column that is an angle, in the column's own unit.
    pub turns: Vec<Option<f64>>,
    /// What was made of degrees, in sentences.
    pub notes: Vec<String>,
}

/// Finds the columns of angles; factors of those in degrees make them radians.
///
/// # Errors
/// [`DatasetError::BadAngle`].
pub(super) fn angles(
    source: &Source,
    layout: &Layout,
    angles: &[Angle],
    factors: &mut [f64],
) -> Result<Angles, DatasetError> {
    let mut turns = vec![None; layout.columns.len()];
    let mut notes = Vec::new();
    for angle in angles {
        let place = coordinate(layout, &angle.coordinate)?;
        let column = &layout.columns[place];
        let own = source.own_name(column).unwrap_or(column);
        let differ = source.own_names(column).any(|other| unit(other) != unit(own));
        let bad = |why: String| DatasetError::BadAngle { angle: angle.coordinate.clone(), why };
        if turns[place].is_some() {
            return Err(bad("is there twice; each angle once is accepted".into()));
        }
        if differ {
            return Err(bad(
                "is in other units in other files, by their names; one unit is accepted".into(),
            ));
        }
        let in_degrees = angle.unit == AngleUnit::Degrees;
        turns[place] = Some(if in_degrees { 360.0 } else { TAU });
        if angle.unit == AngleUnit::Unsaid && unit(own) == Some(Unit::Degrees) {
            return Err(bad(format!(
                "is {own}, in degrees by its name: --angle {0}=deg makes it radians, --angle {0}=rad takes it for radians all the same",
                angle.coordinate
            )));
        }
        if in_degrees && layout.momenta == MomentaFrom::Momenta {
            return Err(bad("degrees are accepted beside velocities or with positions alone; of an angle beside its momentum, which has no common unit then, radians are".into()));
        }
        if in_degrees {
            factors[place] *= 1f64.to_radians();
            notes.push(match unit(own) {
                Some(Unit::Radians) => format!(
                    "{own}: taken for degrees, and made radians, though its name says radians"
                ),
                _ => format!("{own}: degrees are made radians"),
            });
        }
        if layout.momenta == MomentaFrom::Velocities {
            let velocity = place + layout.shape.state_len() / 2;
            let own = source.own_name(&layout.columns[velocity]).unwrap_or_default();
            let of_degrees = unit(own).map_or(in_degrees, |unit| unit == Unit::Degrees);
            if of_degrees {
                factors[velocity] *= 1f64.to_radians();
                notes.push(format!("{own}: degrees over time are made radians over time"));
            } else if in_degrees {
                notes.push(format!("{own}: in radians over time by its name, and left as it is"));
            }
        }
    }
    Ok(Angles { turns, notes })
}

/// The place of a coordinate: `q1` where a particle has one, else `q1_x`.
fn coordinate(layout: &Layout, name: &str) -> Result<usize, DatasetError> {
    let positions = &layout.columns[..layout.shape.state_len() / 2];
    let name = name.to_lowercase();
    let long = positions.iter().position(|column| *column == name);
    let one = layout.shape.dimension == 1;
    let short = || positions.iter().position(|column| column.trim_end_matches("_x") == name);
    long.or_else(|| short().filter(|_| one)).ok_or_else(|| DatasetError::BadAngle {
        angle: name.clone(),
        why: format!(
            "is no coordinate of the table, whose coordinates are {}",
            positions.join(", ")
        ),
    })
}
