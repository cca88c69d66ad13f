//! What dialect a text file is written in, by its beginning.

use super::records::{Record, Records, Separator};
use crate::dataset::table::cell::is_numeric;

/// Records of the beginning that are looked at.
const LOOKED_AT: usize = 200;
/// What may stand between cells, in the order in which it is believed.
const SEPARATORS: [Separator; 4] =
    [Separator::Byte(b','), Separator::Byte(b';'), Separator::Byte(b'\t'), Separator::Blanks];

/// How a file is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dialect {
    pub separator: Separator,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Where the rows begin, in bytes.
    pub data_at: u64,
    /// What is remarkable about the lines before the rows.
    pub notes: Vec<String>,
}

/// The records at a file's beginning.
struct Beginning {
    records: Vec<Vec<Vec<u8>>>,
    /// Where each ends, in bytes.
    ends: Vec<u64>,
    /// The last comment before each.
    comments: Vec<Vec<u8>>,
}

/// Tells the dialect of a file from its beginning; `whole` says that this is all of it. The error
/// is a reason in words.
pub(super) fn sniff(sample: &[u8], whole: bool) -> Result<Dialect, String> {
    foreign(sample)?;
    let mut best: Option<(f64, Separator, Beginning, usize)> = None;
    for separator in SEPARATORS {
        let beginning = Beginning::read(sample, separator, whole);
        let fields = beginning.usual_fields();
        let score = beginning.score(fields, separator);
        let better = best.as_ref().is_none_or(|(most, .., most_fields)| {
            fields >= 2 && (*most_fields < 2 || score > *most)
        });
        if better {
            best = Some((score, separator, beginning, fields));
        }
    }
    let (_, separator, beginning, fields) = best.expect("there are separators");
    Ok(beginning.dialect(separator, fields))
}

/// Files of other kinds, by their first bytes.
fn foreign(sample: &[u8]) -> Result<(), String> {
    let begins = |magic: &[u8]| sample.starts_with(magic);
    let reason = if begins(b"\xff\xfe") || begins(b"\xfe\xff") {
        "it is text in UTF-16; text in UTF-8 is accepted (spreadsheets: save as \"CSV UTF-8\")"
    } else if begins(b"PAR1") {
        "it begins as Parquet does; such a file's name is to end in .parquet"
    } else if begins(b"ARROW1") {
        "it begins as Arrow IPC does; such a file's name is to end in .arrow or .feather"
    } else if begins(b"PK\x03\x04") {
        "it begins as a zip archive does: as .npz that is read, of a spreadsheet (.xlsx, .ods) save a sheet as CSV"
    } else if sample.contains(&0) {
        "it isn't text: it has a zero byte"
    } else {
        return Ok(());
    };
    Err(reason.into())
}

impl Beginning {
    fn read(sample: &[u8], separator: Separator, whole: bool) -> Self {
        let mut reader = Records::new(sample, separator, 0);
        let mut found = Self { records: Vec::new(), ends: Vec::new(), comments: Vec::new() };
        // Bytes in memory are read without errors.
        while let Ok(Record::Fields(fields)) = reader.next() {
            let cut = !whole && reader.at() == sample.len() as u64;
            if cut || found.records.len() == LOOKED_AT {
                break;
            }
            let record: Vec<Vec<u8>> =
                (0..fields).map(|k| reader.field(k).trim_ascii().to_vec()).collect();
            if record.iter().all(Vec::is_empty) {
                continue;
            }
            found.records.push(record);
            found.ends.push(reader.at());
            found.comments.push(reader.comment().to_vec());
        }
        found
    }

    /// The number of fields that most records have; the larger of two.
    fn usual_fields(&self) -> usize {
        let count = |n: usize| self.records.iter().filter(|record| record.len() == n).count();
        self.records.iter().map(Vec::len).max_by_key(|&n| (count(n), n)).unwrap_or(0)
    }

    /// Cells that are numbers speak for a separator, half as much others in their rows against it.
    fn score(&self, fields: usize, separator: Separator) -> f64 {
        let rows = self.records.iter().filter(|record| record.len() == fields);
        rows.map(|record| {
            let cells = || record.iter().filter(|cell| !cell.is_empty());
            let numbers = cells().filter(|cell| numeric(cell, separator)).count() as f64;
            if numbers > 0.0 { numbers - 0.5 * (cells().count() as f64 - numbers) } else { 0.0 }
        })
        .sum()
    }

