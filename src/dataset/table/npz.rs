//! Archives of arrays (`.npz`), as `numpy.savez` writes them.
//!
//! Arrays q, p or v have the shape (runs, rows, particles, dimension) or (rows, particles,
//! dimension), t has (rows) or (runs, rows).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use super::memory::MemoryTable;
use super::npy::{self, Array};
use super::parquet::Metadata;
use super::suggest::mapping;
use crate::dataset::{DatasetError, Format};

const AXES: [char; 3] = ['x', 'y', 'z'];
/// Arrays that make a table; the first that an archive has of `p` and `v` are taken.
const ARRAYS: [&str; 5] = ["q", "p", "v", "t", "mass"];

/// Arrays of this size are decompressed, however small they are in the file..
const SURELY_FITS: u64 = 1 << 24;
/// ..and larger ones when they expand by no more than this factor: what moves compresses by far
/// less.
const EXPANSION: u64 = 256;

/// Reads an archive; `columns` says what its arrays are called.
///
/// # Errors
/// [`DatasetError::Unreadable`], [`DatasetError::Corrupt`], [`DatasetError::MissingColumn`].
pub(super) fn read(
    path: &Path,
    columns: &BTreeMap<String, String>,
) -> Result<MemoryTable, DatasetError> {
    let bytes =
        fs::read(path).map_err(|source| DatasetError::Unreadable { path: path.into(), source })?;
    let corrupt =
        |reason: String| DatasetError::Corrupt { path: path.into(), format: Format::Npz, reason };
    let name = |ours: &str| columns.get(ours).map_or(ours, String::as_str).to_string();
    let wanted: Vec<String> = ARRAYS.iter().map(|ours| name(ours)).collect();
    let (mut arrays, found) = extract(&bytes, &wanted).map_err(corrupt)?;
    let mut take = |ours: &str| arrays.remove(&name(ours));
    let missing = |column: &str| DatasetError::MissingColumn {
        path: path.into(),
        column: column.into(),
        found: found.clone(),
        hint: format!(
            "; arrays t, q, and p or v (or q alone) are accepted, of shape (rows, particles, dimension) or (runs, rows, particles, dimension); --columns {column}=NAME says which array is {column}"
        ),
    };
    let q = take("q").ok_or_else(|| missing("q"))?;
    let momenta = take("p").map(|p| ('p', p)).or_else(|| take("v").map(|v| ('v', v)));
    let seem = |(ours, _): &(String, String)| ours.starts_with(['p', 'v']);
    if momenta.is_none() && mapping(&found, false).0.iter().any(seem) {
        // They are there under another name.
        return Err(missing("p"));
    }
    let (t, masses) = (take("t"), take("mass").map_or(Vec::new(), |mass| mass.values));
    if q.values.is_empty() {
        return Err(DatasetError::NoRows { path: path.into() });
    }
    let shape = Shape::of(&q.shape).map_err(|found| corrupt(format!("array q {found}")))?;
    if let Some((letter, p)) = momenta.as_ref().filter(|(_, p)| p.shape != q.shape) {
        let reason = format!("array {letter} has the shape {:?}, array q {:?}", p.shape, q.shape);
        return Err(corrupt(reason));
    }
    let times = t.map(|t| shape.times(t)).transpose().map_err(corrupt)?;
    let known = Some(masses).filter(|m| m.len() == shape.particles).unwrap_or_default();
    let mut table = shape.table(&q, momenta.as_ref(), times, known);
    let letter = momenta.map(|(letter, _)| letter.to_string());
    let used: Vec<String> =
        ["q", "t", "mass"].into_iter().chain(letter.as_deref()).map(name).collect();
    let others: Vec<String> = found.into_iter().filter(|array| !used.contains(array)).collect();
    if !others.is_empty() {
        table.notes.push(format!("ignored arrays: {}", others.join(", ")));
    }
    Ok(table)
}

/// Axes of an array of vectors.
struct Shape {
    /// None where there is no axis of runs.
    runs: Option<usize>,
    rows: usize,
    particles: usize,
    dimension: usize,
}

