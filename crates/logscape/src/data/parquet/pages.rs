//! Pages of a Parquet file, of which none is unpacked before its size is known to be possible and within the limit of memory.

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;
use snap::raw::{Decoder, decompress_len};

use super::super::DataError;
use super::super::watch::PIECE;
use super::{delta, footer};

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

/// How pages are packed.
#[derive(Clone, Copy)]
pub(super) enum Packing {
    None,
    Snappy,
    Gzip,
    Zstd,
}

impl Packing {
    /// That of a column; the name of one that is not read otherwise.
    pub(super) fn of(compression: Compression) -> std::result::Result<Self, &'static str> {
        match compression {
            Compression::UNCOMPRESSED => Ok(Self::None),
            Compression::SNAPPY => Ok(Self::Snappy),
            Compression::GZIP(_) => Ok(Self::Gzip),
            Compression::ZSTD(_) => Ok(Self::Zstd),
            Compression::LZO => Err("LZO"),
            Compression::BROTLI(_) => Err("brotli"),
            Compression::LZ4 | Compression::LZ4_RAW => Err("LZ4"),
        }
    }
}

/// The pages of one column in one group of rows, unpacked.
pub(super) struct Pages {
    source: Arc<Source>,
    packed: SerializedPageReader<Source>,
    packing: Packing,
    /// Whether an entry may be absent, which levels then tell.
    nullable: bool,
}

impl Pages {
    /// Those of a column that is packed in a way that is read.
    pub(super) fn of(source: &Arc<Source>, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Self> {
        let unread = |codec: &str| ParquetError::NYI(codec.into());
        let packing = Packing::of(chunk.compression()).map_err(unread)?;
        // As they are in the file.
        let chunk = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let nullable = chunk.column_descr().max_def_level() > 0;
        let packed = SerializedPageReader::new(Arc::clone(source), &chunk, rows, None)?;
        Ok(Self { source: Arc::clone(source), packed, packing, nullable })
    }

    /// The bytes of a page, of which the first `plain` are never packed.
    fn unpack(&self, bytes: &Bytes, plain: usize) -> Result<Bytes> {
        let damaged = || ParquetError::General("a page is damaged".into());
        let packed = bytes.get(plain..).ok_or_else(damaged)?;
        if packed.is_empty() {
            return Ok(bytes.clone());
        }
        let mut unpacked = bytes[..plain].to_vec();
        match self.packing {
            Packing::None => return Ok(bytes.clone()),
            Packing::Snappy => {
                let length = decompress_len(packed)?;
                if length > RATIO * packed.len() {
                    return Err(damaged());
                }
                self.require("a page", length, 1)?;
                unpacked.resize(plain + length, 0);
                Decoder::new().decompress(packed, &mut unpacked[plain..])?;
            }
            Packing::Gzip => self.pour(&mut MultiGzDecoder::new(packed), &mut unpacked)?,
            Packing::Zstd => {
                let mut decoder = StreamingDecoder::new(packed).map_err(|_| damaged())?;
                self.pour(&mut decoder, &mut unpacked)?;
            }
        }
        Ok(unpacked.into())
    }

    /// Adds to `unpacked` what the source has, as long as there is memory for that and as much that a decoder keeps.
    fn pour(&self, source: &mut impl Read, unpacked: &mut Vec<u8>) -> Result<()> {
        loop {
            self.require("a page", unpacked.len() + PIECE as usize, 3)?;
            if source.by_ref().take(PIECE).read_to_end(unpacked)? == 0 {
                return Ok(());
            }
        }
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
            Page::DataPage { buf, .. } => {
                *buf = self.unpack(buf, 0)?;
            }
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
        if delta::is_sound(&page, self.nullable) {
            Ok(Some(page))
        } else {
            Err(ParquetError::General("a page is damaged".into()))
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}
