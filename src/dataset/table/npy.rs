//! Arrays as NumPy writes them: a header of text, then numbers (NEP 1, "A simple file format for
//! NumPy arrays").

use std::io::{self, Read};

/// An array of numbers, the last axis running fastest.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Vec<f64>,
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    /// Kind of the numbers: `f`, `i`, `u` or `b`.
    kind: char,
    /// Bytes of a number.
    width: usize,
    big_endian: bool,
    first_axis_fastest: bool,
    shape: Vec<usize>,
}

/// The longest header that is read: it names a type and a shape.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads an array that takes `most` bytes at most. Memory grows with what is there, not with what
/// the header claims.
pub(super) fn read(input: &mut impl Read, most: u64) -> Result<Array, String> {
    let header = read_header(input)?;
    let claimed = || "its shape is larger than the file can hold".to_string();
    let count = header.shape.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis));
    let count = count.ok_or_else(claimed)?;
    let bytes = count.checked_mul(header.width).ok_or_else(claimed)?;
    if bytes as u64 > most {
        return Err(claimed());
    }
    let mut data = Vec::new();
    let read = input.by_ref().take(bytes as u64).read_to_end(&mut data);
    read.map_err(|error| error.to_string())?;
    if data.len() != bytes {
        return Err(format!(
            "it ends after {} of {count} numbers; was it cut off?",
            data.len() / header.width
        ));
    }
    let values = data.chunks_exact(header.width).map(|bytes| header.number(bytes)).collect();
    let values = if header.first_axis_fastest { turned(values, &header.shape) } else { values };
    Ok(Array { shape: header.shape, values })
}

fn read_header(input: &mut impl Read) -> Result<Header, String> {
    let cut = |_: io::Error| "it ends within its header".to_string();
    let mut magic = [0; 8];
    input.read_exact(&mut magic).map_err(cut)?;
    if !magic.starts_with(b"\x93NUMPY") {
        return Err("it doesn't begin as an array of NumPy does".into());
    }
    let mut length = vec![0; if magic[6] == 1 { 2 } else { 4 }];
    input.read_exact(&mut length).map_err(cut)?;
    let length = length.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    if length > LONGEST_HEADER {
        return Err("its header is longer than any".into());
    }
    let mut text = vec![0; length];
    input.read_exact(&mut text).map_err(cut)?;
    header(&String::from_utf8_lossy(&text))
}

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }`.
fn header(text: &str) -> Result<Header, String> {
    let after = |key: &str| {
        let at = text.find(&format!("'{key}'"))? + key.len() + 2;
        text[at..].trim_start().strip_prefix(':').map(str::trim_start)
    };
    let missing = || "its header makes no sense".to_string();
    let of_type = after("descr").ok_or_else(missing)?;
    let descr = of_type.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let accepted = || {
        let found: String = of_type.chars().take(20).collect();
        format!(
            "it holds values of type {found}; floats of 32 or 64 bits and integers are accepted"
        )
    };
    let mut descr = descr.ok_or_else(accepted)?.chars();
    let (order, kind) = (descr.next(), descr.next().unwrap_or(' '));
    let width: usize = descr.as_str().parse().map_err(|_| accepted())?;
    let widths: &[usize] = match kind {
        'f' => &[4, 8],
        'i' | 'u' => &[1, 2, 4, 8],
        'b' => &[1],
        _ => &[],
    };
    if !widths.contains(&width) || !matches!(order, Some('<' | '>' | '|' | '=')) {
        return Err(accepted());
    }
    let shape = after("shape").and_then(|rest| rest.strip_prefix('(')).ok_or_else(missing)?;
    let shape = shape.split_once(')').ok_or_else(missing)?.0;
    let axes = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape = axes.map(|axis| axis.trim_end_matches('L').parse()).collect::<Result<_, _>>();
    Ok(Header {
        kind,
        width,
        big_endian: order == Some('>'),
        first_axis_fastest: after("fortran_order").ok_or_else(missing)?.starts_with("True"),
        shape: shape.map_err(|_| missing())?,
    })
}

impl Header {
    fn number(&self, bytes: &[u8]) -> f64 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        if self.big_endian {
            word[..bytes.len()].reverse();
        }
        let bits = u64::from_le_bytes(word);
        match (self.kind, self.width) {
            ('f', 4) => f32::from_bits(bits as u32).into(),
            ('f', _) => f64::from_bits(bits),
            ('i', width) => {
                // The sign is in the highest of the number's own bits.
                let unused = 64 - 8 * width as u32;
                ((bits << unused) as i64 >> unused) as f64
            }
            _ => bits as f64,
        }
    }
}

/// Numbers whose first axis runs fastest, put so that the last does.
fn turned(values: Vec<f64>, shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let place = |index: &[usize]| index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
    (0..values.len())
        .map(|_| {
            let value = values[place(&index)];
            for (i, n) in index.iter_mut().zip(shape).rev() {
                *i += 1;
                if *i < *n {
                    break;
                }
                *i = 0;
            }
            value
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    fn array(header: &str, data: &[u8]) -> Result<Array, String> {
        read(&mut &file(header, data)[..], 1 << 20)
    }

    #[test]
    fn numbers_of_all_widths_and_orders_are_read() {
        let of = |descr: &str, data: &[u8]| {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}\n");
            array(&header, data).unwrap().values[0]
        };
        assert_eq!(of("<f8", &(-1.5f64).to_le_bytes()), -1.5);
        assert_eq!(of(">f8", &(-1.5f64).to_be_bytes()), -1.5);
        assert_eq!(of("<f4", &1.5f32.to_le_bytes()), 1.5);
        assert_eq!(of("<i8", &(-7i64).to_le_bytes()), -7.0);
        assert_eq!(of(">i2", &(-7i16).to_be_bytes()), -7.0);
        assert_eq!(of("|i1", &(-7i8).to_le_bytes()), -7.0);
        assert_eq!(of("|u1", &[250]), 250.0);
        assert_eq!(of("|b1", &[1]), 1.0);
    }

    #[test]
    fn axes_of_either_order_are_read() {
        let bytes: Vec<u8> = (0..6).collect();
        for (fortran, values) in
            [("False", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), ("True", [0.0, 2.0, 4.0, 1.0, 3.0, 5.0])]
        {
            let header = format!("{{'descr': '|u1', 'fortran_order': {fortran}, 'shape': (2, 3)}}");
            let found = array(&header, &bytes).unwrap();
            assert_eq!((&found.shape[..], &found.values[..]), (&[2, 3][..], &values[..]));
        }
    }

    #[test]
    fn bad_input_of_a_header_is_named() {
        let says = |header: &str, word: &str| {
            let error = array(header, &[0; 16]).unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        says("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", "cut off");
        says(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999)}",
            "larger",
        );
        says("{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,)}", "larger");
        says("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "type");
        says("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", "type");
        says("{}", "no sense");
        assert!(read(&mut &b"not an array"[..], 9).unwrap_err().contains("begin"));
    }
}
