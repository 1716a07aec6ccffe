//! Reads a data set from the columns of a Parquet file.

mod column;
mod footer;
mod kind;
mod pages;

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy, RowGroupMetaData,
};
use parquet::schema::types::SchemaDescriptor;

use self::column::{Chunk, Entry, check_codec, damaged};
use self::kind::Kind;
use self::pages::Source;
use super::classes::Classes;
use super::columns::choose;
use super::format::{Entries, Format, ReadOptions, Survey, has_extension};
use super::{DataError, Dataset};
use crate::model::panics::caught;

/// Entries that are read before the next look at whether reading is to end.
const ENTRIES: u64 = 1 << 14;
/// What the columns are called that pandas keeps the numbers of rows in: this, a number, and `__`.
const INDEX: &str = "__index_level_";

/// The format of [`read_parquet`].
#[derive(Debug, Clone, Copy)]
pub struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "Parquet"
    }

    fn looks_like(&self) -> &'static str {
        "a `.parquet` file of columns of numbers, or of text as classes"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "parquet")
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        read_parquet(path, options)
    }

    fn survey(&self, path: &Path, options: &ReadOptions) -> Result<Option<Survey>, DataError> {
        Table::open(path, options)?.survey().map(Some)
    }
}

/// Reads a Parquet file whose columns are not nested, and are packed by snappy, zstd or gzip, or not at all.
///
/// Columns hold integers of every width, with a sign or without, up to `2⁵³`; reals of 4 or 8 bytes; booleans, as 0 and 1. One that
/// holds text can be the target, as classes. The columns in which pandas keeps the numbers of rows have no name here.
///
/// # Errors
///
/// [`DataError`] with row and column for a null and for a number that is not finite or not exact, with the column where it holds
/// anything else, is missing or named twice, and for a file that is packed otherwise, damaged, or without samples.
pub fn read_parquet(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    Ok(Table::open(path, options)?.read()?.read_from(&[path]))
}

/// A table's file and names.
struct Table<'a> {
    options: &'a ReadOptions<'a>,
    source: Arc<Source>,
    metadata: ParquetMetaData,
    header: Vec<String>,
    columns: Vec<Column>,
    rows: usize,
    /// Entries that were read, of those that are to be.
    done: Cell<u64>,
    of: u64,
}

/// What a column holds, and where it is among those that the schema's fields come to.
struct Column {
    kind: Kind,
    leaf: usize,
}

impl<'a> Table<'a> {
    /// Reads what the end of the file says of its columns.
    fn open(path: &Path, options: &'a ReadOptions) -> Result<Self, DataError> {
        let name = path.display().to_string();
        if path.is_dir() {
            let hint = "join its files in one: `pd.read_parquet(folder).to_parquet(file)`";
            return Err(DataError::format_with(&name, "path", &"a folder", "a file", hint));
        }
        let mut file = File::open(path).map_err(DataError::read(path))?;
        let length = file.metadata().map_err(DataError::read(path))?.len();
        let description = footer::description(&name, path, &mut file, length)?;
        let source = Source { name, file, length };
        let table = caught(|| {
            if !footer::is_sound(&description) {
                return None;
            }
            let options = ParquetMetaDataOptions::new().with_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
            let metadata = ParquetMetaDataReader::decode_metadata_with_options(&description, Some(&options)).ok()?;
            let (header, columns) = columns_of(metadata.file_metadata().schema_descr());
            let rows = |group: &RowGroupMetaData| usize::try_from(group.num_rows()).ok();
            let rows = metadata.row_groups().iter().try_fold(0_usize, |sum, group| sum.checked_add(rows(group)?))?;
            Some((metadata, header, columns, rows))
        });
        match table.flatten() {
            Some((.., 0)) => Err(DataError::Empty { file: source.name }),
            Some((metadata, header, columns, rows)) => {
                let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
                chunks.into_iter().try_for_each(|chunk| check_codec(&source.name, chunk))?;
                Ok(Self {
                    options,
                    source: Arc::new(source),
                    metadata,
                    header,
                    columns,
                    rows,
                    done: Cell::new(0),
                    of: 0,
                })
            }
            None => Err(damaged(&source.name, "the description of its columns")),
        }
    }

    fn read(mut self) -> Result<Dataset, DataError> {
        let name = self.source.name.clone();
        let [x, y] = choose(&name, &self.header, self.options)?;
        let by_class = self.options.one_hot && y.len() == 1;
        self.of = self.rows as u64 * (x.len() + y.len()) as u64;
        x.iter().try_for_each(|at| self.check(*at, false))?;
        y.iter().try_for_each(|at| self.check(*at, by_class))?;
        let what = format!("{} × {} numbers", self.rows, x.len() + y.len());
        DataError::require_memory(&name, &what, self.rows as u128 * (x.len() + 2 * y.len()) as u128, 8)?;
        let inputs = self.numbers(&x)?;
        let data = if by_class {
            let mut classes = Classes::default();
            self.column(y[0], &mut |row, entry| {
                let label = match entry {
                    Entry::Text(text) => text.to_owned(),
                    Entry::Bytes => {
                        return Err(self.bad(
                            row,
                            y[0],
                            &"bytes",
                            "text in UTF-8",
                            "write the column as text in UTF-8",
                        ));
                    }
                    entry => self.number(row, y[0], &entry)?.to_string(),
                };
                let hint = "name a class in every row, or drop those without one";
                classes.push(&label).map_err(|wanted| self.bad(row, y[0], &label, wanted, hint))
            })?;
            Dataset::of_classes(&name, inputs, x.len(), classes)?
        } else {
            let targets = self.numbers(&y)?;
            Dataset::new(&name, inputs, x.len(), targets, y.len(), None)?
        };
        let header = &mut self.header;
        let mut names = |columns: &[usize]| columns.iter().map(|at| std::mem::take(&mut header[*at])).collect();
        let (input_names, target_names) = (names(&x), names(&y));
        Ok(Dataset { input_names, target_names, ..data })
    }

