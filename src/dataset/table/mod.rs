//! Tables of trajectories in files (feature `tables`).

mod csv;
mod footer;
pub mod frames;
mod index;
mod layout;
mod narrow;
mod pages;
mod parquet;
mod source;
mod thrift;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use polars::prelude::{Column, DataFrame};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::index::Index;
use self::layout::Layout;
pub use self::layout::state_columns;
use self::source::Source;
use super::trajectory::chunk_ranges;
use super::{DatasetError, Format, Shape, Trajectory, TrajectoryTable};
use crate::progress::Progress;

/// Reads a table of trajectories from a Parquet (`.parquet`) or CSV (`.csv`) file.
///
/// One row per state: `trajectory` (integer id), `t`, and for each particle i = 1..N its position
/// `q{i}_x`, `q{i}_y`, `q{i}_z` and momentum `p{i}_*`, in any order; in two dimensions there is no
/// `_z`, in one neither `_y`. Particles and dimension are read off the names. In place of momenta
/// there may be velocities `v{i}_*`, times `masses` (particle, from 1, to mass). Numbers may be of
/// any width, integer or float. The rows of a trajectory need not stand together: they are
/// collected by id in the file's order, in which times must increase. Trajectories come out by
/// increasing id.
///
/// Besides the table come warnings, one for each thing that is ignored: further columns, masses of
/// a table with momenta.
///
/// # Errors
/// A [`DatasetError`] naming file, column, trajectory and row for whatever the format doesn't
/// allow.
pub fn read_table(
    path: &Path,
    masses: &BTreeMap<usize, f64>,
) -> Result<(TrajectoryTable, Vec<String>), DatasetError> {
    let Opened { mut source, layout, factors, warnings } = Opened::new(path, masses)?;
    let index = Index::read(&mut source, &mut |_| {})?;
    let pieces: Vec<Range<usize>> = index.trajectories().collect();
    let trajectories =
        index.states(&mut source, (&layout.columns, &factors), &pieces, &mut |_| {})?;
    Ok((
        TrajectoryTable { shape: layout.shape, trajectories, metadata: source.metadata() },
        warnings,
    ))
}

/// How [`read_chunks`] cuts trajectories, and how many chunks it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// States of a chunk, two or more.
    pub points: usize,
    /// Chunks that are kept at most.
    pub most: usize,
    /// Seed of the draw, where there are more.
    pub seed: u64,
}

/// Chunks that a table was cut into.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunks {
    /// Particles and dimension.
    pub shape: Shape,
    /// The chunks, by trajectory and time.
    pub chunks: Vec<Trajectory>,
    /// Chunks that the whole table can be cut into.
    pub available: usize,
    /// Rows of the table.
    pub rows: usize,
    /// Whether the momenta are masses times velocities of the table.
    pub velocities: bool,
}

/// Reads a table (see [`read_table`] for the format) that is too large to be held: it is cut into
/// chunks as by [`TrajectoryTable::chunks`], of which a random draw is kept.
///
/// The file is read twice, column by column: all of it is checked, but besides the chunks only ids
/// and times are held, some 20 to 40 bytes a row. `progress` is told how much is read.
///
/// # Errors
/// Those of [`read_table`]; [`DatasetError::ChunkLength`] for chunks of fewer than two points.
pub fn read_chunks(
    path: &Path,
    masses: &BTreeMap<usize, f64>,
    cut: &Cut,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Chunks, Vec<String>), DatasetError> {
    let Opened { mut source, layout, factors, warnings } = Opened::new(path, masses)?;
    let progress = &mut |fraction: f64| progress(Progress::Reading { fraction });
    let part = 2.0 / (2 + layout.columns.len()) as f64;
    let index = Index::read(&mut source, &mut |done| progress(part * done))?;
    let mut pieces = Vec::new();
    for trajectory in index.trajectories() {
        pieces.extend(chunk_ranges(trajectory, cut.points)?);
    }
    let available = pieces.len();
    if available > cut.most {
        let mut chosen =
            rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(cut.seed), available, cut.most)
                .into_vec();
        chosen.sort_unstable();
        pieces = chosen.into_iter().map(|i| pieces[i].clone()).collect();
    }
    let rest = &mut |done| progress(part + (1.0 - part) * done);
    let chunks = index.states(&mut source, (&layout.columns, &factors), &pieces, rest)?;
    Ok((
        Chunks {
            shape: layout.shape,
            chunks,
            available,
            rows: index.len(),
            velocities: layout.velocities,
        },
        warnings,
    ))
}

/// Particles and dimension of a table, by its columns alone.
///
/// # Errors
/// Those of [`read_table`] that the file and its columns may have.
pub fn read_shape(path: &Path, masses: &BTreeMap<usize, f64>) -> Result<Shape, DatasetError> {
    Ok(Opened::new(path, masses)?.layout.shape)
}

