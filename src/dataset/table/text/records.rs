//! Records of text: cells between separators, comments left out.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// A longer record is taken for damage: a quotation mark that is never closed.
const LONGEST_RECORD: usize = 1 << 20;
/// A record of more fields is taken for damage.
const MOST_FIELDS: usize = 1 << 16;
/// Bytes of a comment that are kept.
const LONGEST_COMMENT: usize = 1 << 12;
/// The mark of the byte order that some programs put before text in UTF-8.
const BYTE_ORDER: &[u8] = b"\xef\xbb\xbf";

/// What stands between the cells of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// One byte, such as a comma.
    Byte(u8),
    /// Blanks or tabs, any number of them.
    Blanks,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A record of so many fields.
    Fields(usize),
    /// Nothing is left.
    End,
    /// A record is longer than any that makes sense.
    TooLong,
}

/// Reads records from bytes.
pub(super) struct Records<R> {
    input: R,
    separator: Separator,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    at: u64,
    comment: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    /// A reader of what begins at byte `at` of a file.
    pub fn new(input: R, separator: Separator, at: u64) -> Self {
        let mut builder = ReaderBuilder::new();
        if let Separator::Byte(byte) = separator {
            builder.delimiter(byte);
        }
        Self {
            input,
            separator,
            reader: builder.build(),
            text: vec![0; LONGEST_RECORD],
            ends: vec![0; MOST_FIELDS],
            at,
            comment: Vec::new(),
        }
    }

    /// Bytes of the file up to here.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The last line that was left out as a comment, without its mark.
    pub fn comment(&self) -> &[u8] {
        &self.comment
    }

    /// Field k of the record that was read last.
    pub fn field(&self, k: usize) -> &[u8] {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        &self.text[start..self.ends[k]]
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// Those of the system.
    pub fn next(&mut self) -> io::Result<Record> {
        self.skip_comments()?;
        match self.separator {
            Separator::Byte(_) => self.separated(),
            Separator::Blanks => self.blanks(),
        }
    }

    /// Leaves out ends of lines, and lines that begin with `#` or `%`.
    fn skip_comments(&mut self) -> io::Result<()> {
        if self.at == 0 && self.input.fill_buf()?.starts_with(BYTE_ORDER) {
            self.consume(BYTE_ORDER.len());
        }
        loop {
            match self.input.fill_buf()?.first() {
                Some(b'\n' | b'\r') => self.consume(1),
                Some(b'#' | b'%') => {
                    self.comment.clear();
                    self.line(|comment, part| {
                        let room = LONGEST_COMMENT.saturating_sub(comment.len());
                        comment.extend(&part[..part.len().min(room)]);
                        true
                    })?;
                    self.comment.remove(0);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Hands the rest of the line, in parts, to `keep` until that says no; false if it did.
    fn line(&mut self, mut keep: impl FnMut(&mut Vec<u8>, &[u8]) -> bool) -> io::Result<bool> {
        loop {
            let input = self.input.fill_buf()?;
            let end = input.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let length = end.unwrap_or(input.len());
            let kept = keep(&mut self.comment, &input[..length]);
            self.consume(length);
            if length == 0 || end.is_some() || !kept {
                return Ok(kept);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.at += bytes as u64;
    }

    fn separated(&mut self) -> io::Result<Record> {
        let (mut length, mut fields) = (0, 0);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, written, ended) =
                self.reader.read_record(input, &mut self.text[length..], &mut self.ends[fields..]);
            self.input.consume(read);
            (self.at, length, fields) = (self.at + read as u64, length + written, fields + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => return Ok(Record::Fields(fields)),
                ReadRecordResult::End => return Ok(Record::End),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Ok(Record::TooLong);
                }
            }
        }
    }

    /// Cells between blanks; one that begins with a quotation mark ends with the next.
    fn blanks(&mut self) -> io::Result<Record> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(Record::End);
        }
        let mut line = Vec::new();
        let kept = self.line(|_, part| {
            line.extend(part);
            line.len() <= LONGEST_RECORD
        })?;
        let (mut rest, mut length, mut fields) = (line.trim_ascii_start(), 0, 0);
        while !rest.is_empty() {
            let quoted = rest[0] == b'"';
            let body = &rest[usize::from(quoted)..];
            let last = |b: &u8| if quoted { *b == b'"' } else { b.is_ascii_whitespace() };
            let end = body.iter().position(last).unwrap_or(body.len());
            if !kept || fields == MOST_FIELDS {
                return Ok(Record::TooLong);
            }
            self.text[length..length + end].copy_from_slice(&body[..end]);
            length += end;
            self.ends[fields] = length;
            fields += 1;
            rest = body[(end + usize::from(quoted)).min(body.len())..].trim_ascii_start();
        }
        Ok(Record::Fields(fields))
    }
}
