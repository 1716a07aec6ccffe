//! Where the columns of a batch of rows, or the values of a dictionary, are in the file.

use std::ops::Range;

use super::flatbuffer::{Damaged, Fields, size_at};
use super::schema::Shape;

/// How buffers are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Lz4,
    Zstd,
}

impl Packing {
    fn of(said: Fields) -> Result<Self, Damaged> {
        match [0, 1].map(|field| said.number(field, u8::from_le_bytes, 0)) {
            [Ok(0), Ok(0)] => Ok(Self::Lz4),
            [Ok(1), Ok(0)] => Ok(Self::Zstd),
            _ => Err(Damaged),
        }
    }
}

/// Columns of so many rows each.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) rows: usize,
    pub(super) packing: Option<Packing>,
    /// Where each buffer is in the file.
    pub(super) buffers: Vec<Range<u64>>,
    pub(super) columns: Vec<Part>,
}

/// What a column has of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Which of the buffers are its own.
    pub(super) buffers: Range<usize>,
    /// Whether it has nulls.
    pub(super) nulls: bool,
}

impl Batch {
    /// What is said of columns of these shapes, whose buffers are in `body` and take no more than that together.
    pub(super) fn of(said: Fields, body: Range<u64>, shapes: impl Iterator<Item = Shape>) -> Result<Self, Damaged> {
        let (rows, packing) = (said.size(0)?, said.table(3)?.map(Packing::of).transpose()?);
        let mut left = body.end - body.start;
        let buffer = |part: &[u8]| {
            let start = body.start.checked_add(size_at(part, 0)?).ok_or(Damaged)?;
            let length = size_at(part, 8)?;
            left = left.checked_sub(length).ok_or(Damaged)?;
            start.checked_add(length).filter(|end| *end <= body.end).map(|end| start..end).ok_or(Damaged)
        };
        let buffers = said.parts(2, 16)?.map(buffer).collect::<Result<Vec<_>, _>>()?;
        let (mut nodes, mut more) = (said.parts(1, 16)?, said.parts(4, 8)?);
        let (mut columns, mut first) = (Vec::new(), 0_usize);
        for shape in shapes {
            let node = nodes.next().filter(|node| size_at(node, 0) == Ok(rows)).ok_or(Damaged)?;
            (1..shape.nodes).try_for_each(|_| nodes.next().map(drop)).ok_or(Damaged)?;
            let mut end = first.saturating_add(shape.buffers);
            for _ in 0..shape.views {
                end = end.saturating_add(size_at(more.next().ok_or(Damaged)?, 0)? as usize);
            }
            columns.push(Part { buffers: first..end, nulls: size_at(node, 8)? > 0 });
            first = end;
        }
        let whole = first == buffers.len() && nodes.next().is_none();
        whole.then_some(Self { rows: rows as usize, packing, buffers, columns }).ok_or(Damaged)
    }
}
