//! What a table holds, without being kept.

use std::path::{Path, PathBuf};

use super::cell::{Kind, Value};
use super::index::{CutRows, Spacing};
use super::layout::MomentaFrom;
use super::opened::Opened;
use super::options::ReadOptions;
use super::parquet::Metadata;
use crate::dataset::{DatasetError, Shape};
use crate::progress::Progress;

/// What a table of trajectories holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Survey {
    /// Where it is.
    pub path: PathBuf,
    /// Number of its files.
    pub files: usize,
    /// What the first file is, in words.
    pub kind: String,
    /// The columns of the first file: its own names, and this crate's for those that are read.
    pub columns: Vec<(String, Option<String>)>,
    /// Number of rows.
    pub rows: u64,
    /// Number of trajectories.
    pub trajectories: usize,
    /// Pieces of trajectories between cuts; as many as trajectories where there are none.
    pub pieces: usize,
    /// Particles and dimension.
    pub shape: Shape,
    /// What tells momenta.
    pub momenta: MomentaFrom,
    /// Masses that velocities are multiplied with; none for momenta.
    pub masses: Vec<f64>,
    /// Those of these particles, from 1, are not known.
    pub unknown_masses: Vec<usize>,
    /// Times between successive rows of a trajectory.
    pub spacing: Option<Spacing>,
    /// The least and largest value of each component of a state, by name.
    pub ranges: Vec<(String, f64, f64)>,
    /// What was cut out.
    pub cut: CutRows,
    /// Key-value pairs of the first file.
    pub metadata: Metadata,
    /// What is ignored, assumed and remarkable, in sentences.
    pub notes: Vec<String>,
}

/// Reads all of a table and says what it holds.
///
/// # Errors
/// Those of [`read_table`](super::read_table).
pub fn survey_table(
    path: &Path,
    options: &ReadOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Survey, DatasetError> {
    let mut opened = Opened::new(path, options)?;
    let progress = &mut |fraction: f64| progress(Progress::Reading { fraction });
    let part = opened.part_of_index() / 2.0;
    let index = opened.index(&mut |done| progress(part * done))?;
    opened.states(&index, &[], &mut |done| progress(part + 0.25 * done))?;
    let ranges = ranges(&mut opened, &mut |done| progress(part + 0.25 + (0.75 - part) * done))?;
    let notes = opened.notes(&index);
    let (_, own) = opened.source.found();
    let named = own.iter().zip(opened.source.columns());
    let read = |name: &String| !opened.layout.ignored.contains(name);
    let columns = named.map(|(own, name)| (own.clone(), Some(name.clone()).filter(read)));
    let columns = columns.collect();
    let (files, metadata) = (opened.source.files(), opened.source.metadata()?);
    Ok(Survey {
        path: path.into(),
        files,
        kind: opened.source.first()?.kind(),
        columns,
        rows: index.rows,
        trajectories: index.trajectories,
        pieces: index.pieces().len(),
        shape: opened.layout.shape,
        momenta: opened.layout.momenta,
        masses: opened.masses,
        unknown_masses: opened.unknown,
        spacing: index.spacing,
        ranges,
        cut: index.cut,
        metadata,
        notes,
    })
}

/// The least and largest number of each column of a state.
fn ranges(
    opened: &mut Opened,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<(String, f64, f64)>, DatasetError> {
    let names = opened.layout.columns.clone();
    let mut found = vec![(f64::INFINITY, f64::NEG_INFINITY); names.len()];
    let wanted: Vec<(&str, Kind)> =
        names.iter().map(|name| (name.as_str(), Kind::Number)).collect();
    opened.source.read(&wanted, progress, &mut |cell| {
        if let Some(Value::Number(x)) = cell.value
            && x.is_finite()
        {
            let (least, most) = &mut found[cell.column];
            (*least, *most) = (least.min(x), most.max(x));
        }
        Ok(())
    })?;
    Ok(names.into_iter().zip(found).map(|(name, (least, most))| (name, least, most)).collect())
}
