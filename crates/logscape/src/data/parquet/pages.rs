//! Pages of a Parquet file, of which none is unpacked before its size is known to be possible and within the limit of memory.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use snap::raw::{Decoder, decompress_len};

use super::super::DataError;
use super::footer;

/// Bytes of which snappy can make one at most: three bytes repeat up to 64.
const RATIO: usize = 22;
/// Bytes that an entry of a dictionary takes in the file, at least, and in memory, at most.
const ENTRY: [usize; 2] = [4, 32];

/// Bytes within which the description of a page ends, nearly always, and unless its values are long.
const HEADERS: [u64; 2] = [1 << 9, 1 << 16];

/// A file, of which no more is read than there is.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) file: File,
    pub(super) length: u64,
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Source {
    type T = BufReader<File>;

    /// For what describes a page, which is looked through before.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let rest = self.length.saturating_sub(start);
        let mut sizes = HEADERS.into_iter().filter(|size| *size < rest).chain([rest]);
        let is_whole = sizes.try_fold(false, |found, size| -> Result<bool> {
            Ok(found || footer::is_whole(&self.get_bytes(start, size as usize)?))
        })?;
        if !is_whole {
            return Err(ParquetError::General("the description of a page is damaged".into()));
        }
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF("the file ends before".into()));
        }
        self.file.get_bytes(start, length)
    }
}

/// The pages of one column in one group of rows, unpacked.
pub(super) struct Pages {
    source: Arc<Source>,
    packed: SerializedPageReader<Source>,
    is_packed: bool,
}

impl Pages {
    /// Those of a column that is packed by snappy or not at all.
    pub(super) fn of(source: &Arc<Source>, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Self> {
        let is_packed = chunk.compression() != Compression::UNCOMPRESSED;
        // As they are in the file.
        let chunk = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let packed = SerializedPageReader::new(Arc::clone(source), &chunk, rows, None)?;
        Ok(Self { source: Arc::clone(source), packed, is_packed })
    }

    /// The bytes of a page, of which the first `plain` are never packed.
    fn unpack(&self, bytes: &Bytes, plain: usize) -> Result<Bytes> {
        let damaged = || ParquetError::General("a page is damaged".into());
        let packed = bytes.get(plain..).ok_or_else(damaged)?;
        if !self.is_packed || packed.is_empty() {
            return Ok(bytes.clone());
        }
        let length = decompress_len(packed)?;
        if length > RATIO * packed.len() {
            return Err(damaged());
        }
        self.require("a page", length, 1)?;
        let mut unpacked = vec![0; plain + length];
        unpacked[..plain].copy_from_slice(&bytes[..plain]);
        Decoder::new().decompress(packed, &mut unpacked[plain..])?;
        Ok(unpacked.into())
    }

    fn require(&self, what: &str, count: usize, bytes_each: usize) -> Result<()> {
        DataError::require_memory(&self.source.name, what, count as u128, bytes_each as u128)
            .map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.packed.get_next_page()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } => *buf = self.unpack(buf, 0)?,
            Page::DataPageV2 { buf, is_compressed, def_levels_byte_len, rep_levels_byte_len, .. } if *is_compressed => {
                *buf = self.unpack(buf, (*def_levels_byte_len + *rep_levels_byte_len) as usize)?;
            }
            Page::DataPageV2 { .. } => {}
            Page::DictionaryPage { buf, num_values, .. } => {
                *buf = self.unpack(buf, 0)?;
                let (entries, [least, most]) = (*num_values as usize, ENTRY);
                if entries > buf.len() / least {
                    return Err(ParquetError::General("a dictionary is damaged".into()));
                }
                self.require("a dictionary", entries, most)?;
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}
