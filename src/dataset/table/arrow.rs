//! Arrow IPC files (`.arrow`, `.feather`), read batch by batch.
//!
//! polars reserves memory for what a batch claims to hold, and a failed reservation ends the whole
//! process. So the claims are looked at before: buffers must be within the file, and what they are
//! said to be when decompressed must be possible.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use polars::prelude::{PolarsError, PolarsResult};
use polars_arrow::datatypes::ArrowDataType;
use polars_arrow::io::ipc::read::{FileMetadata, FileReader, read_file_metadata};
use polars_arrow_format::ipc::planus::ReadAsRoot;
use polars_arrow_format::ipc::{MessageHeaderRef, MessageRef, RecordBatchRef};

use super::arrays;
use super::cell::{Cells, Wanted};
use super::guard::guarded_as;
use super::parquet::Metadata;
use crate::dataset::{DatasetError, Format};

/// Buffers of this size are decompressed, however small they are in the file..
const SURELY_FITS: u64 = 1 << 24;
/// ..and larger ones when they expand by no more than this factor.
const EXPANSION: u64 = 256;
/// The mark of messages of newer files.
const CONTINUED: [u8; 4] = [0xff; 4];

/// An Arrow file whose footer has been read.
pub(super) struct ArrowFile {
    path: PathBuf,
    footer: FileMetadata,
    /// Names and types of the columns.
    pub columns: Vec<(String, ArrowDataType)>,
    /// Number of rows.
    pub rows: u64,
}

impl ArrowFile {
    /// Opens a file, reads its footer and looks at what its batches claim.
    ///
    /// # Errors
    /// [`DatasetError::Unreadable`], [`DatasetError::Corrupt`].
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let unreadable = |source| DatasetError::Unreadable { path: path.into(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size < 16 {
            return guarded(path, || Err(damaged("it is too short")));
        }
        let footer = guarded(path, || read_file_metadata(&mut file))?;
        let columns = footer
            .schema
            .iter()
            .map(|(name, field)| (name.to_string(), field.dtype.clone()))
            .collect();
        let rows = guarded(path, || {
            let dictionaries = footer.dictionaries.iter().flatten();
            dictionaries.chain(&footer.blocks).try_fold(0u64, |sum, block| {
                let rows = look_at(&mut file, size, block.offset, block.meta_data_length)?;
                sum.checked_add(rows).ok_or_else(|| damaged("it claims too many rows"))
            })
        })?;
        Ok(Self { path: path.into(), footer, columns, rows })
    }

    /// Key-value pairs of the schema.
    pub fn metadata(&self) -> Metadata {
        let pairs = self.footer.custom_schema_metadata.iter().flat_map(|pairs| pairs.iter());
        pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    /// Reads columns: see [`Cells`].
    ///
    /// # Errors
    /// [`DatasetError`], and those of `cells`.
    pub fn read(
        &self,
        wanted: &[Wanted],
        progress: &mut dyn FnMut(f64),
        cells: &mut Cells,
    ) -> Result<(), DatasetError> {
        let file = File::open(&self.path)
            .map_err(|source| DatasetError::Unreadable { path: self.path.clone(), source })?;
        // The reader takes columns in the order of the file.
        let mut places: Vec<usize> = wanted.iter().map(|column| column.place).collect();
        places.sort_unstable();
        places.dedup();
        let input = BufReader::new(file);
        let mut batches = FileReader::new(input, self.footer.clone(), Some(places.clone()), None);
        let mut first = 0;
        while let Some(batch) = guarded(&self.path, || batches.next().transpose())? {
            for (k, column) in wanted.iter().enumerate() {
                let at = places.binary_search(&column.place).expect("it is among the places");
                let mut row = first;
                arrays::read(&*batch.arrays()[at], column, &self.path, &mut |value| {
                    row += 1;
                    cells(k, row - 1, value)
                })?;
            }
            first += batch.len() as u64;
            progress(first as f64 / self.rows.max(1) as f64);
        }
        Ok(())
    }
}

/// Rows of a batch, if what it claims can be.
fn look_at(file: &mut File, size: u64, offset: i64, head: i32) -> PolarsResult<u64> {
    let body = u64::try_from(offset).ok().zip(u64::try_from(head).ok());
    let (offset, body) = body
        .and_then(|(offset, head)| Some((offset, offset.checked_add(head)?)))
        .filter(|(_, body)| *body <= size)
        .ok_or_else(|| damaged("its footer points outside the file"))?;
    file.seek(SeekFrom::Start(offset))?;
    let mut message = vec![0; (body - offset) as usize];
    file.read_exact(&mut message)?;
    let start = if message.starts_with(&CONTINUED) { 8 } else { 4 };
    let message = message.get(start..).ok_or_else(|| damaged("a message is too short"))?;
    let nonsense = |_| damaged("a message makes no sense");
    let message = MessageRef::read_as_root(message).map_err(nonsense)?;
    match message.header().map_err(nonsense)? {
        Some(MessageHeaderRef::RecordBatch(batch)) => look_at_batch(file, size, body, batch),
        Some(MessageHeaderRef::DictionaryBatch(dictionary)) => {
            let batch = dictionary.data().map_err(nonsense)?;
            batch.map_or(Ok(0), |batch| look_at_batch(file, size, body, batch)).map(|_| 0)
        }
        _ => Err(damaged("a batch is none")),
    }
}

fn look_at_batch(
    file: &mut File,
    size: u64,
    body: u64,
    batch: RecordBatchRef,
) -> PolarsResult<u64> {
    let nonsense = |_| damaged("a batch makes no sense");
    let whole = |x: i64| u64::try_from(x).map_err(|_| damaged("a batch has a negative length"));
    let compressed = batch.compression().map_err(nonsense)?.is_some();
    let mut held = 0u64;
    for buffer in batch.buffers().map_err(nonsense)?.into_iter().flatten() {
        let (offset, length) = (whole(buffer.offset())?, whole(buffer.length())?);
        let start = body
            .checked_add(offset)
            .filter(|start| start.checked_add(length).is_some_and(|end| end <= size));
        let start = start.ok_or_else(|| damaged("a batch points outside the file"))?;
        held = held.saturating_add(length);
        if compressed && length >= 8 {
            let mut claim = [0; 8];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut claim)?;
            // Minus one says that the buffer isn't compressed after all.
            let claim = u64::try_from(i64::from_le_bytes(claim)).unwrap_or(length);
            if claim > SURELY_FITS.saturating_add(length.saturating_mul(EXPANSION)) {
                return Err(damaged("a buffer claims to expand by more than is possible"));
            }
            held = held.saturating_add(claim);
        }
    }
    // A row of the narrowest column, of booleans, takes a bit.
    let most = held.saturating_mul(8).saturating_add(SURELY_FITS);
    let rows = whole(batch.length().map_err(nonsense)?)?;
    for node in batch.nodes().map_err(nonsense)?.into_iter().flatten() {
        if whole(node.length())?.max(whole(node.null_count())?) > most {
            return Err(damaged("a batch claims more rows than it can hold"));
        }
    }
    if rows > most { Err(damaged("a batch claims more rows than it can hold")) } else { Ok(rows) }
}

fn damaged(reason: &str) -> PolarsError {
    PolarsError::ComputeError(reason.to_string().into())
}

fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, DatasetError> {
    guarded_as(path, Format::Arrow, read)
}