impl Shape {
    fn of(axes: &[usize]) -> Result<Self, String> {
        let shape = match *axes {
            [rows] => Self { runs: None, rows, particles: 1, dimension: 1 },
            [rows, particles, dimension] => Self { runs: None, rows, particles, dimension },
            [runs, rows, particles, dimension] => {
                Self { runs: Some(runs), rows, particles, dimension }
            }
            _ => {
                return Err(format!(
                    "has the shape {axes:?}; accepted are (rows), (rows, particles, dimension) and (runs, rows, particles, dimension): in NumPy q[:, None, :] makes one particle of (rows, dimension), q[:, :, None] particles on a line of (rows, particles)"
                ));
            }
        };
        if !(1..=3).contains(&shape.dimension) || shape.particles == 0 {
            return Err(format!(
                "has the shape {axes:?}; its last axis is the dimension, from 1 to 3, the one before counts particles"
            ));
        }
        Ok(shape)
    }

    /// Times of all rows.
    fn times(&self, t: Array) -> Result<Vec<f64>, String> {
        let runs = self.runs.unwrap_or(1);
        if t.shape == [self.rows] {
            return Ok(t.values.repeat(runs));
        }
        if t.shape == [runs, self.rows] {
            return Ok(t.values);
        }
        Err(format!(
            "array t has the shape {:?}; accepted are ({}) and ({runs}, {})",
            t.shape, self.rows, self.rows
        ))
    }

    fn table(
        &self,
        q: &Array,
        momenta: Option<&(char, Array)>,
        times: Option<Vec<f64>>,
        masses: Vec<f64>,
    ) -> MemoryTable {
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        if let Some(runs) = self.runs {
            names.push("trajectory".into());
            let ids = (0..runs).flat_map(|run| std::iter::repeat_n(run as f64, self.rows));
            columns.push(ids.collect());
        }
        if let Some(times) = times {
            names.push("t".into());
            columns.push(times);
        }
        let each = self.particles * self.dimension;
        let momenta = momenta.map(|(letter, array)| (*letter, array));
        for (letter, array) in std::iter::once(('q', q)).chain(momenta) {
            for k in 0..each {
                let axis = AXES[k % self.dimension];
                names.push(format!("{letter}{}_{axis}", k / self.dimension + 1));
                columns.push(array.values.iter().skip(k).step_by(each).copied().collect());
            }
        }
        let kind = "arrays of NumPy".into();
        MemoryTable { kind, names, columns, metadata: Metadata::new(), masses, notes: Vec::new() }
    }
}

/// The wanted arrays of an archive, and the names of all.
fn extract(
    bytes: &[u8],
    wanted: &[String],
) -> Result<(BTreeMap<String, Array>, Vec<String>), String> {
    let archive = ZipArchive::from_slice(bytes).map_err(|e| e.to_string())?;
    let (mut arrays, mut names, mut count) = (BTreeMap::new(), Vec::new(), 0);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(|e| e.to_string())? {
        count += 1;
        let file = String::from_utf8_lossy(entry.file_path().as_ref()).to_string();
        let name = file.strip_suffix(".npy").unwrap_or(&file).to_string();
        names.push(name.clone());
        if !wanted.contains(&name) {
            continue;
        }
        let of_array = |reason: String| format!("array {name}: {reason}");
        let method = entry.compression_method();
        let local = archive.get_entry(entry.wayfinder()).map_err(|e| of_array(e.to_string()))?;
        let stored = local.data().len() as u64;
        let most = SURELY_FITS.saturating_add(stored.saturating_mul(EXPANSION));
        let array = if method == CompressionMethod::STORE {
            whole(&mut local.verifying_reader(local.data()), most)
        } else if method == CompressionMethod::DEFLATE {
            whole(&mut local.verifying_reader(DeflateDecoder::new(local.data())), most)
        } else {
            Err("it is compressed in another way than numpy.savez_compressed does".into())
        };
        arrays.insert(name.clone(), array.map_err(of_array)?);
    }
    if count != archive.entries_hint() {
        return Err(format!(
            "it has {count} arrays, not the {} that it says",
            archive.entries_hint()
        ));
    }
    Ok((arrays, names))
}

/// An array and the check of its bytes, which is made at their end.
fn whole(input: &mut impl std::io::Read, most: u64) -> Result<Array, String> {
    let array = npy::read(input, most)?;
    let mut rest = [0; 1];
    match input.read(&mut rest) {
        Ok(0) => Ok(array),
        Ok(_) => Err("it has more numbers than its shape".into()),
        Err(error) => Err(error.to_string()),
    }
}
