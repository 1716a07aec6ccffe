//! What the columns of an Arrow file hold, by its schema.

use super::super::table::Kind;
use super::flatbuffer::{Damaged, Fields};

/// Columns within each other that are gone into.
const DEEPEST: usize = 64;
/// The version of the format since which a union has no nulls of its own.
const NO_NULLS_OF_UNIONS: i16 = 4;

/// How values stand in the buffers that follow the one of nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A bit each.
    Bits,
    /// Integers of so many bytes.
    Integers(Integers),
    /// Reals of 2, 4 or 8 bytes.
    Reals(usize),
    /// Where each text ends, in so many bytes, and the texts.
    Texts(usize),
    /// 16 bytes each, with a short text or the place of a long one, and buffers of texts.
    Views,
    /// Something that is not read.
    Other,
}

/// What integers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integers {
    pub(super) bytes: usize,
    pub(super) signed: bool,
}

impl Integers {
    fn of(table: Fields) -> Result<Self, Damaged> {
        let bits = table.number(0, i32::from_le_bytes, 0)?;
        let signed = table.number(1, u8::from_le_bytes, 0)? != 0;
        [8, 16, 32, 64].contains(&bits).then_some(Self { bytes: bits as usize / 8, signed }).ok_or(Damaged)
    }
}

/// Where values are instead, of which a column has only the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// The number of the list of values.
    pub(super) id: i64,
    /// What the places are.
    pub(super) places: Integers,
}

/// How much of a batch a column takes, with the columns within it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Columns.
    pub(super) nodes: usize,
    /// Buffers.
    pub(super) buffers: usize,
    /// Columns that have more buffers, as many as the batch says.
    pub(super) views: usize,
}

impl Shape {
    /// That of a column with nothing within it.
    const fn of(buffers: usize) -> Self {
        Self { nodes: 1, buffers, views: 0 }
    }

    const VIEWS: Self = Self { views: 1, ..Self::of(2) };
    /// That of the places of values that are elsewhere.
    pub(super) const PLACES: Self = Self::of(2);
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// What it holds.
    pub(super) kind: Kind,
    /// How its values stand in buffers.
    pub(super) layout: Layout,
    /// How much its values take.
    pub(super) values: Shape,
    /// Where the values are that it has only the places of.
    pub(super) dictionary: Option<Encoding>,
}

impl Column {
    /// How much the column takes of a batch.
    pub(super) fn shape(&self) -> Shape {
        self.dictionary.map_or(self.values, |_| Shape::PLACES)
    }

    fn of(field: Fields, version: i16, depth: usize) -> Result<Self, Damaged> {
        let depth = depth.checked_sub(1).ok_or(Damaged)?;
        let (kind, layout, mut values) = held(field, version)?;
        for child in field.tables(5)? {
            let child = Self::of(child, version, depth)?.shape();
            values.nodes += child.nodes;
            values.buffers += child.buffers;
            values.views += child.views;
        }
        let dictionary = field.table(4)?.map(|encoding| -> Result<_, Damaged> {
            let places = encoding.table(1)?.map_or(Ok(Integers { bytes: 4, signed: true }), Integers::of)?;
            Ok(Encoding { id: encoding.number(0, i64::from_le_bytes, 0)?, places })
        });
        Ok(Self { kind, layout, values, dictionary: dictionary.transpose()? })
    }
}

/// What a field holds, how, and how much it takes without the fields within it.
fn held(field: Fields, version: i16) -> Result<(Kind, Layout, Shape), Damaged> {
    let integers = || Integers::of(field.needed(3)?);
    let short = |absent: i16| field.needed(3)?.number(0, i16::from_le_bytes, absent);
    let other = |kind, buffers| Ok((kind, Layout::Other, Shape::of(buffers)));
    match field.number(2, u8::from_le_bytes, 0)? {
        1 => other(Kind::NULLS, 0),
        2 => Ok((Kind::Numbers, Layout::Integers(integers()?), Shape::of(2))),
        3 => {
            let bytes = [2, 4, 8].get(short(0)? as usize).copied().ok_or(Damaged)?;
            Ok((Kind::Numbers, Layout::Reals(bytes), Shape::of(2)))
        }
        // Of bytes, with places of four or eight bytes, and of the same number for each.
        4 | 19 => other(Kind::BYTES, 3),
        15 => other(Kind::BYTES, 2),
        23 => Ok((Kind::BYTES, Layout::Other, Shape::VIEWS)),
        5 => Ok((Kind::Text, Layout::Texts(4), Shape::of(3))),
        20 => Ok((Kind::Text, Layout::Texts(8), Shape::of(3))),
        24 => Ok((Kind::Text, Layout::Views, Shape::VIEWS)),
        6 => Ok((Kind::Numbers, Layout::Bits, Shape::of(2))),
        7 => other(Kind::DECIMALS, 2),
        // Dates, and points in time.
        8 | 10 => other(Kind::TIMES, 2),
        9 => other(Kind::TIMES_OF_DAY, 2),
        11 => other(Kind::INTERVALS, 2),
        18 => other(Kind::DURATIONS, 2),
        // Lists and maps; records; lists of the same length each; lists of which each says where it begins and how long it is.
        12 | 17 | 21 => other(Kind::NESTED, 2),
        13 | 16 => other(Kind::NESTED, 1),
        25 | 26 => other(Kind::NESTED, 3),
        // A union: of which type each value is and, where it is dense, its place.
        14 => other(Kind::NESTED, 1 + usize::from(short(0)? != 0) + usize::from(version < NO_NULLS_OF_UNIONS)),
        22 => other(Kind::RUNS, 0),
        _ => Err(Damaged),
    }
}

/// The names of the columns, and what they hold.
pub(super) struct Schema {
    pub(super) header: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// Whether the bytes of numbers stand the other way round.
    pub(super) big_endian: bool,
}

impl Schema {
    /// What a file's, or a message's, table of the schema says.
    pub(super) fn of(table: Fields, version: i16) -> Result<Self, Damaged> {
        let big_endian = table.number(0, i16::from_le_bytes, 0)? != 0;
        let fields = table.tables(1)?;
        let header = fields.iter().map(|field| Ok(field.text(0)?.to_owned())).collect::<Result<_, _>>()?;
        let columns = fields.iter().map(|field| Column::of(*field, version, DEEPEST)).collect::<Result<_, _>>()?;
        Ok(Self { header, columns, big_endian })
    }
}
