//! Reads a data set from the named columns of a CSV file.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::format::{CsvColumns, Format, ReadOptions, has_extension};
use super::{DataError, Dataset};

/// The format of [`read_csv`].
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "CSV"
    }

    fn looks_like(&self) -> &'static str {
        "a `.csv` file whose first line names its columns"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "csv")
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        read_csv(path, &options.columns)
    }
}

/// Reads a CSV file whose first line names its columns.
///
/// # Errors
///
/// [`DataError`] with line and column for a hole, an entry that is not a finite number, a line with too few or too many
/// fields, a column that is missing or named twice, and a file without samples.
pub fn read_csv(path: &Path, columns: &CsvColumns) -> Result<Dataset, DataError> {
    let file = File::open(path).map_err(DataError::read(path))?;
    // A number takes two bytes of text or more, and eight in memory.
    let length = file.metadata().map_or(0, |file| file.len());
    let name = path.display().to_string();
    DataError::require_memory(&name, &format!("its {length} bytes of text"), u128::from(length), 1 + 4)?;
    Ok(parse_csv(&name, file, columns)?.read_from(&[path]))
}

/// Reads CSV text from any source; `name` stands for it in errors.
///
/// # Errors
///
/// As [`read_csv`].
pub fn parse_csv(name: &str, mut source: impl Read, columns: &CsvColumns) -> Result<Dataset, DataError> {
    let mut text = Vec::new();
    source.read_to_end(&mut text).map_err(|source| DataError::Read { file: name.into(), source })?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&text[..]);
    let headers = reader.headers().map_err(|e| unreadable(name, &text, e))?;
    let header: Vec<String> = headers.iter().map(Into::into).collect();
    if header.is_empty() {
        return Err(DataError::Empty { file: name.into() });
    }
    check_header(name, &header)?;
    let x = select(name, &header, &columns.inputs)?;
    let y = select(name, &header, &columns.targets)?;
    let asked: HashSet<usize> = y.iter().copied().collect();
    if let Some(both) = x.iter().find(|at| asked.contains(at)) {
        return Err(column_error(name, &header[*both], "is asked for both as input and as target"));
    }
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(name, &text, e))?;
        if record.len() != header.len() {
            return Err(ragged(name, line_of(&text, record.position()), &header, record.len()));
        }
        for (columns, values) in [(&x, &mut inputs), (&y, &mut targets)] {
            for &at in columns {
                values.push(number(&record[at]).ok_or_else(|| bad_entry(name, &text, &record, at, &header[at]))?);
            }
        }
    }
    Dataset::new(name, inputs, x.len(), targets, y.len(), None)
}

fn check_header(name: &str, header: &[String]) -> Result<(), DataError> {
    // There may be a hundred thousand columns, and each is to be looked at once.
    let mut known = HashSet::new();
    match header.iter().find(|column| !known.insert(*column)) {
        Some(twice) => Err(column_error(name, twice, "is named twice in the header")),
        None => Ok(()),
    }
}

/// The positions of the columns that the patterns name, each once.
fn select(name: &str, header: &[String], patterns: &[String]) -> Result<Vec<usize>, DataError> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut taken = HashSet::new();
    for pattern in patterns {
        let stem = pattern.strip_suffix('*');
        if stem.unwrap_or(pattern).contains('*') {
            return Err(column_error(name, pattern, "is a pattern with `*` before its end"));
        }
        let matches = |column: &String| stem.map_or(column == pattern, |stem| column.starts_with(stem));
        let mut known = false;
        for at in (0..header.len()).filter(|at| matches(&header[*at])) {
            known = true;
            if taken.insert(at) {
                chosen.push(at);
            }
        }
        if !known {
            let available = header.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
            return Err(DataError::MissingColumn { file: name.into(), column: pattern.clone(), available });
        }
    }
    Ok(chosen)
}

fn number(field: &str) -> Option<f64> {
    field.parse().ok().filter(|value: &f64| value.is_finite())
}

fn bad_entry(name: &str, text: &[u8], record: &csv::StringRecord, at: usize, column: &str) -> DataError {
    let found = &record[at];
    DataError::Field {
        file: name.into(),
        line: line_of(text, record.position()),
        column: column.into(),
        found: found.into(),
        wanted: if found.is_empty() { "a number, not a hole".into() } else { "a finite number".into() },
    }
}

/// The line a record begins on; its position is where the one before it ended, which blank lines may follow.
fn line_of(text: &[u8], position: Option<&csv::Position>) -> usize {
    let end = position.map_or(0, csv::Position::byte) as usize;
    let blank = text.iter().skip(end).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    text.iter().take(end + blank).filter(|byte| **byte == b'\n').count() + 1
}

