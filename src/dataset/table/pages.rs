//! A look at the page headers of a Parquet file before its pages are decoded.
//!
//! polars reserves memory for as many values as a page's header claims. A damaged header may claim
//! 2^63, and a failed reservation ends the whole process. So the headers are read first: the pages
//! of a column must fill its place in the file exactly and their counts must add up. The headers
//! are Thrift structs, the fields numbered as in `parquet.thrift` (Apache Parquet format 2.11).

use super::thrift::{INT32, STRUCT, next_field, signed, skip};

/// What the footer says about one column of one row group.
pub(super) struct Claim<'a> {
    /// The column's bytes: header, page, header, page, ..
    pub bytes: &'a [u8],
    /// Number of its values.
    pub values: i64,
    /// Size of its pages when decompressed.
    pub uncompressed: i64,
}

/// Pages of this size are decompressed, however small they are in the file..
const SURELY_FITS: i64 = 1 << 24;
/// ..and larger ones when their bytes expand by no more than this factor: numbers of trajectories
/// compress by far less.
const EXPANSION: i64 = 256;

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
        let largest =
            header.compressed.max(0).saturating_mul(EXPANSION).saturating_add(SURELY_FITS);
        let fits = (0..=claim.uncompressed.min(largest)).contains(&header.uncompressed);
        rest = rest.get(usize::try_from(header.compressed).ok()?..).filter(|_| fits)?;
        match header.kind {
            Kind::Data if header.values >= 0 => {
                sum = sum.checked_add(header.values).filter(|sum| *sum <= claim.values)?
            }
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
                // The headers of a data page, a dictionary and a data page of version 2 all begin
                // with the number of values.
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
