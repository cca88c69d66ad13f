//! Extended XYZ (`.xyz`, `.extxyz`): frames of a simulation, one after the other, as ASE writes
//! them. A frame is a state; particles are the atoms in the order of their identities where a file
//! has them, else in that of the lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::memory::MemoryTable;
use super::parquet::Metadata;
use super::walls::Walls;
use crate::dataset::{DatasetError, Format};

const AXES: [char; 3] = ['x', 'y', 'z'];
/// A longer line is taken for damage.
const LONGEST_LINE: u64 = 1 << 20;
/// What programs call the properties that make a state.
const NAMES: [(&str, &[&str]); 6] = [
    ("q", &["pos", "positions"]),
    ("p", &["momenta", "momentum", "p"]),
    ("v", &["velo", "vel", "velocities", "velocity", "v"]),
    ("mass", &["masses", "mass"]),
    ("id", &["id", "ids", "identity"]),
    ("species", &["species", "element", "type", "types"]),
];
/// Properties of atoms where a file doesn't name them.
const PLAIN: &str = "species:S:1:pos:R:3";

/// Reads a file; `columns` says what its properties are called.
///
/// # Errors
/// [`DatasetError`].
pub(super) fn read(
    path: &Path,
    columns: &BTreeMap<String, String>,
) -> Result<MemoryTable, DatasetError> {
    let file = File::open(path)
        .map_err(|source| DatasetError::Unreadable { path: path.into(), source })?;
    let mut lines = Lines { path: path.into(), input: BufReader::new(file), number: 0 };
    let mut reader: Option<Reader> = None;
    while let Some(count) = lines.next()? {
        if count.trim().is_empty() {
            continue;
        }
        let atoms: usize = count.trim().parse().ok().filter(|n| *n > 0).ok_or_else(|| {
            let found: String = count.chars().take(40).collect();
            lines.corrupt(format!("{found:?} where a number of atoms is to stand"))
        })?;
        if let Some(before) = reader.as_ref().map(|reader| reader.atoms).filter(|n| *n != atoms) {
            let reason = format!(
                "a frame of {atoms} atoms after one of {before}; the same atoms in each are accepted"
            );
            return Err(lines.corrupt(reason));
        }
        let comment = lines.next()?.ok_or_else(|| lines.cut())?;
        let comment = pairs(&comment);
        let reader = match &mut reader {
            Some(reader) => reader,
            none => none.insert(Reader::new(&comment, atoms, columns, &lines)?),
        };
        reader.frame(&comment, &mut lines)?;
    }
    let reader = reader.ok_or_else(|| DatasetError::NoRows { path: path.into() })?;
    Ok(reader.table())
}

/// Lines of a file, with their numbers.
struct Lines {
    path: PathBuf,
    input: BufReader<File>,
    number: usize,
}

impl Lines {
    fn next(&mut self) -> Result<Option<String>, DatasetError> {
        let mut line = Vec::new();
        let input = &mut self.input;
        let read = std::io::Read::take(input, LONGEST_LINE).read_until(b'\n', &mut line);
        read.map_err(|source| DatasetError::Unreadable { path: self.path.clone(), source })?;
        self.number += 1;
        if line.len() as u64 == LONGEST_LINE {
            return Err(self.corrupt("is longer than a megabyte".into()));
        }
        Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end().into()))
    }

    fn corrupt(&self, reason: String) -> DatasetError {
        let reason = format!("line {}: {reason}", self.number);
        DatasetError::Corrupt { path: self.path.clone(), format: Format::Xyz, reason }
    }

    fn cut(&self) -> DatasetError {
        self.corrupt("the file ends within a frame; was it cut off?".into())
    }
}

/// Where the numbers of a property stand in an atom's line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    first: usize,
    count: usize,
}

/// What tells an atom from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    /// Its identity, numbers in their order (`10` after `9`), where the file has it.
    id: (usize, String),
    /// Species and mass.
    kind: String,
}

/// An atom of a frame.
struct Atom {
    name: Name,
    /// Position, and momentum or velocity.
    halves: [Vec<f64>; 2],
    mass: Option<f64>,
}

