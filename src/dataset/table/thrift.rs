//! Thrift's compact protocol (Apache Thrift, "Thrift Compact protocol encoding"), as far as Parquet
//! files use it.
//!
//! Functions take what is left to read and leave what is left after; `None` says that the bytes
//! make no sense.

/// Wire types of the compact protocol.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const BYTE: u8 = 3;
pub(super) const INT16: u8 = 4;
pub(super) const INT32: u8 = 5;
pub(super) const INT64: u8 = 6;
const DOUBLE: u8 = 7;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
pub(super) const STRUCT: u8 = 12;

/// Structs of headers and footers nest less deep than this.
const DEEPEST: usize = 12;

/// Reads on to a struct's next field and gives its wire type; `Some(None)` at the end of the
/// struct.
pub(super) fn next_field(bytes: &mut &[u8], id: &mut i64) -> Option<Option<u8>> {
    let head = byte(bytes)?;
    if head == 0 {
        return Some(None);
    }
    *id = if head >> 4 == 0 { signed(bytes)? } else { id.checked_add(i64::from(head >> 4))? };
    Some(Some(head & 0x0f))
}

/// Reads over a value.
pub(super) fn skip(bytes: &mut &[u8], wire: u8, depth: usize) -> Option<()> {
    match wire {
        _ if depth > DEEPEST => None,
        TRUE | FALSE => Some(()),
        BYTE => byte(bytes).map(drop),
        INT16 | INT32 | INT64 => signed(bytes).map(drop),
        DOUBLE => take(bytes, 8),
        BINARY => {
            let length = unsigned(bytes)?;
            take(bytes, length)
        }
        LIST | SET => {
            let head = byte(bytes)?;
            let length = if head >> 4 == 15 { unsigned(bytes)? } else { u64::from(head >> 4) };
            // Booleans take a byte each in a list, though none in a struct; every other element
            // takes one or more.
            let element = if matches!(head & 0x0f, TRUE | FALSE) { BYTE } else { head & 0x0f };
            (0..length).try_for_each(|_| skip(bytes, element, depth + 1))
        }
        STRUCT => {
            let mut id = 0;
            while let Some(wire) = next_field(bytes, &mut id)? {
                skip(bytes, wire, depth + 1)?;
            }
            Some(())
        }
        _ => None,
    }
}

/// Reads a byte.
pub(super) fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

fn take(bytes: &mut &[u8], length: u64) -> Option<()> {
    *bytes = bytes.get(usize::try_from(length).ok()?..)?;
    Some(())
}

/// A number in groups of seven bits, the lowest first.
pub(super) fn unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let group = byte(bytes)?;
        value |= u64::from(group & 0x7f) << shift;
        if group < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A signed number, its sign in the lowest bit.
pub(super) fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let value = unsigned(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}
