//! The values of a column in a batch of rows.

use std::cell::Cell;
use std::io::Read;

use half::f16;
use lz4_flex::frame::FrameDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::super::DataError;
use super::super::table::{self, Entry};
use super::super::watch::PIECE;
use super::batch::{Batch, Packing};
use super::schema::{Integers, Layout};
use super::source::Source;
use crate::model::panics::caught;

/// What a frame of LZ4 begins with.
const LZ4: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// Bytes of which LZ4 can make one at most.
const RATIO: usize = 255;
/// How often a buffer is in memory at most while it is unpacked: twice when it grows, and once in the decoder.
const COPIES: u64 = 3;
/// The size of what is not packed among buffers that are.
const AS_IT_IS: i64 = -1;
/// The longest text that stands in its view.
const SHORT: usize = 12;

/// A column in a batch of rows.
pub(super) struct Piece<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) batch: &'a Batch,
    /// Its place among the columns.
    pub(super) at: usize,
    /// The name of the column.
    pub(super) name: &'a str,
    /// Bytes in memory of the column so far.
    pub(super) held: &'a Cell<u64>,
}

impl Piece<'_> {
    pub(super) fn damaged(&self) -> DataError {
        DataError::damaged(&self.source.name, &table::column(self.name))
    }

    /// Its buffers, unpacked.
    fn buffers(&self) -> Result<Vec<Vec<u8>>, DataError> {
        self.batch.buffers[self.batch.columns[self.at].buffers.clone()]
            .iter()
            .map(|range| {
                self.hold(range.end - range.start, 0)?;
                let bytes = self.source.read(range.clone())?;
                match self.batch.packing {
                    Some(packing) if !bytes.is_empty() => self.unpack(&bytes, packing),
                    _ => Ok(bytes),
                }
            })
            .collect()
    }

    fn unpack(&self, bytes: &[u8], packing: Packing) -> Result<Vec<u8>, DataError> {
        let (length, packed) = bytes.split_first_chunk().ok_or_else(|| self.damaged())?;
        let length = i64::from_le_bytes(*length);
        if length == AS_IT_IS {
            return Ok(packed.to_vec());
        }
        let length = u64::try_from(length).map_err(|_| self.damaged())?;
        match packing {
            Packing::Lz4 => {
                if length > (RATIO * packed.len()) as u64 || !packed.starts_with(&LZ4) {
                    return Err(self.damaged());
                }
                // The decoder keeps two blocks, each as large as the frame says any is, and what is packed in one.
                let block = packed.get(5).map_or(0, |size| 1 << (8 + 2 * (size >> 4 & 7)));
                self.hold(length, COPIES * block)?;
                self.pour(length, || Some(FrameDecoder::new(packed)))
            }
            Packing::Zstd => {
                self.hold(length, (COPIES - 1) * length)?;
                self.pour(length, || StreamingDecoder::new(packed).ok())
            }
        }
    }

    /// The bytes that come from a decoder, which are to be so many.
    fn pour<R: Read>(&self, length: u64, decoder: impl FnOnce() -> Option<R>) -> Result<Vec<u8>, DataError> {
        let poured = caught(|| -> Result<_, DataError> {
            let mut bytes = Vec::new();
            let Some(mut decoder) = decoder() else { return Ok(None) };
            loop {
                self.source.watch.stop.check()?;
                let Ok(more) = decoder.by_ref().take(PIECE).read_to_end(&mut bytes) else { return Ok(None) };
                if more == 0 || bytes.len() as u64 > length {
                    return Ok((bytes.len() as u64 == length).then_some(bytes));
                }
            }
        });
        poured.unwrap_or(Ok(None))?.ok_or_else(|| self.damaged())
    }

    /// Refuses so many bytes, and others that are soon given back, where there is no memory for them.
    fn hold(&self, bytes: u64, beside: u64) -> Result<(), DataError> {
        self.held.set(self.held.get().saturating_add(bytes));
        let all = u128::from(self.held.get()) + u128::from(beside);
        DataError::require_memory(&self.source.name, &table::column(self.name), all, 1)
    }
}

/// Values of a column.
pub(super) struct Values {
    pub(super) rows: usize,
    /// A bit for each row that has a value; without it all have.
    present: Option<Vec<u8>>,
    data: Data,
}

/// Values as they stand in the file.
enum Data {
    Bits(Vec<u8>),
    Integers(Integers, Vec<u8>),
    Reals(usize, Vec<u8>),
    /// Bytes of a place, places where texts end, and texts.
    Texts(usize, Vec<u8>, Vec<u8>),
    Views(Vec<u8>, Vec<Vec<u8>>),
}

