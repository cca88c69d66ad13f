//! A table whose columns are known.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::angles::{Angles, angles};
use super::builder;
use super::cell::Kind;
use super::index::{Clock, Index};
use super::layout::{Layout, Missing, MomentaFrom, TRAJECTORY};
use super::names::{Unit, unit};
use super::of_runs::OfRuns;
use super::options::{Gaps, ReadOptions};
use super::remarkable::Jump;
use super::source::Source;
use super::states::{self, Columns};
use super::suggest::{mapping, nearest};
use crate::dataset::local_polynomial::{Chosen, Momenta, Window};
use crate::dataset::{DatasetError, Trajectory};

/// An open table, and how it is to be read.
pub(super) struct Opened {
    pub source: Source,
    pub layout: Layout,
    /// Masses that velocities are multiplied with, also those that are slopes of positions; none for
    /// momenta.
    pub masses: Vec<f64>,
    pub columns: Columns,
    /// Particles whose mass is not known, and taken to be one.
    pub unknown: Vec<usize>,
    clock: Clock,
    gaps: Gaps,
    notes: Vec<String>,
    jumps: Vec<Jump>,
    of_run: OfRuns,
}

impl Opened {
    /// Opens a table and checks its columns.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn new(path: &Path, options: &ReadOptions) -> Result<Self, DatasetError> {
        check(options)?;
        let mut source = Source::open(path, options)?;
        let layout = Layout::infer(source.columns(), options.time_step.is_some(), &options.of_run)
            .map_err(|missing| missing_column(&source, options, missing))?;
        no_other_momenta(&source, &layout, options)?;
        let clock = match options.time_step {
            None => Clock::Column,
            Some(step) if source.columns().iter().any(|name| name == "frame") => {
                Clock::Frames(step)
            }
            Some(step) => Clock::Rows(step),
        };
        let id = source.has_ids().then_some((TRAJECTORY, Kind::Id));
        let time = clock.column().map(|column| (column, Kind::Time));
        let numbers = layout.columns.iter().chain(&layout.of_run);
        let states = numbers.map(|name| (name.as_str(), Kind::Number));
        let wanted: Vec<(&str, Kind)> = id.into_iter().chain(time).chain(states).collect();
        source.check_columns(&wanted)?;
        let masses = masses(&mut source, &layout, options)?;
        let unknown = (1..).zip(&masses).filter(|(_, m)| m.is_none()).map(|(i, _)| i).collect();
        let masses: Vec<f64> = masses.into_iter().map(|mass| mass.unwrap_or(1.0)).collect();
        let half = layout.shape.state_len() / 2;
        let mut factors = vec![1.0; half];
        let each = layout.shape.dimension;
        factors.extend((0..half).map(|k| masses.get(k / each).copied().unwrap_or(1.0)));
        factors.truncate(layout.columns.len());
        let Angles { turns, notes } = angles(&source, &layout, &options.angles, &mut factors)?;
        let of_run = layout.of_run.len();
        let columns = Columns {
            names: layout.columns.iter().chain(&layout.of_run).cloned().collect(),
            factors: factors.into_iter().chain(vec![1.0; of_run]).collect(),
            turns: turns.into_iter().chain(vec![None; of_run]).collect(),
            positions: half,
            of_run,
            refuse_marks: options.missing.as_ref().is_none_or(|numbers| !numbers.is_empty()),
        };
        let mut opened = Self {
            source,
            layout,
            masses,
            columns,
            unknown,
            clock,
            gaps: options.gaps,
            notes,
            jumps: Vec::new(),
            of_run: OfRuns::new(&options.of_run, each),
        };
        let seen = opened.seen(options)?;
        let path = opened.source.path.display();
        opened.notes = opened.notes.iter().map(|note| format!("{path}: {note}")).collect();
        opened.notes.splice(0..0, seen);
        Ok(opened)
    }

    /// The part of all reading that [`index`](Self::index) does.
    pub fn part_of_index(&self) -> f64 {
        let states = self.layout.columns.len() as f64;
        match self.gaps {
            Gaps::Refuse => 2.0 / (2.0 + states),
            Gaps::Cut => (3.0 + states) / (3.0 + 2.0 * states),
        }
    }

    /// Reads which rows belong together.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn index(&mut self, progress: &mut dyn FnMut(f64)) -> Result<Index, DatasetError> {
        let (clock, witness) = (self.clock, self.layout.columns[0].clone());
        let states = self.layout.columns.len() as f64;
        let (broken, part) = match self.gaps {
            Gaps::Refuse => (None, 0.0),
            Gaps::Cut => {
                let part = (1.0 + states) / (3.0 + states);
                let done = &mut |done| progress(part * done);
                (Some(states::broken(&mut self.source, clock, &self.columns, done)?), part)
            }
        };
        let done = &mut |done| progress(part + (1.0 - part) * done);
        builder::read(&mut self.source, clock, &witness, broken, done)
    }

    /// What the columns of a state are besides positions.
    pub fn momenta(&self) -> Momenta {
        match self.layout.momenta {
            MomentaFrom::Positions => {
                let of = |mass: &f64| std::iter::repeat_n(*mass, self.layout.shape.dimension);
                Momenta::OfSlopes(self.masses.iter().flat_map(of).collect())
            }
            _ => Momenta::Given,
        }
    }

    /// Which rows make a point, by rows that show what is between them.
    ///
    /// # Errors
    /// [`DatasetError::FewRows`].
    pub fn window(
        &self,
        rows: &[Trajectory],
        momenta: &Momenta,
        (points, join): (usize, bool),
    ) -> Result<Chosen, DatasetError> {
        Window::of(rows, momenta, points, join)
            .ok_or_else(|| DatasetError::FewRows { path: self.source.path.clone() })
    }

    /// Reads the states of some ranges of the index's rows.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn states(
        &mut self,
        index: &Index,
        pieces: &[Range<u64>],
        progress: &mut dyn FnMut(f64),
    ) -> Result<Vec<Trajectory>, DatasetError> {
        let (found, jumps) =
            states::read(&mut self.source, index, &self.columns, pieces, progress)?;
        self.jumps = jumps;
        Ok(found.into_iter().map(|rows| self.of_run.taken_out(rows)).collect())
    }

    /// The states with what each trajectory has its own of among the positions.
    pub fn with_run_inputs(&self, trajectories: Vec<Trajectory>) -> Vec<Trajectory> {
        trajectories.into_iter().map(|t| self.of_run.put_in(t)).collect()
    }

    /// What is ignored, assumed and remarkable, in sentences.
    pub fn notes(&self, index: &Index) -> Vec<String> {
        let path = self.source.path.display();
        let mut notes = self.notes.clone();
        if self.source.has_stamps() {
            notes.push(format!("{path}: times are stamps, or counts that no float holds: t counts from the first, stamps in seconds"));
        }
        if index.cut.broken + index.cut.back + index.cut.alone > 0 {
            let cut = &index.cut;
            let mut note = format!("{path}: --gaps cut: ");
            if cut.broken > 0 {
                note += &format!("{} row(s) without all values left out; ", cut.broken);
            }
            if cut.back > 0 {
                note += &format!("time goes back {} time(s); ", cut.back);
            }
            note += &format!(
                "{} piece(s) of {} trajectory(ies) are left",
                index.pieces().len(),
                index.trajectories
            );
            if cut.alone > 0 {
                note += &format!(", {} row(s) that stand alone left out", cut.alone);
            }
            note += &cut.first.as_ref().map_or(String::new(), |first| format!("; first: {first}"));
            notes.push(note);
        }
        notes.extend(self.jumps.iter().map(|Jump { column, place, degrees }| {
            let q = self.short(column);
            if *degrees && self.layout.momenta == MomentaFrom::Momenta {
                format!("{column} jumps by nearly 360 ({place}): if it is an angle in degrees, give it in radians, its momentum too, and add --angle {q}")
            } else if *degrees {
                format!("{column} jumps by nearly 360 ({place}): if it is an angle in degrees, --angle {q}=deg takes the jumps out and makes it radians")
            } else {
                format!("{column} jumps by nearly 2 pi ({place}): if it is an angle, --angle {q} takes the jumps out")
            }
        }));
        notes
    }

    /// The name of a coordinate, without the axis where a particle has one.
    fn short<'a>(&self, column: &'a str) -> &'a str {
        if self.layout.shape.dimension == 1 { column.trim_end_matches("_x") } else { column }
    }

    /// What the columns tell.
    fn seen(&mut self, options: &ReadOptions) -> Result<Vec<String>, DatasetError> {
        let path = self.source.path.display().to_string();
        let part = self.source.first()?;
        let mut notes: Vec<String> =
            part.notes().iter().map(|note| format!("{path}: {note}")).collect();
        if !self.layout.ignored.is_empty() {
            notes.push(format!("{path}: ignored columns: {}", self.layout.ignored.join(", ")));
        }
        let momenta = self.layout.momenta;
        if momenta == MomentaFrom::Positions {
            notes.push(format!("{path}: neither momenta (p1_x, ..) nor velocities (v1_x, ..): momenta are masses times the slopes of polynomials through successive positions"));
        }
        if self.layout.shape.particles > 1 && !self.unknown.is_empty() {
            let which: Vec<String> = self.unknown.iter().map(usize::to_string).collect();
            notes.push(format!("{path}: the mass of particle(s) {} is not known, and taken to be 1 until it is found; --mass {}=M gives it", which.join(", "), self.unknown[0]));
        } else if !self.unknown.is_empty() {
            notes.push(format!("{path}: no mass is given: it is taken to be 1, so energies and constants are those for each unit of mass; --mass 1=M gives it"));
        }
        if momenta == MomentaFrom::Momenta && !options.masses.is_empty() {
            notes.push(format!("{path}: ignored masses: the table has momenta"));
        }
        let told = |k: &usize| self.columns.turns[*k].is_none() && momenta != MomentaFrom::Momenta;
        for k in (0..self.columns.positions).filter(told) {
            let column = &self.layout.columns[k];
            let own = self.source.own_name(column).filter(|own| unit(own) == Some(Unit::Degrees));
            if let Some(own) = own {
                notes.push(format!("{path}: {own} is in degrees by its name, and is taken as it is: --angle {}=deg makes it radians, and its velocity", self.short(column)));
            }
        }
        let files = self.source.files();
        if files > 1 && !self.source.has_ids() {
            notes.push(format!("{path}: {files} files without a column trajectory: each is one"));
        }
        Ok(notes)
    }
}