fn ragged(name: &str, line: usize, header: &[String], found: usize) -> DataError {
    let detail = match header.get(found) {
        Some(missing) => format!("column `{missing}` is missing"),
        None => format!("there are more after the last column, `{}`", header[header.len() - 1]),
    };
    DataError::Ragged { file: name.into(), line, expected: header.len(), found, detail }
}

fn column_error(name: &str, column: &str, problem: &str) -> DataError {
    DataError::Column { file: name.into(), column: column.into(), problem: problem.into() }
}

/// A file that cannot be read, or that is not text.
fn unreadable(name: &str, text: &[u8], error: csv::Error) -> DataError {
    let line = line_of(text, error.position());
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DataError::Read { file: name.into(), source },
        csv::ErrorKind::Utf8 { err, .. } => {
            DataError::format(name, &format!("line {line}"), &format!("a field with {err}"), "UTF-8 text")
        }
        other => DataError::format(name, &format!("line {line}"), &format!("{other:?}"), "comma-separated values"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Dataset, DataError> {
        parse_csv("a.csv", text.as_bytes(), &CsvColumns::default())
    }

    #[track_caller]
    fn refuses(text: &str, parts: &[&str]) {
        let message = parse(text).expect_err("must be refused").to_string();
        for part in parts.iter().chain(&["a.csv"]) {
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
    }

    #[test]
    fn columns_are_found_by_name() {
        let data = parse("y,x1,note,x2\n1,2,a,-3e1\n\n 4 , 5,\"b, c\",6.5\n").expect("valid");
        assert_eq!((data.input_dim, data.target_dim, data.len()), (2, 1, 2));
        assert_eq!((data.inputs, data.targets), (vec![2.0, -30.0, 5.0, 6.5], vec![1.0, 4.0]));
        let one = parse("\u{feff}x,y1,y2\r\n1,2,3\r\n").expect("byte-order mark and CRLF");
        assert_eq!((one.inputs, one.targets), (vec![1.0], vec![2.0, 3.0]));
    }

    #[test]
    fn chosen_columns_keep_the_order_asked_for() {
        let columns = CsvColumns { inputs: vec!["b".into(), "a*".into()], targets: vec!["c".into()] };
        let data = parse_csv("a.csv", "a1,b,a2,c\n1,2,3,4\n".as_bytes(), &columns).expect("valid");
        assert_eq!((data.inputs, data.targets), (vec![2.0, 1.0, 3.0], vec![4.0]));
    }

    #[test]
    fn bad_entries_are_named_by_line_and_column() {
        refuses("x,y\n1,2\n,4\n", &["line 3", "`x`", "hole"]);
        refuses("x,y\n1,two\n", &["line 2", "`y`", "`two`"]);
        refuses("x,y\n1,2\n\n3,NaN\n", &["line 4", "`y`", "`NaN`"]);
        refuses("x,y\r\n1,2\r\n\r\n3,\r\n", &["line 4", "`y`", "hole"]);
        refuses("x,y\n-inf,2\n", &["line 2", "`x`", "`-inf`"]);
    }

    #[test]
    fn ragged_lines_are_named() {
        refuses("x1,x2,y\n1,2,3\n4,5\n", &["line 3", "2 fields", "`y` is missing"]);
        refuses("x,y\n1,2,3\n", &["line 2", "3 fields", "after the last column, `y`"]);
    }

    #[test]
    fn missing_and_doubled_columns_are_named() {
        refuses("x,z\n1,2\n", &["`y*`", "`x`, `z`"]);
        refuses("x,y,x\n1,2,3\n", &["`x`", "twice"]);
        let both = CsvColumns { inputs: vec!["x".into()], targets: vec!["x".into()] };
        let error = parse_csv("a.csv", "x\n1\n".as_bytes(), &both).expect_err("both");
        assert!(error.to_string().contains("both as input and as target"), "{error}");
        let inner = CsvColumns { inputs: vec!["*x".into()], ..CsvColumns::default() };
        assert!(matches!(parse_csv("a.csv", "x,y\n1,2\n".as_bytes(), &inner), Err(DataError::Column { .. })));
    }

    #[test]
    fn empty_and_unreadable_files_are_refused() {
        refuses("", &["no samples"]);
        refuses("x,y\n", &["no samples"]);
        let error = parse_csv("a.csv", &b"x,y\n1,\xff\n"[..], &CsvColumns::default()).expect_err("not UTF-8");
        assert!(error.to_string().contains("line 2"), "{error}");
        let error = read_csv(Path::new("/nowhere/a.csv"), &CsvColumns::default()).expect_err("no such file");
        assert!(error.to_string().contains("/nowhere/a.csv") && !error.hint().is_empty(), "{error}");
    }
}