/// What has been read of a file.
struct Reader {
    atoms: usize,
    positions: Place,
    /// Momenta `p` or velocities `v`.
    momenta: Option<(char, Place)>,
    mass: Option<Place>,
    id: Option<Place>,
    species: Option<Place>,
    /// What tells the atoms of the first frame apart, in their order.
    order: Vec<Name>,
    /// Whether the lines of any frame are in another order than the identities.
    sorted: bool,
    walls: Walls,
    /// Fields of an atom's line.
    fields: usize,
    /// What tells the time in a comment.
    clocks: Vec<(&'static str, String)>,
    times: Vec<Vec<f64>>,
    states: Vec<Vec<f64>>,
    masses: Vec<f64>,
    metadata: Metadata,
}

impl Reader {
    fn new(
        comment: &BTreeMap<String, String>,
        atoms: usize,
        columns: &BTreeMap<String, String>,
        lines: &Lines,
    ) -> Result<Self, DatasetError> {
        let described = comment.get("properties").map_or(PLAIN, String::as_str);
        let (properties, fields) = properties(described)
            .ok_or_else(|| lines.corrupt(format!("Properties={described} makes no sense")))?;
        let place = |ours: &str| match columns.get(ours) {
            Some(theirs) => properties.get(theirs).copied(),
            None => {
                let names = NAMES.iter().filter(|(name, _)| *name == ours);
                names.flat_map(|(_, names)| *names).find_map(|name| properties.get(*name).copied())
            }
        };
        let fits = |place: &Place| (1..=3).contains(&place.count);
        let positions = place("q").filter(fits).ok_or_else(|| DatasetError::MissingColumn {
            path: lines.path.clone(),
            column: "q".into(),
            found: properties.keys().cloned().collect(),
            hint: "; positions are the property pos of one to three numbers; --columns q=NAME says which it is".into(),
        })?;
        let single = |place: &Place| place.count == 1;
        let alike = |place: &Place| place.count == positions.count;
        let momenta = place("p").filter(alike).map(|place| ('p', place));
        let momenta = momenta.or_else(|| place("v").filter(alike).map(|place| ('v', place)));
        let clocks = [("t", ["time", "t"]), ("frame", ["step", "timestep"])];
        let clocks = clocks.into_iter().filter_map(|(ours, names)| {
            let theirs = columns.get(ours).map(|name| name.to_lowercase());
            let mut names = names.map(String::from).to_vec();
            names.splice(0..0, theirs);
            names.into_iter().find(|name| comment.contains_key(name)).map(|name| (ours, name))
        });
        let clocks: Vec<_> = clocks.collect();
        let mut metadata = Metadata::new();
        metadata.extend(comment.get("lattice").map(|cell| ("lattice".into(), cell.clone())));
        Ok(Self {
            atoms,
            positions,
            momenta,
            mass: place("mass").filter(single),
            id: place("id").filter(single),
            species: place("species").filter(single),
            order: Vec::new(),
            sorted: false,
            walls: Walls::of(comment.get("lattice").map_or("", String::as_str), positions.count),
            fields,
            times: vec![Vec::new(); clocks.len()],
            clocks,
            states: Vec::new(),
            masses: Vec::new(),
            metadata,
        })
    }

    /// Reads the atoms of a frame.
    fn frame(
        &mut self,
        comment: &BTreeMap<String, String>,
        lines: &mut Lines,
    ) -> Result<(), DatasetError> {
        for ((_, name), times) in self.clocks.iter().zip(&mut self.times) {
            let time = comment.get(name).and_then(|text| text.parse().ok());
            times.push(time.ok_or_else(|| lines.corrupt(format!("{name} is no number")))?);
        }
        let mut atoms = Vec::new();
        for _ in 0..self.atoms {
            atoms.push(self.atom(lines)?);
        }
        if self.id.is_some() && !atoms.is_sorted_by(|a, b| a.name <= b.name) {
            atoms.sort_by(|a, b| a.name.cmp(&b.name));
            self.sorted = true;
        }
        let order: Vec<Name> =
            atoms.iter_mut().map(|atom| std::mem::take(&mut atom.name)).collect();
        let twice = order.windows(2).find(|pair| pair[0].id == pair[1].id && self.id.is_some());
        if let Some([atom, _]) = twice {
            let reason =
                format!("two atoms of the frame that ends here have the id {:?}", atom.id.1);
            return Err(lines.corrupt(reason));
        }
        if self.states.is_empty() {
            self.order = order;
            self.masses = atoms.iter().filter_map(|atom| atom.mass).collect();
        } else if order != self.order {
            let other = order.iter().zip(&self.order).find(|(now, before)| now != before);
            let (now, before) = other.expect("they differ");
            let what = if now.id == before.id { "kinds or masses" } else { "identities" };
            return Err(lines.corrupt(format!("the frame that ends here has atoms of other {what} than the first: {now} where that has {before}; the same atoms, in the same order or with a property id of each atom's own, are accepted")));
        }
        let half = |k: usize| atoms.iter().flat_map(move |atom| atom.halves[k].iter().copied());
        let state: Vec<f64> = half(0).chain(half(1)).collect();
        self.states.resize(state.len(), Vec::new());
        let before = self.states.iter().map(|column| column.last().copied());
        self.walls.look(before.zip(&state).take(self.atoms * self.positions.count), lines.number);
        self.states.iter_mut().zip(state).for_each(|(column, x)| column.push(x));
        Ok(())
    }