/// Options that no table can have.
fn check(options: &ReadOptions) -> Result<(), DatasetError> {
    let positive = |x: &f64| x.is_finite() && *x > 0.0;
    if let Some((&particle, &mass)) = options.masses.iter().find(|(_, mass)| !positive(mass)) {
        return Err(DatasetError::BadMass { particle, mass });
    }
    match options.time_step {
        Some(step) if !positive(&step) => Err(DatasetError::BadTimeStep { step }),
        _ => Ok(()),
    }
}

/// The error of a missing column, with what would serve.
fn missing_column(source: &Source, options: &ReadOptions, missing: Missing) -> DatasetError {
    let (path, found) = source.found();
    let mut hint = format!("; {}", missing.accepted);
    let near = nearest(&missing.column, found);
    let (pairs, serves) = mapping(found, options.time_step.is_some());
    let line: Vec<String> = pairs.iter().map(|(ours, theirs)| format!("{ours}={theirs}")).collect();
    let line = line.join(",");
    let line = if line.contains([' ', '(', '[', '&', '*', '\'']) {
        format!("'{}'", line.replace('\'', "'\\''"))
    } else {
        line
    };
    if !pairs.is_empty() && serves {
        let of_velocities = |i: &usize| line.contains(&format!("v{i}_x"));
        let masses: Vec<String> =
            (1..).take_while(of_velocities).map(|i| format!(" --mass {i}=M")).collect();
        let masses =
            if masses.is_empty() { String::new() } else { format!(" and{}", masses.concat()) };
        let in_degrees = pairs
            .iter()
            .filter(|(ours, theirs)| ours.starts_with('q') && unit(theirs) == Some(Unit::Degrees));
        let degrees: Vec<String> = in_degrees.map(|(ours, _)| format!("{ours}=deg")).collect();
        let angles = match degrees.is_empty() {
            true => String::new(),
            false => format!(" and --angle {}", degrees.join(",")),
        };
        hint +=
            &format!("; if the names mean what they seem to, add --columns {line}{masses}{angles}");
    } else if !pairs.is_empty() {
        hint += &format!("; --columns {line} would name a part of it");
    } else if !near.is_empty() {
        hint += &format!("; nearest: {}", near.join(", "));
    }
    if !serves && pairs.is_empty() && near.is_empty() {
        hint += &format!("; --columns {}=NAME says which column it is", missing.column);
    }
    DatasetError::MissingColumn {
        path: path.into(),
        column: missing.column,
        found: found.to_vec(),
        hint,
    }
}

