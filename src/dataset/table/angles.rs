//! Coordinates that are angles.

use std::f64::consts::TAU;

use super::layout::{Layout, MomentaFrom};
use super::names::{Unit, unit};
use super::options::Angle;
use super::source::Source;
use crate::dataset::DatasetError;

/// A turn of each column that is an angle; factors of those in degrees make them radians.
///
/// # Errors
/// [`DatasetError::BadAngle`].
pub(super) fn turns(
    source: &Source,
    layout: &Layout,
    angles: &[Angle],
    factors: &mut [f64],
) -> Result<Vec<Option<f64>>, DatasetError> {
    let mut turns = vec![None; layout.columns.len()];
    for angle in angles {
        let place = coordinate(layout, &angle.coordinate)?;
        if angle.degrees && turns[place].is_none() {
            to_radians(source, layout, angle, (place, &mut *factors))?;
        }
        turns[place] = Some(if angle.degrees { 360.0 } else { TAU });
    }
    Ok(turns)
}

/// The place of a coordinate: `q1` where a particle has one, else `q1_x`.
fn coordinate(layout: &Layout, name: &str) -> Result<usize, DatasetError> {
    let positions = &layout.columns[..layout.shape.state_len() / 2];
    let long = positions.iter().position(|column| column == name);
    let one = layout.shape.dimension == 1;
    let short = || positions.iter().position(|column| column.trim_end_matches("_x") == name);
    long.or_else(|| short().filter(|_| one)).ok_or_else(|| DatasetError::BadAngle {
        angle: name.into(),
        accepted: format!("{} are", positions.join(", ")),
    })
}

/// Makes radians of a coordinate in degrees, and of its velocity.
fn to_radians(
    source: &Source,
    layout: &Layout,
    angle: &Angle,
    (place, factors): (usize, &mut [f64]),
) -> Result<(), DatasetError> {
    let radians = 1f64.to_radians();
    factors[place] *= radians;
    let velocity = place + layout.shape.state_len() / 2;
    match layout.momenta {
        MomentaFrom::Positions => Ok(()),
        MomentaFrom::Velocities => {
            let own = source.own_name(&layout.columns[velocity]);
            if own.and_then(unit) != Some(Unit::Radians) {
                factors[velocity] *= radians;
            }
            Ok(())
        }
        MomentaFrom::Momenta => Err(DatasetError::BadAngle {
            angle: format!("{}=deg", angle.coordinate),
            accepted: "degrees are accepted beside velocities or with positions alone, for the momentum of an angle in degrees has no common unit".into(),
        }),
    }
}
