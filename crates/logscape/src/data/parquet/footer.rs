//! What the end of a Parquet file says of its columns, in Thrift's compact protocol. How columns are nested is looked through
//! before the reader of the format is given it, which would take as much memory, and go as deep, as it is told.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::super::DataError;

/// What a Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// The same of one whose description is encrypted.
const ENCRYPTED: &[u8] = b"PARE";
/// Groups within each other that are gone into.
const DEEPEST: usize = 64;
/// The type of a structure.
const STRUCTURE: u8 = 12;
/// The field of the description that lists columns and groups, and the field of a group that says how many members it has.
const SCHEMA: i64 = 2;
const MEMBERS: i64 = 5;

/// The description of the columns.
///
/// # Errors
///
/// [`DataError`] for a file that is no Parquet file, not whole, or encrypted.
pub(super) fn description(name: &str, path: &Path, file: &mut File, length: u64) -> Result<Vec<u8>, DataError> {
    if length < 12 {
        return Err(DataError::format(name, "file", &format!("{length} bytes"), "a Parquet file, which has more"));
    }
    let (mut start, mut end) = ([0; 4], [0; 8]);
    file.read_exact(&mut start).map_err(DataError::read(path))?;
    file.seek(SeekFrom::End(-8)).map_err(DataError::read(path))?;
    file.read_exact(&mut end).map_err(DataError::read(path))?;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    let (size, last) = (u32::from_le_bytes([end[0], end[1], end[2], end[3]]), &end[4..]);
    if start == ENCRYPTED || last == ENCRYPTED {
        let hint = "write it without encryption";
        return Err(DataError::format_with(name, "magic", &"an encrypted file", "one that is not", hint));
    }
    if start != MAGIC {
        return Err(DataError::format(name, "magic", &shown(&start), &shown(MAGIC)));
    }
    let whole = "copy or download the file again; it is not whole";
    if last != MAGIC {
        return Err(DataError::format_with(name, "last bytes", &shown(last), &shown(MAGIC), whole));
    }
    if u64::from(size) > length - 12 {
        let wanted = format!("at most {} bytes, as the file has", length - 12);
        return Err(DataError::format_with(name, "size of the description", &size, &wanted, whole));
    }
    let mut description = vec![0; size as usize];
    file.seek(SeekFrom::End(-8 - i64::from(size))).map_err(DataError::read(path))?;
    file.read_exact(&mut description).map_err(DataError::read(path))?;
    Ok(description)
}

/// Whether a structure begins here that is whole, and of which each part takes a byte or more: nothing else is passed over in a
/// time that its bytes bound.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    Scan(bytes).skip(STRUCTURE, DEEPEST).is_some()
}

/// Whether the description [is whole](is_whole), and no group of columns has more members than follow it, or lies too deep.
pub(super) fn is_sound(description: &[u8]) -> bool {
    let mut scan = Scan(description);
    is_whole(description) && scan.list_of_columns().and_then(|count| scan.are_columns(count)) == Some(true)
}

/// What is left to look through; none where it ends too early.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// An integer of seven bits in each byte, the lowest first.
    fn integer(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.integer()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// The number and the type of the next field of a structure; none at its end, too.
    fn field(&mut self, before: i64) -> Option<(i64, u8)> {
        let header = self.byte().filter(|header| *header != 0)?;
        let number = match i64::from(header >> 4) {
            0 => self.signed()?,
            step => before.wrapping_add(step),
        };
        Some((number, header & 0x0f))
    }

    /// The length and the type of a list.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let length = if header >> 4 == 15 { self.integer()? } else { u64::from(header >> 4) };
        Some((length, header & 0x0f))
    }

    /// Passes over a value of this type.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // True or false, in the header.
            1 | 2 => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.integer()?),
            7 => drop(self.0.split_off(..8)?),
            8 => {
                let length = usize::try_from(self.integer()?).ok()?;
                self.0.split_off(..length)?;
            }
            9 | 10 => {
                let (length, kind) = self.list()?;
                // No part of a file that is read has a list of truths, which some write as a byte each, and some as nothing.
                (kind > 2).then_some(())?;
                (0..length).try_for_each(|_| self.skip(kind, depth))?;
            }
            STRUCTURE => {
                let mut number = 0;
                while self.0.first()? != &0 {
                    let (next, kind) = self.field(number)?;
                    number = next;
                    self.skip(kind, depth)?;
                }
                self.byte()?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Goes to the first column or group; returns how many there are.
    fn list_of_columns(&mut self) -> Option<u64> {
        let mut before = 0;
        loop {
            let (number, kind) = self.field(before)?;
            if number == SCHEMA {
                return self.list().map(|(length, _)| length);
            }
            self.skip(kind, DEEPEST)?;
            before = number;
        }
    }

    /// Whether so many columns and groups follow, whose groups have the members that they say.
    fn are_columns(&mut self, count: u64) -> Option<bool> {
        // Of each group around, the members that are still to come.
        let mut groups: Vec<u64> = Vec::new();
        for left in (0..count).rev() {
            if let Some(members) = groups.last_mut() {
                *members -= 1;
            }
            let (mut number, mut members) = (0, 0);
            while self.0.first()? != &0 {
                let (next, kind) = self.field(number)?;
                number = next;
                match (number, kind) {
                    (MEMBERS, 4..=6) => members = u64::try_from(self.signed()?).ok()?,
                    _ => self.skip(kind, DEEPEST)?,
                }
            }
            self.byte()?;
            groups.push(members);
            if members > left || groups.len() > DEEPEST {
                return Some(false);
            }
            while groups.pop_if(|members| *members == 0).is_some() {}
        }
        Some(true)
    }
}