/// A table of positions alone has no columns whose names say that they are momenta or velocities.
fn no_other_momenta(
    source: &Source,
    layout: &Layout,
    options: &ReadOptions,
) -> Result<(), DatasetError> {
    let (pairs, _) = mapping(source.found().1, options.time_step.is_some());
    let momentum = pairs.into_iter().find(|(ours, _)| ours.starts_with(['p', 'v']));
    // Who names columns leaves the others out; they are told.
    let alone = layout.momenta == MomentaFrom::Positions && options.columns.is_empty();
    match momentum.filter(|_| alone) {
        None => Ok(()),
        Some((column, theirs)) => {
            let accepted =
                format!("{theirs} seems to be that; without any, positions alone are accepted");
            Err(missing_column(source, options, Missing { column, accepted }))
        }
    }
}

/// Masses of velocities: those of the options, or else of the file, where they are known; nothing for
/// momenta.
fn masses(
    source: &mut Source,
    layout: &Layout,
    options: &ReadOptions,
) -> Result<Vec<Option<f64>>, DatasetError> {
    if layout.momenta == MomentaFrom::Momenta {
        return Ok(Vec::new());
    }
    let path = source.path.clone();
    let given: &BTreeMap<usize, f64> = &options.masses;
    let particles = layout.shape.particles;
    let named = given.keys().chain(&options.unknown_masses);
    if let Some(&particle) = named.into_iter().find(|i| !(1..=particles).contains(*i)) {
        return Err(DatasetError::UnknownParticle { path, particle, particles });
    }
    let own = source.first()?.masses().to_vec();
    (1..=particles)
        .map(|particle| {
            let is_unknown = options.unknown_masses.contains(&particle);
            let of_file = own.get(particle - 1).copied().filter(|_| !is_unknown);
            match given.get(&particle).copied().or(of_file) {
                Some(mass) if !(mass.is_finite() && mass > 0.0) => {
                    Err(DatasetError::BadMass { particle, mass })
                }
                mass => Ok(mass),
            }
        })
        .collect()
}
