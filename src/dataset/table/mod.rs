//! Tables of trajectories in files (feature `tables`).

mod angles;
mod arrays;
mod arrow;
mod builder;
mod cell;
mod footer;
pub mod frames;
mod guard;
mod index;
mod layout;
mod memory;
mod names;
mod npy;
mod npz;
mod opened;
mod of_runs;
mod options;
mod pages;
mod parquet;
mod part;
mod paths;
mod remarkable;
mod source;
mod stamps;
mod states;
mod statistics;
mod suggest;
mod survey;
mod text;
mod thrift;
mod walls;
mod xyz;

use std::ops::Range;
use std::path::Path;

use polars::prelude::{Column, DataFrame};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::index::{CutRows, Spacing};
pub use self::layout::{MomentaFrom, state_columns};
use self::opened::Opened;
pub use self::options::{Angle, AngleUnit, Gaps, ReadOptions};
use self::paths::format_to_write;
pub use self::survey::{Survey, survey_table};
use super::local_polynomial::{Chosen, Momenta, Window};
use super::trajectory::{chunk_count, chunk_range};
use super::{DatasetError, Format, Shape, Trajectory, TrajectoryTable};
use crate::progress::Progress;

/// Reads a table of trajectories: a file, a folder of files, or those that a pattern such as
/// `runs/*.csv` fits.
///
/// Parquet (`.parquet`), text (`.csv`, `.tsv`, `.txt`, `.dat`; commas, semicolons, tabs or blanks
/// between cells, points or commas in numbers, comments after `#` or `%`), Arrow IPC (`.arrow`,
/// `.feather`), arrays of NumPy (`.npz`: t, q, and p or v) and extended XYZ (`.xyz`, `.extxyz`) are
/// read.
///
/// One row per state: `t`, and for each particle i = 1..N its position `q{i}_x`, `q{i}_y`, `q{i}_z`
/// and momentum `p{i}_*`, in any order; in two dimensions there is no `_z`, in one neither `_y`.
/// Particles and dimension are read off the names, whose case doesn't matter. In place of momenta
/// there may be velocities `v{i}_*`, times masses, or neither: then momenta are masses times the
/// slopes of polynomials through successive positions, and the points are the middles of these. A column `trajectory` (integer id) tells the
/// trajectories apart; without one each file is one. Numbers may be of any width, integer or float,
/// times also stamps (ISO 8601, counted from the first in seconds) or durations. The rows of a
/// trajectory need not stand together: they are collected by id in the file's order, in which times
/// must increase. Trajectories come out by increasing id. What else is accepted, [`ReadOptions`]
/// say.
///
/// Besides the table come notes, one for each thing that is ignored or assumed.
///
/// # Errors
/// A [`DatasetError`] naming file, column, trajectory and row for whatever the format doesn't
/// allow.
pub fn read_table(
    path: &Path,
    options: &ReadOptions,
) -> Result<(TrajectoryTable, Vec<String>), DatasetError> {
    let mut opened = Opened::new(path, options)?;
    let index = opened.index(&mut |_| {})?;
    let mut trajectories = opened.states(&index, index.pieces(), &mut |_| {})?;
    let mut notes = opened.notes(&index);
    if opened.layout.momenta == MomentaFrom::Positions {
        let momenta = opened.momenta();
        let Chosen { window, .. } = opened.window(&trajectories, &momenta, (2, true))?;
        trajectories = trajectories.iter().map(|rows| window.joined(rows, &momenta)).collect();
        trajectories.retain(|points| points.times.len() > 1);
        notes.push(window_note(path, &window));
        notes.extend(short_note(path, index.pieces(), &window));
    }
    finite_states(path, &trajectories)?;
    let trajectories = opened.with_run_inputs(trajectories);
    let metadata = opened.source.metadata()?;
    let shape = opened.layout.shape;
    Ok((TrajectoryTable { shape, trajectories, metadata }, notes))
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
    /// Whether points may be made of many rows each, where rows are dense and noisy.
    pub join: bool,
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
    /// What tells momenta.
    pub momenta: MomentaFrom,
    /// The masses that momenta were made with, unless the table has momenta: those of the options,
    /// or else of the file, or one.
    pub masses: Vec<f64>,
    /// Those of these particles, from 1, are not known.
    pub unknown_masses: Vec<usize>,
    /// Which rows make a point of a chunk.
    pub window: Window,
    /// Standard deviation of the noise of each component of points that are made of many rows, as
    /// what is left of these says.
    pub noise: Option<Vec<f64>>,
    /// By which part momenta are off that are slopes of positions without noise.
    pub slope_error: f64,
    /// Bytes that were held to know which rows belong together.
    pub memory: usize,
}