    /// What each column holds, and which would be read.
    fn survey(mut self) -> Result<Survey, DataError> {
        let [inputs, targets] = choose(&self.source.name, &self.header, self.options)?;
        self.of = self.rows as u64 * self.header.len() as u64;
        let mut entries = vec![Entries::default(); self.header.len()];
        for (at, entries) in entries.iter_mut().enumerate() {
            if matches!(self.columns[at].kind, Kind::Other { .. }) {
                continue;
            }
            self.column(at, &mut |_, entry| {
                match entry {
                    Entry::Null => entries.holes += 1,
                    Entry::Real(value) if !value.is_finite() => entries.texts += 1,
                    Entry::Real(_) | Entry::Whole(_) => entries.numbers += 1,
                    Entry::Text(_) | Entry::Bytes => entries.texts += 1,
                }
                Ok(())
            })?;
        }
        Ok(Survey { names: self.header, entries, inputs, targets })
    }

    /// Refuses a column that holds no numbers, nor text where that is wanted.
    fn check(&self, at: usize, text: bool) -> Result<(), DataError> {
        let (what, hint) = match self.columns[at].kind {
            Kind::Numbers { .. } => return Ok(()),
            Kind::Text if text => return Ok(()),
            Kind::Text => (
                "text",
                "leave the column out of `inputs` and `targets`, or name it as the one target, of classes, with `one_hot = true`",
            ),
            Kind::Other { what, hint } => (what, hint),
        };
        let (file, column) = (self.source.name.clone(), self.header[at].clone());
        Err(DataError::Column { file, column, problem: format!("holds {what}"), hint })
    }

    /// Rows of the numbers in these columns.
    fn numbers(&self, columns: &[usize]) -> Result<Vec<f64>, DataError> {
        let mut values = vec![0.0; self.rows * columns.len()];
        for (place, at) in columns.iter().enumerate() {
            self.column(*at, &mut |row, entry| {
                values[row * columns.len() + place] = self.number(row, *at, &entry)?;
                Ok(())
            })?;
        }
        Ok(values)
    }

    /// Hands each entry of a column to `take`, with its row from 0.
    fn column(&self, at: usize, take: &mut dyn FnMut(usize, Entry) -> Result<(), DataError>) -> Result<(), DataError> {
        let Column { kind, leaf } = self.columns[at];
        let (source, name) = (&self.source, &*self.header[at]);
        let unsigned = kind == Kind::Numbers { unsigned: true };
        let mut row = 0;
        for group in self.metadata.row_groups() {
            let (metadata, rows) = (group.column(leaf), group.num_rows() as usize);
            Chunk { source, metadata, rows, unsigned, name }.entries(&mut |entry| {
                take(row, entry)?;
                row += 1;
                self.done.set(self.done.get() + 1);
                if self.done.get().is_multiple_of(ENTRIES) {
                    self.options.watch.at(self.done.get(), self.of)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The number that an entry is.
    fn number(&self, row: usize, at: usize, entry: &Entry) -> Result<f64, DataError> {
        const MAX_EXACT: u64 = 1 << 53;
        match entry {
            Entry::Real(value) if value.is_finite() => Ok(*value),
            Entry::Whole(value) if value.unsigned_abs() <= MAX_EXACT.into() => Ok(*value as f64),
            Entry::Real(value) => {
                let hint = "correct or drop the row, or leave the column out of `inputs` and `targets`";
                Err(self.bad(row, at, value, "a finite number", hint))
            }
            Entry::Whole(value) => {
                let hint =
                    "subtract what all have in common, or write `df[\"COLUMN\"].astype(\"float64\")`, which rounds";
                Err(self.bad(row, at, value, "an integer of at most 2^53", hint))
            }
            Entry::Null => {
                let hint =
                    "fill in or drop the row, as `df.dropna()` does, or leave the column out of `inputs` and `targets`";
                Err(self.bad(row, at, &"null", "a value", hint))
            }
            Entry::Text(_) | Entry::Bytes => Err(damaged(&self.source.name, &format!("column `{}`", self.header[at]))),
        }
    }

    fn bad(&self, row: usize, at: usize, found: &dyn ToString, wanted: &str, hint: &'static str) -> DataError {
        let place = format!("row {}, column `{}`", row + 1, self.header[at]);
        DataError::format_with(&self.source.name, &place, found, wanted, hint)
    }
}

/// The names of the schema's fields, and what they hold.
fn columns_of(schema: &SchemaDescriptor) -> (Vec<String>, Vec<Column>) {
    let fields = schema.root_schema().get_fields();
    let mut columns: Vec<Column> = fields.iter().map(|field| Column { kind: Kind::of(field), leaf: 0 }).collect();
    (0..schema.num_columns()).for_each(|leaf| columns[schema.get_column_root_idx(leaf)].leaf = leaf);
    let header = fields.iter().map(|field| match field.name() {
        name if name.starts_with(INDEX) => String::new(),
        name => name.to_owned(),
    });
    (header.collect(), columns)
}

#[cfg(test)]
mod tests;
