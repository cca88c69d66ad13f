//! A look at the page headers of a Parquet file before its pages are decoded.
//!
//! polars reserves memory for as many values as a page's header claims. A damaged header may claim 2^63, and a failed reservation ends
//! the whole process. So the headers are read first: the pages of a column must fill its place in the file exactly and their counts
//! must add up. The headers are structs of Thrift's compact protocol (Apache Thrift, "Thrift Compact protocol encoding"), the fields
//! numbered as in `parquet.thrift` (Apache Parquet format 2.11).

/// What the footer says about one column of one row group.
pub(super) struct Claim<'a> {
    /// The column's bytes: header, page, header, page, ..
    pub bytes: &'a [u8],
    /// Number of its values.
    pub values: i64,
    /// Size of its pages when decompressed.
    pub uncompressed: i64,
}

/// Whether the pages of a column agree with the footer.
pub(super) fn agree(claim: &Claim) -> bool {
    count_values(claim) == Some(claim.values)
}

/// Sum of the values of a column's data pages, unless a header makes no sense.
fn count_values(claim: &Claim) -> Option<i64> {
    let mut rest = claim.bytes;
    let mut sum = 0i64;
    while !rest.is_empty() {
        let header = PageHeader::read(&mut rest)?;
        let fits = (0..=claim.uncompressed).contains(&header.uncompressed);
        rest = rest.get(usize::try_from(header.compressed).ok()?..).filter(|_| fits)?;
        match header.kind {
            Kind::Data if header.values >= 0 => sum = sum.checked_add(header.values).filter(|sum| *sum <= claim.values)?,
            // An entry of a dictionary takes at least a byte, but for booleans, which have none.
            Kind::Dictionary if (0..=header.uncompressed).contains(&header.values) => {}
            Kind::Index => {}
            _ => return None,
        }
    }
    Some(sum)
}

#[derive(Clone, Copy)]
enum Kind {
    Data,
    Index,
    Dictionary,
}

struct PageHeader {
    kind: Kind,
    uncompressed: i64,
    compressed: i64,
    values: i64,
}

impl PageHeader {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (mut kind, mut uncompressed, mut compressed, mut values) = (None, None, None, 0);
        let mut id = 0;
        while let Some(wire) = next_field(bytes, &mut id)? {
            match (id, wire) {
                (1, INT32) => kind = Some(signed(bytes)?),
                (2, INT32) => uncompressed = Some(signed(bytes)?),
                (3, INT32) => compressed = Some(signed(bytes)?),
                // The headers of a data page, a dictionary and a data page of version 2 all begin with the number of values.
                (5 | 7 | 8, STRUCT) => values = first_number(bytes)?,
                _ => skip(bytes, wire, 0)?,
            }
        }
        let kind = match kind? {
            0 | 3 => Kind::Data,
            1 => Kind::Index,
            2 => Kind::Dictionary,
            _ => return None,
        };
        Some(Self { kind, uncompressed: uncompressed?, compressed: compressed?, values })
    }
}

/// Wire types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
pub(super) const BYTE: u8 = 3;
const INT16: u8 = 4;
pub(super) const INT32: u8 = 5;
const INT64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
pub(super) const STRUCT: u8 = 12;

/// Structs of a page header nest less deep than this.
const DEEPEST: usize = 8;

/// Reads on to a struct's next field and gives its wire type; `Some(None)` at the end of the struct.
pub(super) fn next_field(bytes: &mut &[u8], id: &mut i64) -> Option<Option<u8>> {
    let head = byte(bytes)?;
    if head == 0 {
        return Some(None);
    }
    *id = if head >> 4 == 0 { signed(bytes)? } else { id.checked_add(i64::from(head >> 4))? };
    Some(Some(head & 0x0f))
}

/// Field 1, a 32-bit integer, of a struct of which nothing else matters.
fn first_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = None;
    let mut id = 0;
    while let Some(wire) = next_field(bytes, &mut id)? {
        match (id, wire) {
            (1, INT32) => number = Some(signed(bytes)?),
            _ => skip(bytes, wire, 1)?,
        }
    }
    number
}

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
            // Booleans take a byte each in a list, though none in a struct; every other element takes one or more.
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