/// Reads a table (see [`read_table`] for the formats) that is too large to be held: it is cut into
/// chunks as by [`TrajectoryTable::chunks`], of which a random draw is kept. Where positions alone
/// are known, or rows are dense and noisy and `cut` allows it, points are made of many rows each
/// ([`Window`]).
///
/// The files are read twice (three times where points are joined), column by column: all of it is checked, but besides the chunks some 40
/// bytes are held for each change from one trajectory to another. `progress` is told how much is
/// read.
///
/// # Errors
/// Those of [`read_table`]; [`DatasetError::ChunkLength`] for chunks of fewer than two points.
pub fn read_chunks(
    path: &Path,
    options: &ReadOptions,
    cut: &Cut,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Chunks, Vec<String>), DatasetError> {
    let mut opened = Opened::new(path, options)?;
    let progress = &mut |fraction: f64| progress(Progress::Reading { fraction });
    let part = opened.part_of_index();
    let index = opened.index(&mut |done| progress(part * done))?;
    let rest = &mut |done| progress(part + (1.0 - part) * done);
    let momenta = opened.momenta();
    // What windows are chosen by is read along with the chunks that there are without.
    let (mut pieces, mut available) = drawn(index.pieces(), cut, &Window::ROW)?;
    let pilot = pilot(index.pieces(), cut);
    let some = if momenta == Momenta::Given {
        if cut.join { &pilot[..] } else { &[] }
    } else {
        pieces.clear();
        &pilot
    };
    pieces.extend_from_slice(some);
    let mut chunks = opened.states(&index, &pieces, rest)?;
    let pilot = chunks.split_off(pieces.len() - some.len());
    let mut notes = opened.notes(&index);
    let Chosen { window, noise, slope_error } = if some.is_empty() {
        Chosen { window: Window::ROW, noise: None, slope_error: 0.0 }
    } else {
        opened.window(&pilot, &momenta, (cut.points, cut.join))?
    };
    if window != Window::ROW {
        (pieces, available) = drawn(index.pieces(), cut, &window)?;
        let rows = opened.states(&index, &pieces, &mut |_| {})?;
        chunks = rows.iter().map(|rows| window.joined(rows, &momenta)).collect();
        chunks.retain(|points| points.times.len() > 1);
        notes.push(window_note(path, &window));
        notes.extend(short_note(path, index.pieces(), &window));
    }
    finite_states(path, &chunks)?;
    let chunks = opened.with_run_inputs(chunks);
    let Opened { layout, masses, unknown, .. } = opened;
    Ok((
        Chunks {
            shape: layout.shape,
            chunks,
            available,
            rows: index.rows as usize,
            momenta: layout.momenta,
            window,
            noise,
            slope_error,
            masses,
            unknown_masses: unknown,
            memory: index.memory(),
        },
        notes,
    ))
}

/// Whether what was made of finite numbers, slopes and products with masses, is finite.
fn finite_states(path: &Path, trajectories: &[Trajectory]) -> Result<(), DatasetError> {
    let is_finite = |t: &Trajectory| t.states.iter().chain(&t.times).all(|x| x.is_finite());
    match trajectories.iter().find(|t| !is_finite(t)) {
        Some(t) => Err(DatasetError::TooLarge { path: path.into(), trajectory: t.id }),
        None => Ok(()),
    }
}

