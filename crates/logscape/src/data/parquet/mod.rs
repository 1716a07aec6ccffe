//! Reads a data set from the columns of a Parquet file.

mod column;
mod delta;
mod footer;
mod kind;
mod pages;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy, RowGroupMetaData,
};
use parquet::schema::types::SchemaDescriptor;

use self::column::{Chunk, check_codec};
use self::kind::{is_unsigned, kind_of};
use self::pages::Source;
use super::format::{Format, ReadOptions, Survey, has_extension};
use super::table::{Columns, Kind, Table, Take};
use super::{DataError, Dataset};
use crate::model::panics::caught;

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
        open(path, options)?.survey().map(Some)
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
    Ok(open(path, options)?.read()?.read_from(&[path]))
}

/// Reads what the end of the file says of its columns.
fn open<'a>(path: &Path, options: &'a ReadOptions) -> Result<Table<'a, Leaves>, DataError> {
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
    let Some((metadata, header, columns, rows)) = table.flatten() else {
        return Err(DataError::damaged(&source.name, "the description of its columns"));
    };
    let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    chunks.into_iter().try_for_each(|chunk| check_codec(&source.name, chunk))?;
    Table::new(Leaves { source: Arc::new(source), metadata, columns, rows }, header, options)
}

/// A file and what its columns hold.
struct Leaves {
    source: Arc<Source>,
    metadata: ParquetMetaData,
    columns: Vec<Column>,
    rows: usize,
}

/// What a column holds, and where it is among those that the schema's fields come to.
struct Column {
    kind: Kind,
    unsigned: bool,
    leaf: usize,
}

impl Columns for Leaves {
    fn file(&self) -> &str {
        &self.source.name
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn kind(&self, at: usize) -> Kind {
        self.columns[at].kind
    }

    fn entries(&self, at: usize, name: &str, take: &mut Take) -> Result<(), DataError> {
        let Column { unsigned, leaf, .. } = self.columns[at];
        for group in self.metadata.row_groups() {
            let (metadata, rows) = (group.column(leaf), group.num_rows() as usize);
            Chunk { source: &self.source, metadata, rows, unsigned, name }.entries(take)?;
        }
        Ok(())
    }
}

/// The names of the schema's fields, and what they hold.
fn columns_of(schema: &SchemaDescriptor) -> (Vec<String>, Vec<Column>) {
    let fields = schema.root_schema().get_fields();
    let column = |field| Column { kind: kind_of(field), unsigned: is_unsigned(field), leaf: 0 };
    let mut columns: Vec<Column> = fields.iter().map(|field| column(field)).collect();
    (0..schema.num_columns()).for_each(|leaf| columns[schema.get_column_root_idx(leaf)].leaf = leaf);
    (fields.iter().map(|field| field.name().to_owned()).collect(), columns)
}

#[cfg(test)]
mod tests;
