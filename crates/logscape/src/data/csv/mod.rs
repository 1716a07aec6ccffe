//! Reads a data set from the columns of a CSV file.

mod dialect;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use self::dialect::{Decimal, Dialect, line_at};
use super::classes::Classes;
use super::columns::choose;
use super::error::excerpt;
use super::format::{Entries, Format, ReadOptions, Survey, has_extension};
use super::watch::{self, Watch, Watched};
use super::{DataError, Dataset};

/// Text that is read before the next look at the memory that is left.
const PIECE: u64 = 1 << 22;

/// The format of [`read_csv`].
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "CSV"
    }

    fn looks_like(&self) -> &'static str {
        "a `.csv` or `.tsv` file, or one of them in gzip (`.csv.gz`), whose first line names its columns"
    }

    fn reads(&self, path: &Path) -> bool {
        let is_table = |path: &Path| has_extension(path, "csv") || has_extension(path, "tsv");
        is_table(path) || has_extension(path, "gz") && is_table(&path.with_extension(""))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        read_csv(path, options)
    }

    fn survey(&self, path: &Path, options: &ReadOptions) -> Result<Option<Survey>, DataError> {
        Table::new(&path.display().to_string(), &text_of(path, &options.watch)?)?.survey(options).map(Some)
    }
}

/// Reads a CSV file, plain or gzip, whose first line names its columns.
///
/// Fields are separated by commas, semicolons or tabs, as the line of names shows; with semicolons decimals may follow a comma.
/// A byte-order mark, quotes, every end of line, lines that begin with `#`, blank lines, empty fields after the last column and
/// empty lines at the end are no part of the table.
///
/// # Errors
///
/// [`DataError`] with line and column for a hole, an entry that is not a finite number, a line with too few or too many
/// fields, a column that is missing or named twice, a first line of numbers, and a file without samples.
pub fn read_csv(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    let data = Table::new(&path.display().to_string(), &text_of(path, &options.watch)?)?.read(options)?;
    Ok(data.read_from(&[path]))
}

/// The text of a file, plain or gzip.
fn text_of(path: &Path, watch: &Watch) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(DataError::read(path))?;
    let length = file.metadata().map_or(0, |file| file.len());
    let name = path.display().to_string();
    // The second half of the work is to take the text apart.
    let file = BufReader::new(Watched { source: file, watch, done: 0, of: 2 * length });
    if has_extension(path, "gz") {
        text(&name, GzDecoder::new(file))
    } else {
        require(&name, length)?;
        text(&name, file)
    }
}

/// Refuses text that takes too much memory: a number takes two bytes of it or more, and eight in memory.
fn require(name: &str, length: u64) -> Result<(), DataError> {
    DataError::require_memory(name, &format!("its {length} bytes of text"), u128::from(length), 1 + 4)
}

/// Reads CSV text from any source; `name` stands for it in errors.
///
/// # Errors
///
/// As [`read_csv`].
pub fn parse_csv(name: &str, source: impl Read, options: &ReadOptions) -> Result<Dataset, DataError> {
    Table::new(name, &text(name, source)?)?.read(options)
}

/// All text of a source, with lines that end alike.
fn text(name: &str, mut source: impl Read) -> Result<Vec<u8>, DataError> {
    let mut text = Vec::new();
    let unreadable = |source| DataError::unreadable(name, source);
    while source.by_ref().take(PIECE).read_to_end(&mut text).map_err(unreadable)? > 0 {
        require(name, text.len() as u64)?;
    }
    end_lines_alike(&mut text);
    Ok(text)
}

/// Ends lines that end with a lone `\r` with `\n`, as comments have to: what follows one would belong to it.
fn end_lines_alike(text: &mut [u8]) {
    for at in 0..text.len() {
        if text[at] == b'\r' && text.get(at + 1) != Some(&b'\n') {
            text[at] = b'\n';
        }
    }
}

/// A table's text and names.
struct Table<'a> {
    name: &'a str,
    text: &'a [u8],
    dialect: Dialect,
    header: Vec<String>,
    reader: csv::Reader<&'a [u8]>,
    /// Where it was last told how far the text is taken apart.
    looked: u64,
}

impl<'a> Table<'a> {
    /// Reads the names.
    fn new(name: &'a str, text: &'a [u8]) -> Result<Self, DataError> {
        let dialect = Dialect::of(name, text)?;
        let reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(dialect.delimiter)
            .comment(Some(b'#'))
            .from_reader(&text[dialect.skip..]);
        let mut table = Self { name, text, dialect, header: Vec::new(), reader, looked: 0 };
        let Some(record) = table.next(csv::ByteRecord::new())? else {
            return Err(DataError::Empty { file: name.into() });
        };
        let mut header: Vec<String> = Vec::with_capacity(record.len());
        for at in 0..record.len() {
            header.push(table.field(&record, at, "name")?.to_owned());
        }
        while header.pop_if(|column| column.is_empty()).is_some() {}
        if header.iter().all(|column| column.parse::<f64>().is_ok()) {
            return Err(DataError::Dialect {
                file: name.into(),
                line: table.line(&record),
                problem: "the first line holds numbers, not names".into(),
                hint: "put a line before it that names the columns, such as x1,x2,y",
            });
        }
        table.header = header;
        Ok(table)
    }

    /// The next record that is not blank, in the memory of the one before.
    fn next(&mut self, mut record: csv::ByteRecord) -> Result<Option<csv::ByteRecord>, DataError> {
        loop {
            match self.reader.read_byte_record(&mut record) {
                Ok(false) => return Ok(None),
                Ok(true) if record.len() == 1 && record[0].trim_ascii().is_empty() => {}
                Ok(true) => return Ok(Some(record)),
                Err(error) => return Err(DataError::Read { file: self.name.into(), source: error.into() }),
            }
        }
    }