/// The part of this place among parts of `size` bytes.
fn part(bytes: &[u8], at: usize, size: usize) -> Option<&[u8]> {
    let start = at.checked_mul(size)?;
    bytes.get(start..start.checked_add(size)?)
}

/// The part of this place among parts of `N` bytes.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    part(bytes, at, N)?.try_into().ok()
}

/// The bit of this place.
fn bit(bytes: &[u8], at: usize) -> Option<bool> {
    Some(bytes.get(at / 8)? >> (at % 8) & 1 == 1)
}

impl Values {
    /// Those of the column, which stand in this way.
    pub(super) fn load(piece: &Piece, layout: Layout) -> Result<Self, DataError> {
        let mut buffers = piece.buffers()?.into_iter();
        let mut next = || buffers.next().ok_or_else(|| piece.damaged());
        let present = Some(next()?).filter(|bits| !bits.is_empty());
        let data = match layout {
            Layout::Bits => Data::Bits(next()?),
            Layout::Integers(integers) => Data::Integers(integers, next()?),
            Layout::Reals(bytes) => Data::Reals(bytes, next()?),
            Layout::Texts(bytes) => Data::Texts(bytes, next()?, next()?),
            Layout::Views => Data::Views(next()?, buffers.collect()),
            Layout::Other => return Err(piece.damaged()),
        };
        if piece.batch.columns[piece.at].nulls && present.is_none() {
            return Err(piece.damaged());
        }
        Ok(Self { rows: piece.batch.rows, present, data })
    }

    /// That of a row; none where there is none of it in the file.
    pub(super) fn entry(&self, row: usize) -> Option<Entry<'_>> {
        if let Some(present) = &self.present
            && !bit(present, row)?
        {
            return Some(Entry::Null);
        }
        Some(match &self.data {
            Data::Bits(bits) => Entry::Whole(bit(bits, row)?.into()),
            Data::Integers(integers, bytes) => Entry::Whole(whole(*integers, bytes, row)?),
            Data::Reals(2, bytes) => Entry::Real(f16::from_le_bytes(chunk(bytes, row)?).into()),
            Data::Reals(4, bytes) => Entry::Real(f32::from_le_bytes(chunk(bytes, row)?).into()),
            Data::Reals(_, bytes) => Entry::Real(f64::from_le_bytes(chunk(bytes, row)?)),
            Data::Texts(size, ends, letters) => {
                let place = Integers { bytes: *size, signed: true };
                let end = |at| usize::try_from(whole(place, ends, at)?).ok();
                text(letters.get(end(row)?..end(row + 1)?)?)
            }
            Data::Views(views, letters) => {
                let view = part(views, row, 16)?;
                let word = |at| Some(u32::from_le_bytes(chunk(view, at)?) as usize);
                let length = word(0)?;
                if length <= SHORT {
                    text(&view[4..4 + length])
                } else {
                    let start = word(3)?;
                    text(letters.get(word(2)?)?.get(start..start + length)?)
                }
            }
        })
    }
}

fn text(bytes: &[u8]) -> Entry<'_> {
    std::str::from_utf8(bytes).map_or(Entry::Bytes, Entry::Text)
}

/// The integer in this place.
fn whole(integers: Integers, bytes: &[u8], at: usize) -> Option<i128> {
    Some(match (integers.bytes, integers.signed) {
        (1, true) => i8::from_le_bytes(chunk(bytes, at)?).into(),
        (1, false) => u8::from_le_bytes(chunk(bytes, at)?).into(),
        (2, true) => i16::from_le_bytes(chunk(bytes, at)?).into(),
        (2, false) => u16::from_le_bytes(chunk(bytes, at)?).into(),
        (4, true) => i32::from_le_bytes(chunk(bytes, at)?).into(),
        (4, false) => u32::from_le_bytes(chunk(bytes, at)?).into(),
        (_, true) => i64::from_le_bytes(chunk(bytes, at)?).into(),
        (_, false) => u64::from_le_bytes(chunk(bytes, at)?).into(),
    })
}

/// Values that columns have the places of, in the parts in which they came.
#[derive(Default)]
pub(super) struct Dictionary {
    /// With the number of values before each.
    parts: Vec<(usize, Values)>,
}

impl Dictionary {
    pub(super) fn add(&mut self, values: Values) {
        let before = self.parts.last().map_or(0, |(before, last)| before.saturating_add(last.rows));
        self.parts.push((before, values));
    }

    /// The value of this place; none where there is none.
    pub(super) fn entry(&self, place: i128) -> Option<Entry<'_>> {
        let place = usize::try_from(place).ok()?;
        let part = self.parts.partition_point(|(before, _)| *before <= place).checked_sub(1)?;
        let (before, values) = &self.parts[part];
        (place - before < values.rows).then(|| values.entry(place - before))?
    }
}
