//! A look at the footer of a Parquet file before it is decoded.
//!
//! polars reserves memory for as many elements as the head of a list claims, and takes a field for
//! what the format says it is whatever its own head says. A damaged footer may so claim hundreds of
//! gigabytes, and a failed reservation ends the whole process. So all of it is read once before:
//! fields must be of the form that `parquet.thrift` (Apache Parquet format 2.11) gives them, and
//! lists have the elements that they claim.

use super::thrift::{
    BINARY, BYTE, FALSE, INT16, INT32, INT64, LIST, STRUCT, TRUE, byte, next_field, signed, skip,
    unsigned,
};

/// What a field is.
enum Form {
    /// An integer of 16 to 64 bits.
    Number,
    /// A byte.
    Byte,
    /// A boolean.
    Flag,
    /// Bytes or text.
    Binary,
    /// A list of elements of one form.
    List(&'static Form),
    /// Fields by number; others are skipped.
    Struct(&'static [(i64, Form)]),
}

use Form::{Binary, Byte, Flag, List, Number, Struct};

const FILE: &[(i64, Form)] = &[
    (1, Number),
    (2, List(&Struct(SCHEMA_ELEMENT))),
    (3, Number),
    (4, List(&Struct(ROW_GROUP))),
    (5, List(&Struct(KEY_VALUE))),
    (6, Binary),
    (7, List(&Struct(&[(1, Struct(&[]))]))),
    (8, Struct(&[])),
    (9, Binary),
];
const KEY_VALUE: &[(i64, Form)] = &[(1, Binary), (2, Binary)];
const SCHEMA_ELEMENT: &[(i64, Form)] = &[
    (1, Number),
    (2, Number),
    (3, Number),
    (4, Binary),
    (5, Number),
    (6, Number),
    (7, Number),
    (8, Number),
    (9, Number),
    (10, Struct(LOGICAL_TYPE)),
];
const OF_TIME: &[(i64, Form)] =
    &[(1, Flag), (2, Struct(&[(1, Struct(&[])), (2, Struct(&[])), (3, Struct(&[]))]))];
const LOGICAL_TYPE: &[(i64, Form)] = &[
    (1, Struct(&[])),
    (2, Struct(&[])),
    (3, Struct(&[])),
    (4, Struct(&[])),
    (5, Struct(&[(1, Number), (2, Number)])),
    (6, Struct(&[])),
    (7, Struct(OF_TIME)),
    (8, Struct(OF_TIME)),
    (10, Struct(&[(1, Byte), (2, Flag)])),
    (11, Struct(&[])),
    (12, Struct(&[])),
    (13, Struct(&[])),
    (14, Struct(&[])),
    (15, Struct(&[])),
];
const ROW_GROUP: &[(i64, Form)] = &[
    (1, List(&Struct(COLUMN))),
    (2, Number),
    (3, Number),
    (4, List(&Struct(&[(1, Number), (2, Flag), (3, Flag)]))),
    (5, Number),
    (6, Number),
    (7, Number),
];
const COLUMN: &[(i64, Form)] = &[
    (1, Binary),
    (2, Number),
    (3, Struct(COLUMN_METADATA)),
    (4, Number),
    (5, Number),
    (6, Number),
    (7, Number),
    (8, Struct(&[])),
    (9, Binary),
];
const COLUMN_METADATA: &[(i64, Form)] = &[
    (1, Number),
    (2, List(&Number)),
    (3, List(&Binary)),
    (4, Number),
    (5, Number),
    (6, Number),
    (7, Number),
    (8, List(&Struct(KEY_VALUE))),
    (9, Number),
    (10, Number),
    (11, Number),
    (12, Struct(STATISTICS)),
    (13, List(&Struct(&[(1, Number), (2, Number), (3, Number)]))),
    (14, Number),
    (15, Number),
];
const STATISTICS: &[(i64, Form)] = &[
    (1, Binary),
    (2, Binary),
    (3, Number),
    (4, Number),
    (5, Binary),
    (6, Binary),
    (7, Flag),
    (8, Flag),
];

/// Whether a footer is safe to decode.
pub(super) fn is_sound(mut footer: &[u8]) -> bool {
    read_struct(FILE, &mut footer).is_some()
}

fn read_struct(fields: &[(i64, Form)], bytes: &mut &[u8]) -> Option<()> {
    let mut id = 0;
    while let Some(wire) = next_field(bytes, &mut id)? {
        // Other readers keep numbers of fields in 16 bits.
        i16::try_from(id).ok()?;
        match fields.iter().find(|(number, _)| *number == id) {
            Some((_, form)) => read(form, wire, bytes)?,
            None => skip(bytes, wire, 0)?,
        }
    }
    Some(())
}

fn read(form: &Form, wire: u8, bytes: &mut &[u8]) -> Option<()> {
    match (form, wire) {
        (Number, INT16 | INT32 | INT64) => signed(bytes).map(drop),
        (Byte, BYTE) => byte(bytes).map(drop),
        (Flag, TRUE | FALSE) => Some(()),
        (Binary, BINARY) => skip(bytes, wire, 0),
        (Struct(fields), STRUCT) => read_struct(fields, bytes),
        (List(form), LIST) => {
            let head = byte(bytes)?;
            let length = if head >> 4 == 15 { unsigned(bytes)? } else { u64::from(head >> 4) };
            (0..length).try_for_each(|_| read(form, head & 0x0f, bytes))
        }
        _ => None,
    }
}
