//! The entries of one column in one group of rows.

use std::sync::Arc;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;

use super::super::DataError;
use super::super::table::{self, Entry, Take};
use super::pages::{Packing, Pages, Source};
use crate::model::panics::caught;

/// Entries that are decoded at a time.
const BATCH: usize = 1 << 14;

/// One column in one group of rows.
pub(super) struct Chunk<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) metadata: &'a ColumnChunkMetaData,
    pub(super) rows: usize,
    /// Whether integers have no sign.
    pub(super) unsigned: bool,
    /// Of the column.
    pub(super) name: &'a str,
}

impl Chunk<'_> {
    /// Hands each entry to `take`, in the order of rows; there are as many as rows.
    pub(super) fn entries(&self, take: &mut Take) -> Result<(), DataError> {
        let reader = self.guard(|| {
            let pages = Pages::of(self.source, self.metadata, self.rows)?;
            Ok(get_column_reader(self.metadata.column_descr_ptr(), Box::new(pages)))
        })?;
        match reader {
            ColumnReader::BoolColumnReader(reader) => self.each(reader, |value| Entry::Whole((*value).into()), take),
            ColumnReader::Int32ColumnReader(reader) if self.unsigned => {
                self.each(reader, |value| Entry::Whole(value.cast_unsigned().into()), take)
            }
            ColumnReader::Int32ColumnReader(reader) => self.each(reader, |value| Entry::Whole((*value).into()), take),
            ColumnReader::Int64ColumnReader(reader) if self.unsigned => {
                self.each(reader, |value| Entry::Whole(value.cast_unsigned().into()), take)
            }
            ColumnReader::Int64ColumnReader(reader) => self.each(reader, |value| Entry::Whole((*value).into()), take),
            ColumnReader::FloatColumnReader(reader) => self.each(reader, |value| Entry::Real((*value).into()), take),
            ColumnReader::DoubleColumnReader(reader) => self.each(reader, |value| Entry::Real(*value), take),
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.each(reader, |value| value.as_utf8().map_or(Entry::Bytes, Entry::Text), take)
            }
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => Err(self.damaged()),
        }
    }

    fn each<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        entry: impl for<'v> Fn(&'v T::T) -> Entry<'v>,
        take: &mut Take,
    ) -> Result<(), DataError> {
        // The level of an entry that is there; without levels all are.
        let full = self.metadata.column_descr().max_def_level();
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let mut left = self.rows;
        while left > 0 {
            values.clear();
            levels.clear();
            let most = left.min(BATCH);
            let (count, ..) = self.guard(|| reader.read_records(most, Some(&mut levels), None, &mut values))?;
            if full == 0 {
                levels.resize(values.len(), 0);
            }
            if count == 0 || levels.len() != count {
                return Err(self.damaged());
            }
            left -= count;
            let mut values = values.iter();
            for level in &levels {
                take(if *level == full { entry(values.next().ok_or_else(|| self.damaged())?) } else { Entry::Null })?;
            }
        }
        Ok(())
    }

    /// What the reader of the format returns, which says little of damage, and panics at some.
    fn guard<V>(&self, work: impl FnOnce() -> ParquetResult<V>) -> Result<V, DataError> {
        match caught(work) {
            Some(Ok(value)) => Ok(value),
            Some(Err(ParquetError::External(error))) => {
                Err(error.downcast::<DataError>().map_or_else(|_| self.damaged(), |error| *error))
            }
            _ => Err(self.damaged()),
        }
    }

    fn damaged(&self) -> DataError {
        DataError::damaged(&self.source.name, &table::column(self.name))
    }
}

/// Refuses a column that is packed in a way that is not read.
pub(super) fn check_codec(file: &str, chunk: &ColumnChunkMetaData) -> Result<(), DataError> {
    let Err(codec) = Packing::of(chunk.compression()) else { return Ok(()) };
    let hint = "write it again with snappy: pandas, `df.to_parquet(path, compression=\"snappy\")`; polars, `df.write_parquet(path, compression=\"snappy\")`";
    let place = format!("compression of column `{}`", chunk.column_path().string());
    Err(DataError::format_with(file, &place, &codec, "snappy, zstd, gzip or none", hint))
}