    /// Reads the next line as an atom.
    fn atom(&self, lines: &mut Lines) -> Result<Atom, DatasetError> {
        let line = lines.next()?.ok_or_else(|| lines.cut())?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.len() != self.fields {
            let reason = format!("{} fields where Properties says {}", fields.len(), self.fields);
            return Err(lines.corrupt(reason));
        }
        let number = |k: usize| {
            let wrong = |_| lines.corrupt(format!("{:?} is no number", fields[k]));
            fields[k].parse::<f64>().map_err(wrong)
        };
        let numbers = |place: Place| {
            let places = place.first..place.first + place.count;
            places.map(number).collect::<Result<Vec<f64>, _>>()
        };
        let momenta = self.momenta.map_or(Ok(Vec::new()), |(_, place)| numbers(place))?;
        let text = |place: Option<Place>| place.map_or("", |place| fields[place.first]);
        let id = text(self.id).to_string();
        let kind = format!("{} {}", text(self.species), text(self.mass)).trim().to_string();
        Ok(Atom {
            name: Name { id: (id.len(), id), kind },
            halves: [numbers(self.positions)?, momenta],
            mass: self.mass.map(|place| number(place.first)).transpose()?,
        })
    }

    fn table(self) -> MemoryTable {
        let mut names: Vec<String> = self.clocks.iter().map(|(ours, _)| ours.to_string()).collect();
        for letter in std::iter::once('q').chain(self.momenta.map(|(letter, _)| letter)) {
            for i in 1..=self.atoms {
                let axes = &AXES[..self.positions.count];
                names.extend(axes.iter().map(|axis| format!("{letter}{i}_{axis}")));
            }
        }
        let sorted = self.sorted.then(|| {
            "particles are the atoms in the order of their ids, not of the lines".to_string()
        });
        MemoryTable {
            kind: "extended XYZ".into(),
            names,
            columns: self.times.into_iter().chain(self.states).collect(),
            metadata: self.metadata,
            masses: self.masses,
            notes: self.walls.note().into_iter().chain(sorted).collect(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{} {}", self.id.1, self.kind);
        write!(f, "{:?}", text.trim())
    }
}

/// Places of the properties in `species:S:1:pos:R:3`, and the number of fields of a line.
fn properties(text: &str) -> Option<(BTreeMap<String, Place>, usize)> {
    let parts: Vec<&str> = text.split(':').collect();
    let (mut found, mut first) = (BTreeMap::new(), 0usize);
    for property in parts.chunks(3) {
        let &[name, kind, count] = property else { return None };
        let count = count.parse().ok().filter(|n| (1..=1000).contains(n))?;
        if !["S", "R", "I", "L"].contains(&kind) {
            return None;
        }
        found.insert(name.to_string(), Place { first, count });
        first += count;
    }
    Some((found, first))
}

/// The `key=value` of a comment, keys in small letters; values may stand in quotation marks or
/// braces.
fn pairs(comment: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = comment;
    while let Some((before, after)) = rest.split_once('=') {
        let key = before.split_whitespace().next_back().unwrap_or("").trim_matches('"');
        let after = after.trim_start();
        let end = match after.chars().next() {
            Some('"') => Some('"'),
            Some('\'') => Some('\''),
            Some('{') => Some('}'),
            _ => None,
        };
        let (value, left) = match end {
            Some(end) => after[1..].split_once(end).unwrap_or((&after[1..], "")),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.insert(key.to_lowercase(), value.trim().to_string());
        rest = left;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_taken_apart() {
        let found = pairs(
            r#"Lattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3 Time=0.5 pbc='T T T' x={1 2}"#,
        );
        let of = |key: &str| found[key].as_str();
        assert_eq!(
            [of("lattice"), of("properties"), of("time"), of("pbc"), of("x")],
            ["5 0 0 0 5 0 0 0 5", "species:S:1:pos:R:3", "0.5", "T T T", "1 2"]
        );
        assert!(pairs("no pairs here").is_empty() && pairs("a=\"open").contains_key("a"));
    }

    #[test]
    fn properties_have_places() {
        let (found, fields) = properties("species:S:1:pos:R:3:momenta:R:3").unwrap();
        assert_eq!((found["momenta"], fields), (Place { first: 4, count: 3 }, 7));
        for bad in ["", "pos", "pos:R", "pos:R:x", "pos:R:99999999999", "pos:Q:3", "pos:R:3:vel"] {
            assert_eq!(properties(bad), None, "{bad}");
        }
    }
}