/// The chunks that are kept, in order, and the number of all.
fn drawn(
    trajectories: &[Range<u64>],
    cut: &Cut,
    window: &Window,
) -> Result<(Vec<Range<u64>>, usize), DatasetError> {
    let points = |rows: &Range<u64>| 0..window.points(rows.end - rows.start);
    let mut ends = Vec::with_capacity(trajectories.len());
    let mut available = 0;
    for rows in trajectories {
        available += chunk_count(&points(rows), cut.points)?;
        ends.push(available);
    }
    let chosen = if available > cut.most {
        let mut rng = ChaCha8Rng::seed_from_u64(cut.seed);
        let mut chosen = rand::seq::index::sample(&mut rng, available, cut.most).into_vec();
        chosen.sort_unstable();
        chosen
    } else {
        (0..available).collect()
    };
    let range = |chunk: usize| {
        let k = ends.partition_point(|end| *end <= chunk);
        let before = k.checked_sub(1).map_or(0, |k| ends[k]);
        let rows = &trajectories[k];
        let within = window.rows_of(chunk_range(&points(rows), cut.points, chunk - before));
        rows.start + within.start..rows.start + within.end
    };
    Ok((chosen.into_iter().map(range).collect(), available))
}

/// Rows that windows are chosen by, at most, and of one trajectory.
const PILOT: u64 = 20_000;
const OF_ONE: u64 = 2_000;

/// Pieces of trajectories that show what is between rows.
fn pilot(trajectories: &[Range<u64>], cut: &Cut) -> Vec<Range<u64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(cut.seed);
    let most = (PILOT / OF_ONE) as usize;
    let mean = trajectories.iter().map(|rows| rows.end - rows.start).sum::<u64>()
        / trajectories.len().max(1) as u64;
    let wanted = trajectories.len().min(most.max((PILOT / mean.max(1)) as usize));
    let mut chosen = rand::seq::index::sample(&mut rng, trajectories.len(), wanted).into_vec();
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|k| trajectories[k].start..trajectories[k].end.min(trajectories[k].start + OF_ONE))
        .collect()
}

/// What is told of trajectories that are too short for such points.
fn short_note(path: &Path, trajectories: &[Range<u64>], window: &Window) -> Option<String> {
    let short = trajectories.iter().filter(|rows| window.points(rows.end - rows.start) < 2).count();
    let least = window.rows + window.stride;
    (short > 0).then(|| {
        let (path, all) = (path.display(), trajectories.len());
        format!("{path}: {short} of {all} run(s) have fewer than {least} rows and are left out")
    })
}

/// What is told of points that are made of many rows.
fn window_note(path: &Path, window: &Window) -> String {
    let Window { rows, stride, degree } = window;
    let way = if rows == &(degree + 1) { "through" } else { "fitted to" };
    format!(
        "{}: each point is a polynomial of degree {degree} {way} {rows} successive rows, every {stride} row(s): noise is that of points",
        path.display()
    )
}

/// Particles and dimension of a table, by its columns alone.
///
/// # Errors
/// Those of [`read_table`] that the files and their columns may have.
pub fn read_shape(path: &Path, options: &ReadOptions) -> Result<Shape, DatasetError> {
    Ok(Opened::new(path, options)?.layout.shape)
}

/// Writes a table of trajectories as Parquet, its metadata in the footer, or (by the name's ending)
/// as CSV, without metadata. Same table, same bytes.
///
/// # Errors
/// [`DatasetError::BadTrajectory`] if states don't fit the table's shape or its own times,
/// [`DatasetError::UnknownExtension`], [`DatasetError::Unwritable`].
pub fn write_table(path: &Path, table: &TrajectoryTable) -> Result<(), DatasetError> {
    let format = format_to_write(path)?;
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
        _ => frames::write_csv(path, &mut frame),
    }
}
