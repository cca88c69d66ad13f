//! Integers of 8 and 16 bits in Parquet files, which polars reads only with features that this
//! crate does without.
//!
//! Parquet stores them in 32 bits and marks them as narrow in the schema (Apache Parquet format
//! 2.11, `LogicalTypes.md`). With the mark changed they are integers of 32 bits to any reader.

use super::thrift::{BYTE, INT32, LIST, STRUCT, byte, next_field, signed, skip, unsigned};

/// Types, as polars names them, of columns that are narrow.
pub(super) const NARROW: [&str; 4] = ["Int8", "Int16", "UInt8", "UInt16"];

/// The file with all narrow integers marked as 32 bits wide; `None` if its footer makes no sense.
pub(super) fn widened(file: &[u8]) -> Option<Vec<u8>> {
    let end = file.len().checked_sub(8)?;
    let length = u32::from_le_bytes(file[end..end + 4].try_into().ok()?);
    let start = end.checked_sub(length as usize)?;
    let mut wide = file.to_vec();
    for (at, value) in marks(&file[start..end])? {
        wide[start + at] = value;
    }
    Some(wide)
}

/// Places in a footer and what to write there.
fn marks(footer: &[u8]) -> Option<Vec<(usize, u8)>> {
    let mut found = Vec::new();
    let mut rest = footer;
    let mut id = 0;
    while let Some(wire) = next_field(&mut rest, &mut id)? {
        if (id, wire) != (2, LIST) {
            skip(&mut rest, wire, 0)?;
            continue;
        }
        let head = byte(&mut rest)?;
        let length = if head >> 4 == 15 { unsigned(&mut rest)? } else { u64::from(head >> 4) };
        for _ in 0..length {
            element(footer, &mut rest, &mut found)?;
        }
    }
    Some(found)
}

/// Reads one element of the schema: its converted type is field 6, its logical type field 10, both
/// optional.
fn element(footer: &[u8], rest: &mut &[u8], found: &mut Vec<(usize, u8)>) -> Option<()> {
    let mut id = 0;
    while let Some(wire) = next_field(rest, &mut id)? {
        let at = footer.len() - rest.len();
        match (id, wire) {
            (6, INT32) => {
                // UINT_8 and UINT_16 become UINT_32, INT_8 and INT_16 INT_32; a signed number n > 0
                // is stored as 2 n.
                match signed(rest)? {
                    11 | 12 => found.push((at, 2 * 13)),
                    15 | 16 => found.push((at, 2 * 17)),
                    _ => {}
                }
            }
            (10, STRUCT) => {
                let mut of = 0;
                while let Some(wire) = next_field(rest, &mut of)? {
                    if (of, wire) == (10, STRUCT) {
                        integer(footer, rest, found)?
                    } else {
                        skip(rest, wire, 1)?
                    }
                }
            }
            _ => skip(rest, wire, 0)?,
        }
    }
    Some(())
}

/// The logical type INTEGER: its field 1 is the width in bits.
fn integer(footer: &[u8], rest: &mut &[u8], found: &mut Vec<(usize, u8)>) -> Option<()> {
    let mut id = 0;
    while let Some(wire) = next_field(rest, &mut id)? {
        let at = footer.len() - rest.len();
        match (id, wire) {
            (1, BYTE) => {
                if byte(rest)? < 32 {
                    found.push((at, 32));
                }
            }
            _ => skip(rest, wire, 2)?,
        }
    }
    Some(())
}
