//! A table's file as columns, each of one type, for who computes with them.

use logscape::model::panics::caught;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use std::fs::File;
use std::path::Path;

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values, one for each row.
    pub values: Values,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Truth values.
    Flags(Vec<bool>),
    /// Counts and numbers of things, none of which is negative.
    Counts(Vec<i64>),
    /// Real numbers.
    Reals(Vec<f64>),
    /// Words.
    Words(Vec<String>),
    /// A list of real numbers in each row.
    Lists(Vec<Vec<f64>>),
}

/// The columns of the table at `path`, in their order.
///
/// # Errors
/// If the file cannot be read, or has a column of a type that no table has.
pub(super) fn columns(path: &Path) -> Result<Vec<Column>> {
    let file = File::open(path)?;
    let damaged = || ParquetError::General("the table is damaged".to_owned());
    // For some damage the reader panics.
    caught(|| read(&SerializedFileReader::new(file)?)).unwrap_or_else(|| Err(damaged()))
}

fn read(reader: &SerializedFileReader<File>) -> Result<Vec<Column>> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut columns = Vec::with_capacity(schema.num_columns());
    for place in 0..schema.num_columns() {
        let name = schema.column(place).path().parts()[0].clone();
        let lists = schema.column(place).max_rep_level() > 0;
        let mut values = None;
        for group in 0..reader.num_row_groups() {
            append(&mut values, &*reader.get_row_group(group)?, place, lists)?;
        }
        columns.push(Column { name, values: values.unwrap_or(Values::Reals(Vec::new())) });
    }
    Ok(columns)
}

/// Adds the values of a column in one group of rows.
fn append(values: &mut Option<Values>, group: &dyn RowGroupReader, place: usize, lists: bool) -> Result<()> {
    let unknown = || ParquetError::General("a column is of a type that no table has".to_owned());
    let more = match group.get_column_reader(place)? {
        ColumnReader::BoolColumnReader(column) => Values::Flags(all(column)?.0),
        ColumnReader::Int64ColumnReader(column) => Values::Counts(all(column)?.0),
        ColumnReader::DoubleColumnReader(column) => match all(column)? {
            (numbers, levels) if lists => Values::Lists(split(numbers, &levels)),
            (numbers, _) => Values::Reals(numbers),
        },
        ColumnReader::ByteArrayColumnReader(column) => {
            let words = all::<parquet::data_type::ByteArrayType>(column)?.0;
            Values::Words(words.iter().map(word).collect::<Result<_>>()?)
        }
        _ => return Err(unknown()),
    };
    match (values.as_mut(), more) {
        (None, more) => *values = Some(more),
        (Some(Values::Flags(all)), Values::Flags(more)) => all.extend(more),
        (Some(Values::Counts(all)), Values::Counts(more)) => all.extend(more),
        (Some(Values::Reals(all)), Values::Reals(more)) => all.extend(more),
        (Some(Values::Words(all)), Values::Words(more)) => all.extend(more),
        (Some(Values::Lists(all)), Values::Lists(more)) => all.extend(more),
        _ => return Err(unknown()),
    }
    Ok(())
}

/// All values of a column, and in a column of lists the levels of its entries.
fn all<T: DataType>(mut column: ColumnReaderImpl<T>) -> Result<(Vec<T::T>, Levels)> {
    let (mut values, mut levels) = (Vec::new(), Levels::default());
    loop {
        let Levels { definition, repetition } = &mut levels;
        let (rows, ..) = column.read_records(1 << 16, Some(definition), Some(repetition), &mut values)?;
        if rows == 0 {
            return Ok((values, levels));
        }
    }
}

/// Where lists begin, and which entries have a number.
#[derive(Debug, Default)]
struct Levels {
    /// 0 for a list that is empty.
    definition: Vec<i16>,
    /// 0 for the first entry of a list.
    repetition: Vec<i16>,
}

/// The lists of a column.
fn split(numbers: Vec<f64>, levels: &Levels) -> Vec<Vec<f64>> {
    let mut lists: Vec<Vec<f64>> = Vec::new();
    let mut numbers = numbers.into_iter();
    for (&definition, &repetition) in levels.definition.iter().zip(&levels.repetition) {
        let number = if definition > 0 { numbers.next() } else { None };
        match lists.last_mut() {
            Some(list) if repetition > 0 => list.extend(number),
            _ => lists.push(number.into_iter().collect()),
        }
    }
    lists
}

fn word(bytes: &ByteArray) -> Result<String> {
    Ok(bytes.as_utf8()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{SpectrumRow, Tables, TrajectoryRow};

    #[test]
    fn columns_hold_what_the_rows_do() {
        let folder = tempfile::tempdir().expect("a folder");
        // More than are read at once.
        let count = 70_000;
        let spectrum: Vec<SpectrumRow> = (0..count)
            .map(|k| SpectrumRow { rank: k, eigenvalue: 1.0 / (k + 1) as f64, residual: 1e-12, outlier: k % 3 == 0 })
            .collect();
        let row = |k: u64, theta: &[f64]| TrajectoryRow {
            dynamics: format!("dynamics-{k}"),
            step: k,
            theta: theta.to_vec(),
            ..TrajectoryRow::default()
        };
        let trajectories = vec![row(0, &[1.0, 2.0]), row(1, &[3.0, 4.0]), row(2, &[5.0, 6.0])];
        let tables = Tables { spectrum: spectrum.clone(), trajectories, ..Tables::default() };
        tables.write(folder.path()).expect("written");
        let listed: Vec<_> =
            Tables::list_in(folder.path()).expect("read").iter().map(|(name, _, rows)| (*name, *rows)).collect();
        assert_eq!(listed, [("spectrum", 70_000), ("trajectories", 3)]);
        let found = columns(&folder.path().join("spectrum.parquet")).expect("read");
        let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["rank", "eigenvalue", "residual", "outlier"]);
        assert_eq!(found[0].values, Values::Counts((0..count.cast_signed()).collect()));
        assert_eq!(found[1].values, Values::Reals(spectrum.iter().map(|row| row.eigenvalue).collect()));
        assert_eq!(found[3].values, Values::Flags(spectrum.iter().map(|row| row.outlier).collect()));
        let found = columns(&folder.path().join("trajectories.parquet")).expect("read");
        assert_eq!(found[1].values, Values::Words((0..3).map(|k| format!("dynamics-{k}")).collect()));
        let lists = vec![vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
        assert_eq!(found[6], Column { name: "theta".to_owned(), values: Values::Lists(lists) });
    }

    #[test]
    fn a_file_that_is_no_table_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spectrum.parquet");
        assert!(columns(&path).is_err());
        let rows = vec![SpectrumRow { rank: 1, ..SpectrumRow::default() }; 1000];
        Tables { spectrum: rows, ..Tables::default() }.write(folder.path()).expect("written");
        let whole = std::fs::read(&path).expect("bytes");
        for place in (4..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            std::fs::write(&path, bytes).expect("written");
            // Whatever it says, it does not panic.
            let _ = columns(&path);
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        assert!(columns(&path).is_err());
    }
}