    fn dialect(self, separator: Separator, fields: usize) -> Dialect {
        let is_row = |record: &Vec<Vec<u8>>| {
            record.len() >= 2.min(fields) && record.iter().any(|cell| numeric(cell, separator))
        };
        // A title of one line may hold a number.
        let usual_row = |record: &&Vec<Vec<u8>>| record.len() == fields && is_row(record);
        let usual = self.records.iter().position(|record| usual_row(&record));
        let above = usual.unwrap_or(self.records.len().min(1));
        let mut notes = Vec::new();
        // Spreadsheets fill a title's line up with empty cells.
        let is_whole = |record: &&Vec<Vec<u8>>| record.iter().all(|cell| !cell.is_empty());
        let place = |is: &dyn Fn(&&Vec<Vec<u8>>) -> bool| {
            self.records[..above].iter().position(|record| record.len() == fields && is(&record))
        };
        let named = place(&is_whole).or_else(|| place(&|_| true));
        // A line of another length right above the rows is a header with a name too few or too many.
        let named = named.or(above.checked_sub(1).filter(|&k| self.records[k].len() >= 2));
        if let Some(named) = named {
            if named > 0 {
                notes.push(format!("{named} line(s) above the header left out"));
            }
            if named + 1 < above {
                let left_out: Vec<String> =
                    self.records[named + 1].iter().map(|cell| text(cell)).collect();
                notes.push(format!("left out below the header: {}", left_out.join(" ")));
            }
            let header = self.records[named].iter().map(|cell| text(cell)).collect();
            return Dialect { separator, header, data_at: self.ends[above - 1], notes };
        }
        let header = self.commented_header(above, separator, fields).unwrap_or_else(|| {
            notes.push("it has no header: its columns are column1, column2, ..".into());
            (1..=fields).map(|k| format!("column{k}")).collect()
        });
        let data_at = above.checked_sub(1).map_or(0, |k| self.ends[k]);
        Dialect { separator, header, data_at, notes }
    }

    /// The names in a comment right above the rows, as `numpy.savetxt` writes them.
    fn commented_header(
        &self,
        above: usize,
        separator: Separator,
        fields: usize,
    ) -> Option<Vec<String>> {
        let comment = self.comments.get(above)?;
        let comment = comment.trim_ascii_start();
        let found = [separator, Separator::Blanks].into_iter().find_map(|separator| {
            let names = Self::read(comment, separator, true).records.into_iter().next()?;
            let all = names.len() == fields && !names.iter().any(|cell| numeric(cell, separator));
            all.then_some(names)
        })?;
        Some(found.iter().map(|cell| text(cell)).collect())
    }
}

fn numeric(cell: &[u8], separator: Separator) -> bool {
    let byte = if let Separator::Byte(byte) = separator { byte } else { b' ' };
    is_numeric(cell, byte)
}

/// Text in UTF-8, or else in Latin-1, which gives each byte a character.
fn text(cell: &[u8]) -> String {
    match std::str::from_utf8(cell) {
        Ok(text) => text.trim().into(),
        Err(_) => cell.iter().map(|b| char::from(*b)).collect::<String>().trim().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, separator: Separator, header: &[&str], rows: &str) {
        let dialect = sniff(text.as_bytes(), true).unwrap();
        assert_eq!(
            (dialect.separator, &dialect.header[..]),
            (separator, &header.map_strings()[..])
        );
        let rest = text[dialect.data_at as usize..].trim_start();
        assert!(rest.starts_with(rows), "{rest}");
    }

    trait Strings {
        fn map_strings(&self) -> Vec<String>;
    }
    impl Strings for &[&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|name| name.to_string()).collect()
        }
    }

    const COMMA: Separator = Separator::Byte(b',');
    const SEMICOLON: Separator = Separator::Byte(b';');
    const TAB: Separator = Separator::Byte(b'\t');
    const BLANKS: Separator = Separator::Blanks;

    #[test]
    fn separators_are_told_by_cells_that_are_numbers() {
        check("t,x\n0,1\n1,2\n", COMMA, &["t", "x"], "0,1");
        check("t, x\n0, 1.5\n1, 2.5\n", COMMA, &["t", "x"], "0, 1.5");
        check("t;x\n0,5;1,5\n1,5;2,5\n", SEMICOLON, &["t", "x"], "0,5");
        check("t;x\n0;1\n1;2\n", SEMICOLON, &["t", "x"], "0;1");
        check("t\tx (m)\n0\t1\n1\t2\n", TAB, &["t", "x (m)"], "0\t1");
        check("t x\n 0  1\n 1  2\n", BLANKS, &["t", "x"], "0  1");
        check("t (s)\tx\n0,5\t1,5\n", TAB, &["t (s)", "x"], "0,5");
        check("t x\n0,5 1,5\n1,5 2,5\n", BLANKS, &["t", "x"], "0,5");
        check("time,note\n2023-06-01 00:00:00,a b\n", COMMA, &["time", "note"], "2023");
    }

    #[test]
    fn headers_are_found_among_titles_units_and_comments() {
        check("mass_A\nt\tx\n0\t1\n", TAB, &["t", "x"], "0");
        check("t;x\ns;m\n0;1\n2;3\n", SEMICOLON, &["t", "x"], "0;1");
        check("# by a logger\n# t x\n0 1\n1 2\n", BLANKS, &["t", "x"], "# by");
        check("% a\nt,x\n0,1\n", COMMA, &["t", "x"], "0,1");
        check("0 1\n1 2\n", BLANKS, &["column1", "column2"], "0 1");
        check("t,x\n", COMMA, &["t", "x"], "");
        // A name too few: that is for the reader of the rows to say.
        check("t,x\n0,1,2\n0,1,2\n", COMMA, &["t", "x"], "0,1");
    }

    #[test]
    fn bad_input_of_other_kinds_is_named() {
        for (bytes, word) in
            [(&b"PAR1.."[..], "Parquet"), (b"\xff\xfet\0", "UTF-16"), (b"PK\x03\x04", "zip")]
        {
            assert!(sniff(bytes, true).unwrap_err().contains(word));
        }
    }
}