/// A table whose columns are known.
struct Opened {
    source: Source,
    layout: Layout,
    factors: Vec<f64>,
    warnings: Vec<String>,
}

impl Opened {
    fn new(path: &Path, masses: &BTreeMap<usize, f64>) -> Result<Self, DatasetError> {
        if let Some((&particle, &mass)) =
            masses.iter().find(|(_, mass)| !(mass.is_finite() && **mass > 0.0))
        {
            return Err(DatasetError::BadMass { particle, mass });
        }
        let source = Source::open(path, format_of(path)?)?;
        let layout = Layout::infer(&source.columns()).map_err(|m| DatasetError::MissingColumn {
            path: path.into(),
            column: m.column,
            accepted: m.accepted,
        })?;
        for name in ["trajectory", "t"].into_iter().chain(layout.columns.iter().map(String::as_str))
        {
            source.check_column(name)?;
        }
        let factors = mass_factors(path, &layout, masses)?;
        let warnings = warnings(path, &layout, masses);
        Ok(Self { source, layout, factors, warnings })
    }
}

/// Writes a table of trajectories as Parquet, its metadata in the footer, or (by the name's ending)
/// as CSV, without metadata. Same table, same bytes.
///
/// # Errors
/// [`DatasetError::BadTrajectory`] if states don't fit the table's shape or its own times,
/// [`DatasetError::UnknownExtension`], [`DatasetError::Unwritable`].
pub fn write_table(path: &Path, table: &TrajectoryTable) -> Result<(), DatasetError> {
    let format = format_of(path)?;
    let expected = table.shape.state_len();
    for trajectory in &table.trajectories {
        let (rows, components) = trajectory.states.dim();
        if components != expected || rows != trajectory.times.len() {
            let reason = format!(
                "{rows} states of {components} numbers at {} times; states of {expected} numbers are accepted",
                trajectory.times.len()
            );
            return Err(DatasetError::BadTrajectory { trajectory: trajectory.id, reason });
        }
    }
    let all = || table.trajectories.iter();
    let ids: Vec<i64> = all()
        .flat_map(|trajectory| std::iter::repeat_n(trajectory.id, trajectory.times.len()))
        .collect();
    let times: Vec<f64> = all().flat_map(|trajectory| trajectory.times.iter().copied()).collect();
    let mut columns = vec![Column::new("trajectory".into(), ids), Column::new("t".into(), times)];
    for (k, name) in state_columns(table.shape, 'p').into_iter().enumerate() {
        let values: Vec<f64> =
            all().flat_map(|trajectory| trajectory.states.column(k)).copied().collect();
        columns.push(Column::new(name.into(), values));
    }
    let mut frame = DataFrame::new_infer_height(columns).map_err(|error| {
        DatasetError::Unwritable { path: path.into(), source: std::io::Error::other(error) }
    })?;
    match format {
        Format::Parquet => frames::write_parquet(path, &mut frame, &table.metadata),
        Format::Csv => frames::write_csv(path, &mut frame),
    }
}

fn format_of(path: &Path) -> Result<Format, DatasetError> {
    let extension =
        path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("parquet") => Ok(Format::Parquet),
        Some("csv") => Ok(Format::Csv),
        _ if path.is_dir() => Err(DatasetError::Directory { path: path.into() }),
        _ => Err(DatasetError::UnknownExtension { path: path.into() }),
    }
}

/// What to multiply each column with to make a state: masses for velocities, else 1.
fn mass_factors(
    path: &Path,
    layout: &Layout,
    masses: &BTreeMap<usize, f64>,
) -> Result<Vec<f64>, DatasetError> {
    let mut factors = vec![1.0; layout.columns.len()];
    if !layout.velocities {
        return Ok(factors);
    }
    let particles = layout.shape.particles;
    if let Some(&particle) = masses.keys().find(|particle| !(1..=particles).contains(*particle)) {
        return Err(DatasetError::UnknownParticle { path: path.into(), particle, particles });
    }
    let (_, velocities) = factors.split_at_mut(layout.columns.len() / 2);
    for (particle, factors) in (1..).zip(velocities.chunks_mut(layout.shape.dimension)) {
        let mass = masses
            .get(&particle)
            .ok_or_else(|| DatasetError::MissingMass { path: path.into(), particle })?;
        factors.fill(*mass);
    }
    Ok(factors)
}

fn warnings(path: &Path, layout: &Layout, masses: &BTreeMap<usize, f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    if !layout.ignored.is_empty() {
        warnings.push(format!(
            "{}: ignored columns: {}",
            path.display(),
            layout.ignored.join(", ")
        ));
    }
    if !layout.velocities && !masses.is_empty() {
        warnings.push(format!("{}: ignored masses: the table has momenta", path.display()));
    }
    warnings
}
