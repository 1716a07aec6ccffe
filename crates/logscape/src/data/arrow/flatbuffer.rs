//! Tables of the FlatBuffers format, in which Arrow files describe themselves. Nothing is looked at outside of the bytes that there
//! are, and no more in all than these, so that parts which stand in one place are not taken for many.

use std::cell::Cell;

/// The bytes cannot be what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Bytes of which each is looked at once.
pub(super) struct Flat<'a> {
    bytes: &'a [u8],
    left: Cell<usize>,
}

impl<'a> Flat<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: Cell::new(bytes.len()) }
    }

    /// The table that the first bytes lead to.
    pub(super) fn root(&self) -> Result<Fields<'_>, Damaged> {
        self.table(self.follow(0)?)
    }

    fn get<const N: usize>(&self, at: usize) -> Result<[u8; N], Damaged> {
        self.bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().ok_or(Damaged)
    }

    /// Where the distance leads that stands at `at`.
    fn follow(&self, at: usize) -> Result<usize, Damaged> {
        Ok(at + u32::from_le_bytes(self.get(at)?) as usize)
    }

    fn table(&self, at: usize) -> Result<Fields<'_>, Damaged> {
        let back = i32::from_le_bytes(self.get(at)?);
        let places = usize::try_from(at as i128 - i128::from(back)).map_err(|_| Damaged)?;
        let length = u16::from_le_bytes(self.get(places)?);
        let size = u16::from_le_bytes(self.get(places.saturating_add(2))?);
        let places = self.bytes.get(places..).and_then(|bytes| bytes.get(4..length.into())).ok_or(Damaged)?;
        self.spend(size.into())?;
        Ok(Fields { flat: self, at, size: size.into(), places })
    }

    fn spend(&self, bytes: usize) -> Result<(), Damaged> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(Damaged)?);
        Ok(())
    }

    /// As many parts of this size as the number at `at` says, which they follow.
    fn parts(&self, at: usize, size: usize) -> Result<&[u8], Damaged> {
        let length = (u32::from_le_bytes(self.get(at)?) as usize).checked_mul(size).ok_or(Damaged)?;
        self.spend(length.saturating_add(4))?;
        self.bytes[at + 4..].get(..length).ok_or(Damaged)
    }
}

/// A table, whose fields are known by their numbers; each may be absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    flat: &'a Flat<'a>,
    at: usize,
    size: usize,
    /// Where each field is from the table's beginning, in two bytes; 0 where it is absent.
    places: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Where a field of this size is, if it is there.
    fn place(&self, field: usize, size: usize) -> Result<Option<usize>, Damaged> {
        let place = self.places.chunks_exact(2).nth(field).map_or(0, |place| u16::from_le_bytes([place[0], place[1]]));
        match usize::from(place) {
            0 => Ok(None),
            place if place >= 4 && place + size <= self.size => Ok(Some(self.at + place)),
            _ => Err(Damaged),
        }
    }

    /// A number; `absent` where it is not there.
    pub(super) fn number<const N: usize, T>(
        &self,
        field: usize,
        of: impl Fn([u8; N]) -> T,
        absent: T,
    ) -> Result<T, Damaged> {
        self.place(field, N)?.map_or(Ok(absent), |at| self.flat.get(at).map(of))
    }

    /// A size or a number of things, of eight bytes with a sign; 0 where it is absent.
    pub(super) fn size(&self, field: usize) -> Result<u64, Damaged> {
        self.number(field, i64::from_le_bytes, 0)?.try_into().map_err(|_| Damaged)
    }

    /// A table.
    pub(super) fn table(&self, field: usize) -> Result<Option<Fields<'a>>, Damaged> {
        self.place(field, 4)?.map(|at| self.flat.table(self.flat.follow(at)?)).transpose()
    }

    /// A table that must be there.
    pub(super) fn needed(&self, field: usize) -> Result<Fields<'a>, Damaged> {
        self.table(field)?.ok_or(Damaged)
    }

    /// Parts of this size each; none where the field is absent.
    pub(super) fn parts(&self, field: usize, size: usize) -> Result<std::slice::ChunksExact<'a, u8>, Damaged> {
        let parts = self.place(field, 4)?.map(|at| self.flat.parts(self.flat.follow(at)?, size)).transpose()?;
        Ok(parts.unwrap_or_default().chunks_exact(size))
    }

    /// Tables; none where the field is absent.
    pub(super) fn tables(&self, field: usize) -> Result<Vec<Fields<'a>>, Damaged> {
        let Some(at) = self.place(field, 4)? else { return Ok(Vec::new()) };
        let list = self.flat.follow(at)?;
        let count = self.flat.parts(list, 4)?.len() / 4;
        (0..count).map(|k| self.flat.table(self.flat.follow(list + 4 + 4 * k)?)).collect()
    }

    /// Text; none where the field is absent.
    pub(super) fn text(&self, field: usize) -> Result<&'a str, Damaged> {
        let text = self.place(field, 4)?.map(|at| self.flat.parts(self.flat.follow(at)?, 1)).transpose()?;
        std::str::from_utf8(text.unwrap_or_default()).map_err(|_| Damaged)
    }
}

/// The eight bytes of a part that begin at `at`, as a size.
pub(super) fn size_at(part: &[u8], at: usize) -> Result<u64, Damaged> {
    let bytes = part.get(at..).and_then(|bytes| bytes.first_chunk()).ok_or(Damaged)?;
    i64::from_le_bytes(*bytes).try_into().map_err(|_| Damaged)
}
