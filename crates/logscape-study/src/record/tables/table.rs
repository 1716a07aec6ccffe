//! What every table has, and how it is written and read as a Parquet file.

use super::row;
use logscape::SgdSettings;
use logscape::model::panics::caught;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RecordWriter;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A row of a table. It is written and read through `parquet`'s traits, which are derived where every column is one number or word.
pub trait Table: Sized {
    /// What the table holds, in words.
    const MEANING: &'static str;

    /// Adds the rows of another setting.
    fn extend(rows: &mut Vec<Self>, more: Vec<Self>) {
        rows.extend(more);
    }
}

/// Setting, SGD's numbers in it, and the dynamics.
pub(crate) type Place<'a> = (usize, &'a SgdSettings, &'a str);

/// How every table is written.
fn properties() -> Arc<WriterProperties> {
    Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build())
}

/// Writes `NAME.parquet` into `folder`; nothing without rows.
pub(super) fn write<T>(folder: &Path, name: &str, rows: &[T]) -> Result<(), ParquetError>
where
    for<'a> &'a [T]: RecordWriter<T>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let file = File::create(folder.join(format!("{name}.parquet")))?;
    let mut writer = SerializedFileWriter::new(file, rows.schema()?, properties())?;
    let mut group = writer.next_row_group()?;
    rows.write_to_row_group(&mut group)?;
    group.close()?;
    writer.into_inner()?.sync_all()?;
    Ok(())
}

/// Number of rows of `NAME.parquet` in `folder`; none without the file.
pub(super) fn rows(folder: &Path, name: &str) -> Result<Option<usize>, ParquetError> {
    let path = folder.join(format!("{name}.parquet"));
    if !path.exists() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let damaged = || ParquetError::General(format!("{name} is damaged"));
    let reader = caught(|| SerializedFileReader::new(file)).unwrap_or_else(|| Err(damaged()))?;
    Ok(Some(usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0)))
}

/// Reads `NAME.parquet` in `folder`; no rows without the file.
pub(super) fn read<T>(folder: &Path, name: &str) -> Result<Vec<T>, ParquetError>
where
    T: DeserializeOwned,
    for<'a> &'a [T]: RecordWriter<T>,
{
    let path = folder.join(format!("{name}.parquet"));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let own = (&[][..] as &[T]).schema()?;
    for column in reader.metadata().file_metadata().schema().get_fields() {
        if !own.get_fields().contains(column) {
            return Err(ParquetError::General(format!("{name} has no column `{}` of this type", column.name())));
        }
    }
    // What the reader says of damage is a dump of its bytes, and for some damage it panics.
    let damaged = || ParquetError::General(format!("{name} is damaged"));
    let rows = || reader.get_row_iter(None)?.map(|row| row::read(&row.map_err(|_| damaged())?)).collect();
    caught(rows).unwrap_or_else(|| Err(damaged()))
}
