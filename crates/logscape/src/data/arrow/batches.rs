//! What the columns of an Arrow file hold, and in which batches of rows.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::super::DataError;
use super::super::table::{Columns, Entry, Kind, Take};
use super::batch::Batch;
use super::flatbuffer::{Damaged, Flat, size_at};
use super::schema::{Column, Layout, Schema};
use super::source::{Message, Source};
use super::values::{Dictionary, Piece, Values};

/// What a message is about.
const SCHEMA: u8 = 1;
const DICTIONARY: u8 = 2;
const ROWS: u8 = 3;

/// A file, what its columns hold, and where they are.
pub(super) struct Batches<'a> {
    source: Source<'a>,
    columns: Vec<Column>,
    blocks: Vec<Block>,
    rows: usize,
    /// The column that each dictionary was found with.
    dictionaries: HashMap<i64, usize>,
}

/// Rows, or values of a dictionary.
struct Block {
    batch: Batch,
    /// Which dictionary, and whether the values come behind those before.
    dictionary: Option<(i64, bool)>,
}

impl<'a> Batches<'a> {
    /// Those that the end of a file lists.
    pub(super) fn listed(source: Source<'a>) -> Result<(Self, Vec<String>), DataError> {
        let footer = source.footer()?;
        let flat = Flat::new(&footer);
        let said = || {
            let root = flat.root()?;
            let schema = Schema::of(root.needed(1)?, root.number(0, i16::from_le_bytes, 0)?)?;
            let blocks = root.parts(2, 24)?.chain(root.parts(3, 24)?).map(|block| size_at(block, 0));
            Ok((schema, blocks.collect::<Result<Vec<_>, _>>()?))
        };
        let (schema, blocks) = said().map_err(|Damaged| description(&source))?;
        let (mut batches, header) = Self::new(source, schema)?;
        let mut left = batches.source.length;
        for at in blocks {
            let message = batches.source.message(at)?.ok_or_else(|| description(&batches.source))?;
            let end = batches.add(&message)?;
            // Blocks are beside each other.
            left = left.checked_sub(end - at).ok_or_else(|| description(&batches.source))?;
        }
        // A dictionary may go on, but none takes the place of another, as in a stream.
        let mut begun = HashSet::new();
        if batches.blocks.iter().filter_map(|block| block.dictionary).any(|(id, more)| !more && !begun.insert(id)) {
            return Err(description(&batches.source));
        }
        Ok((batches, header))
    }

    /// Those that come one after the other.
    pub(super) fn stream(source: Source<'a>) -> Result<(Self, Vec<String>), DataError> {
        let first = source.message(0)?.ok_or_else(|| description(&source))?;
        let said = || {
            let flat = Flat::new(&first.said);
            let root = flat.root()?;
            if root.number(1, u8::from_le_bytes, 0)? != SCHEMA || root.size(3)? > 0 {
                return Err(Damaged);
            }
            Schema::of(root.needed(2)?, root.number(0, i16::from_le_bytes, 0)?)
        };
        let schema = said().map_err(|Damaged| description(&source))?;
        let mut at = first.end;
        let (mut batches, header) = Self::new(source, schema)?;
        while let Some(message) = batches.source.message(at)? {
            at = batches.add(&message)?;
        }
        batches.source.ends_with_mark(at)?;
        Ok((batches, header))
    }

    fn new(source: Source<'a>, schema: Schema) -> Result<(Self, Vec<String>), DataError> {
        if schema.big_endian {
            let hint = "write it again, `pd.read_feather(path).to_feather(\"table.feather\")`, which turns them round";
            let (found, wanted) = ("numbers whose first byte is the highest", "numbers whose first byte is the lowest");
            return Err(DataError::format_with(&source.name, "endianness", &found, wanted, hint));
        }
        let with_dictionary = |(at, column): (usize, &Column)| Some((column.dictionary?.id, at));
        let dictionaries = schema.columns.iter().enumerate().filter_map(with_dictionary).collect();
        Ok((Self { source, columns: schema.columns, blocks: Vec::new(), rows: 0, dictionaries }, schema.header))
    }

    /// Adds what a message says; returns where its buffers end.
    fn add(&mut self, message: &Message) -> Result<u64, DataError> {
        let said = || {
            let flat = Flat::new(&message.said);
            let root = flat.root()?;
            let (about, header) = (root.number(1, u8::from_le_bytes, 0)?, root.needed(2)?);
            let size = root.size(3)?;
            let Some(end) = message.end.checked_add(size).filter(|end| *end <= self.source.length) else {
                return Ok(None);
            };
            let body = message.end..end;
            let block = match about {
                DICTIONARY => {
                    let id = header.number(0, i64::from_le_bytes, 0)?;
                    let more = header.number(2, u8::from_le_bytes, 0)? != 0;
                    // Columns within others have dictionaries, too.
                    let Some(column) = self.dictionaries.get(&id) else { return Ok(Some((end, None))) };
                    let shape = self.columns[*column].values;
                    let batch = Batch::of(header.needed(1)?, body, [shape].into_iter())?;
                    Block { batch, dictionary: Some((id, more)) }
                }
                ROWS => {
                    let batch = Batch::of(header, body, self.columns.iter().map(Column::shape))?;
                    Block { batch, dictionary: None }
                }
                _ => return Err(Damaged),
            };
            Ok(Some((end, Some(block))))
        };
        let said = said().map_err(|Damaged| description(&self.source))?;
        let (end, block) = said.ok_or_else(|| self.source.cut_off("buffers", message.end))?;
        if let Some(block) = block {
            let rows = if block.dictionary.is_none() { block.batch.rows } else { 0 };
            self.rows = self.rows.checked_add(rows).ok_or_else(|| description(&self.source))?;
            self.blocks.push(block);
        }
        Ok(end)
    }
}

/// What a file says of its columns cannot be.
fn description(source: &Source) -> DataError {
    DataError::damaged(&source.name, "the description of its columns")
}

impl Columns for Batches<'_> {
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
        let Column { layout, dictionary: encoding, .. } = &self.columns[at];
        let (mut dictionary, kept) = (Dictionary::default(), Cell::new(0));
        for Block { batch, dictionary: of } in &self.blocks {
            if let Some((id, more)) = of {
                if encoding.is_some_and(|encoding| encoding.id == *id) {
                    if !more {
                        dictionary = Dictionary::default();
                        kept.set(0);
                    }
                    let piece = Piece { source: &self.source, batch, at: 0, name, held: &kept };
                    dictionary.add(Values::load(&piece, *layout)?);
                }
                continue;
            }
            let held = Cell::new(kept.get());
            let piece = Piece { source: &self.source, batch, at, name, held: &held };
            let layout = encoding.map_or(*layout, |encoding| Layout::Integers(encoding.places));
            let values = Values::load(&piece, layout)?;
            for row in 0..values.rows {
                let entry = match (values.entry(row), encoding) {
                    (Some(Entry::Whole(place)), Some(_)) => dictionary.entry(place),
                    (entry, _) => entry,
                };
                take(entry.ok_or_else(|| piece.damaged())?)?;
            }
        }
        Ok(())
    }
}
