//! What can be wrong with a file of trajectories.

use std::path::PathBuf;

/// The formats of tables that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Text: values separated by commas, semicolons, tabs or blanks, with a header.
    Csv,
    /// Apache Arrow IPC.
    Arrow,
    /// Arrays of NumPy in an archive.
    Npz,
    /// Extended XYZ.
    Xyz,
}

impl Format {
    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Csv => "CSV",
            Format::Arrow => "Arrow IPC",
            Format::Npz => "npz",
            Format::Xyz => "extended XYZ",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a table was not read or written. Rows are counted from 1, the header of a CSV file not
/// included.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file is missing, or the system refuses to read it.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path leads to a folder where a file is wanted.
    #[error("{}: is a folder; a file is accepted", path.display())]
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// The name ends in nothing that is known.
    #[error("{}: unknown kind of file; names ending in {accepted} are accepted", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// Endings that are known.
        accepted: &'static str,
    },
    /// A folder holds no table, or no file fits a pattern.
    #[error("{}: no file found; a file with a name ending in {accepted}, a folder with such files, or a pattern in quotation marks such as 'runs/*.csv' is accepted", path.display())]
    NothingFound {
        /// The folder, or the pattern.
        path: PathBuf,
        /// Endings that are known.
        accepted: &'static str,
    },
    /// A folder holds tables in several formats.
    #[error("{}: holds files of several kinds ({kinds}); a pattern in quotation marks, such as '{}/*.csv', names those of one", path.display(), path.display())]
    SeveralKinds {
        /// The folder.
        path: PathBuf,
        /// The formats.
        kinds: String,
    },
    /// Names of columns were given for a column that no table has.
    #[error(
        "--columns: {ours} is none of the columns that a table has; t, trajectory, frame, q1_x, q1_y, q1_z and likewise p1_x, v1_x, q2_x, .. are"
    )]
    BadName {
        /// The name that was given.
        ours: String,
    },
    /// What was said to be an angle is no coordinate of the table, or in another unit.
    #[error("--angle: {angle} {why}")]
    BadAngle {
        /// The coordinate that was given.
        angle: String,
        /// What is wrong, and what is accepted.
        why: String,
    },
    /// A time between rows that none can be.
    #[error("--time-step: {step} given; a positive finite number is accepted")]
    BadTimeStep {
        /// What was given.
        step: f64,
    },
    /// The bytes are not what the name promises: truncated, damaged or of another format.
    #[error("{}: cannot be read as {format}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The format that its name promises.
        format: Format,
        /// Where reading stopped.
        reason: String,
    },
    /// A needed column is absent.
    #[error("{}: column {column} is missing{}{hint}", path.display(), columns_found(found))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The absent column.
        column: String,
        /// The columns that the file has.
        found: Vec<String>,
        /// What is accepted, and what would serve; it begins with a semicolon.
        hint: String,
    },
    /// What each trajectory has its own of is not the same in all of its rows.
    #[error(
        "{}: column {column} is to stay the same within a trajectory, but in trajectory {trajectory} it is {} in row {} and {} in row {}",
        path.display(), short(values[0]), rows[0], short(values[1]), rows[1]
    )]
    Varies {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The trajectory.
        trajectory: i64,
        /// The first value and another one.
        values: [f64; 2],
        /// The rows that they are in, from 1.
        rows: [u64; 2],
    },
    /// Two columns have the same name.
    #[error("{}: column {column} is there more than once; each once is accepted", path.display())]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// The file is not what it was a moment ago.
    #[error("{}: changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A column holds something other than numbers.
    #[error("{}: column {column} holds {found}; {accepted} accepted", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The kind of values that the column holds.
        found: String,
        /// The kinds of values that are accepted.
        accepted: &'static str,
    },
    /// A cell is empty.
    #[error("{}: column {column}, {}row {row}: no value (null); a finite number is accepted{}", path.display(), of_trajectory(*trajectory), cut_hint(*trajectory))]
    Null {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The trajectory, unless its own id is the null.
        trajectory: Option<i64>,
        /// The row.
        row: usize,
    },
    /// A number is NaN or infinite.
    #[error("{}: column {column}, trajectory {trajectory}, row {row}: {} found; a finite number is accepted{}", path.display(), short(*value), cut_hint(Some(*trajectory)))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The trajectory.
        trajectory: i64,
        /// The row.
        row: usize,
        /// The number.
        value: f64,
    },
    /// A number that seems to stand for no value.
    #[error("{path}: column {column}, trajectory {trajectory}, row {row}: {shown} found, more than ten times as large as all other numbers of the column: does it mark a missing value? --missing {shown} --gaps cut leaves such rows out and cuts the trajectory there, --missing none reads it as a number", path = path.display(), shown = short(*value))]
    Mark {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The trajectory.
        trajectory: i64,
        /// The row.
        row: usize,
        /// The number.
        value: f64,
    },
    /// Time stands still or runs backward.
    #[error("{}: column {column}, trajectory {trajectory}, row {row}: time {} after {}; times must increase from row to row of a trajectory{hint}", path.display(), short(*time), short(*previous))]
    Time {
        /// The file.
        path: PathBuf,
        /// The column of times.
        column: String,
        /// The trajectory.
        trajectory: i64,
        /// The row.
        row: usize,
        /// Time of the trajectory's row before.
        previous: f64,
        /// Time of this row.
        time: f64,
        /// The way out; it begins with a semicolon.
        hint: String,
    },
    /// A trajectory is a single state.
    #[error("{}: column trajectory, trajectory {trajectory}, row {row}: is its only row; two rows or more make a trajectory", path.display())]
    OneRow {
        /// The file.
        path: PathBuf,
        /// The trajectory.
        trajectory: i64,
        /// The row that is the only one of the trajectory.
        row: usize,
    },
    /// The table is empty.
    #[error("{}: holds no rows; a table of at least one trajectory of two rows is accepted", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// What is left between cuts makes no trajectory.
    #[error("{}: {rows} rows are whole, but no two in succession: nothing is left after --gaps cut; the first that was left out: {first}", path.display())]
    NothingLeft {
        /// The file.
        path: PathBuf,
        /// Rows with all values.
        rows: u64,
        /// Where the first cut was made, and why.
        first: String,
    },
    /// Positions alone, and too few in succession.
    #[error("{}: has positions alone (no p1_x, .. and no v1_x, ..), whose slopes take four or more successive rows of a trajectory; most trajectories have fewer", path.display())]
    FewRows {
        /// The file.
        path: PathBuf,
    },
    /// Times, positions or momenta that no float holds.
    #[error("{}: trajectory {trajectory}: times, positions or momenta, as they are made of the table's numbers, are not finite; other units may bring them nearer to one", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The trajectory.
        trajectory: i64,
    },
    /// A mass that no particle can have.
    #[error("mass of particle {particle} is {mass}; a positive finite number is accepted")]
    BadMass {
        /// The particle, from 1.
        particle: usize,
        /// The given mass.
        mass: f64,
    },
    /// A mass for a particle that the table doesn't have.
    #[error("{}: has particles 1 to {particles}, but a mass is given for particle {particle}", path.display())]
    UnknownParticle {
        /// The file.
        path: PathBuf,
        /// The particle of the mass.
        particle: usize,
        /// Number of particles in the table.
        particles: usize,
    },
    /// The file cannot be written; what was there before is still there.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder for results that cannot be made or written to.
    #[error("folder {}: cannot be made or written to: {source}; a place where files can be made is accepted", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Two runs would write the same files.
    #[error("folder {}: another run is writing there; wait for its end, or choose another folder", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// Chunks that cannot be cut.
    #[error(
        "chunks of {points} points cannot be cut from trajectories of {available}; 2 to {available} points are accepted"
    )]
    ChunkLength {
        /// Points of the wanted chunks.
        points: usize,
        /// Points of the trajectories.
        available: usize,
    },
    /// A trajectory in memory that no table can hold.
    #[error("trajectory {trajectory} cannot be put into a table: {reason}")]
    BadTrajectory {
        /// The trajectory.
        trajectory: i64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Names that are listed of a table of many columns.
const MOST_LISTED: usize = 24;

fn columns_found(found: &[String]) -> String {
    let listed: Vec<&str> = found.iter().take(MOST_LISTED).map(String::as_str).collect();
    let more = if found.len() > MOST_LISTED { ", .." } else { "" };
    match found.len() {
        0 => String::new(),
        n => format!(" ({n} found: {}{more})", listed.join(", ")),
    }
}

/// The way out where a value is missing; an id can't be done without.
fn cut_hint(trajectory: Option<i64>) -> &'static str {
    let hint = "; --gaps cut leaves such rows out and cuts the trajectory there";
    if trajectory.is_some() { hint } else { "" }
}

/// A number, without long rows of zeros.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-5..1e15).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

fn of_trajectory(trajectory: Option<i64>) -> String {
    trajectory.map_or_else(String::new, |id| format!("trajectory {id}, "))
}