    /// Tells now and then how far the text is taken apart; an error where reading is to end.
    fn look(&mut self, record: &csv::ByteRecord, watch: &Watch) -> Result<(), DataError> {
        let at = record.position().map_or(0, csv::Position::byte);
        if at >= self.looked + watch::PIECE {
            self.looked = at;
            let length = self.text.len() as u64;
            watch.at(length + at, 2 * length)?;
        }
        Ok(())
    }

    /// The line a record begins on.
    fn line(&self, record: &csv::ByteRecord) -> usize {
        line_at(self.text, self.dialect.skip + record.position().map_or(0, csv::Position::byte) as usize)
    }

    fn field<'r>(&self, record: &'r csv::ByteRecord, at: usize, column: &str) -> Result<&'r str, DataError> {
        let text = std::str::from_utf8(&record[at]).map(str::trim);
        text.map_err(|_| DataError::Field {
            file: self.name.into(),
            line: self.line(record),
            column: column.into(),
            found: excerpt(&String::from_utf8_lossy(&record[at])),
            wanted: "UTF-8 text",
            hint: "save the file as UTF-8 (in a spreadsheet: \"CSV UTF-8\")",
        })
    }

    fn read(mut self, options: &ReadOptions) -> Result<Dataset, DataError> {
        let [x, y] = choose(self.name, &self.header, options)?;
        let mut classes = (options.one_hot && y.len() == 1).then(Classes::default);
        let numbers = if classes.is_some() { vec![&x] } else { vec![&x, &y] };
        let mut values = [Vec::new(), Vec::new()];
        let mut decimal = Decimal::Unknown;
        let (mut next, mut empty) = (csv::ByteRecord::new(), None);
        while let Some(record) = self.next(next)? {
            self.look(&record, &options.watch)?;
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                // The end of the table, unless another line follows.
                empty.get_or_insert(record);
                next = csv::ByteRecord::new();
                continue;
            }
            // A line of holes before the end of the table.
            if let Some(hole) = empty {
                self.check(&hole)?;
                let (wanted, hint) = Decimal::advice("");
                return Err(self.bad(&hole, x[0], wanted, hint));
            }
            self.check(&record)?;
            for (columns, values) in numbers.iter().zip(&mut values) {
                for &at in *columns {
                    values.push(self.number(&record, at, &mut decimal)?);
                }
            }
            if let Some(classes) = &mut classes {
                let column = &self.header[y[0]];
                let class = self.field(&record, y[0], column)?;
                classes.push(class).map_err(|wanted| self.bad(&record, y[0], wanted, "name a class in every line"))?;
            }
            next = record;
        }
        let [inputs, targets] = values;
        let header = &mut self.header;
        let mut names = |columns: &[usize]| columns.iter().map(|at| std::mem::take(&mut header[*at])).collect();
        let data = match classes {
            None => Dataset::new(self.name, inputs, x.len(), targets, y.len(), None)?,
            Some(classes) => Dataset::of_classes(self.name, inputs, x.len(), classes)?,
        };
        let (input_names, target_names) = (names(&x), names(&y));
        Ok(Dataset { input_names, target_names, ..data })
    }

    /// What each column holds, and which would be read.
    fn survey(mut self, options: &ReadOptions) -> Result<Survey, DataError> {
        let [inputs, targets] = choose(self.name, &self.header, options)?;
        let mut entries = vec![Entries::default(); self.header.len()];
        let mut decimal = Decimal::Unknown;
        let mut next = csv::ByteRecord::new();
        while let Some(record) = self.next(next)? {
            self.look(&record, &options.watch)?;
            if record.iter().any(|field| !field.trim_ascii().is_empty()) {
                self.check(&record)?;
                for (at, entries) in entries.iter_mut().enumerate() {
                    let field = self.field(&record, at, &self.header[at])?;
                    if field.is_empty() {
                        entries.holes += 1;
                    } else if decimal.number(field, self.dialect.delimiter == b';').is_some() {
                        entries.numbers += 1;
                    } else {
                        entries.texts += 1;
                    }
                }
            }
            next = record;
        }
        Ok(Survey { names: self.header, entries, inputs, targets })
    }

    /// Refuses a record that has not one field for each name.
    fn check(&self, record: &csv::ByteRecord) -> Result<(), DataError> {
        let expected = self.header.len();
        let filled = (0..record.len()).rev().find(|at| !record[*at].trim_ascii().is_empty()).map_or(0, |at| at + 1);
        let detail = match self.header.get(record.len()) {
            Some(missing) => format!("column `{missing}` is missing"),
            None if filled > expected => {
                format!("there are more after the last column, `{}`", self.header[expected - 1])
            }
            None => return Ok(()),
        };
        let found = record.len();
        Err(DataError::Ragged { file: self.name.into(), line: self.line(record), expected, found, detail })
    }

    fn number(&self, record: &csv::ByteRecord, at: usize, decimal: &mut Decimal) -> Result<f64, DataError> {
        let field = self.field(record, at, &self.header[at])?;
        decimal.number(field, self.dialect.delimiter == b';').ok_or_else(|| {
            let (wanted, hint) = Decimal::advice(field);
            self.bad(record, at, wanted, hint)
        })
    }

    fn bad(&self, record: &csv::ByteRecord, at: usize, wanted: &'static str, hint: &'static str) -> DataError {
        DataError::Field {
            file: self.name.into(),
            line: self.line(record),
            column: self.header[at].clone(),
            found: excerpt(&String::from_utf8_lossy(record[at].trim_ascii())),
            wanted,
            hint,
        }
    }
}

#[cfg(test)]
mod tests;
