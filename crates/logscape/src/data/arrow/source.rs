//! An Arrow file, and the messages in it, of which no more is read than there is.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::super::DataError;
use super::super::watch::{PIECE, Watch};

/// What a file begins and ends with.
const MAGIC: &[u8] = b"ARROW1";
/// What a file of Feather's first version begins with, which is another format.
const FEATHER: &[u8] = b"FEA1";
/// What stands before each message, unless it is of an old writer; a stream begins with it.
const MESSAGE: [u8; 4] = [0xff; 4];
/// Bytes of the mark at the end of a stream.
const MARK: u64 = 8;
/// Bytes that what a message says takes in memory, of each of its own, at most.
const SAID: u128 = 64;

/// How messages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The end of the file says where they are.
    Listed,
    /// One follows the other.
    Stream,
}

/// A file.
pub(super) struct Source<'a> {
    pub(super) name: String,
    file: File,
    pub(super) length: u64,
    pub(super) watch: &'a Watch<'a>,
}

/// A message.
pub(super) struct Message {
    /// What it says.
    pub(super) said: Vec<u8>,
    /// Where it ends, and its buffers begin.
    pub(super) end: u64,
}

impl<'a> Source<'a> {
    /// Opens a file, and says how messages are found in it.
    ///
    /// # Errors
    ///
    /// [`DataError`] for one that is no Arrow file.
    pub(super) fn open(path: &Path, watch: &'a Watch<'a>) -> Result<(Self, Form), DataError> {
        let name = path.display().to_string();
        if path.is_dir() {
            let hint = "join its files in one: `pyarrow.feather.write_feather(pyarrow.dataset.dataset(folder, format=\"feather\").to_table(), file)`";
            return Err(DataError::format_with(&name, "path", &"a folder", "a file", hint));
        }
        let file = File::open(path).map_err(DataError::read(path))?;
        let length = file.metadata().map_err(DataError::read(path))?.len();
        let source = Self { name, file, length, watch };
        let start = source.read(0..length.min(8))?;
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
        if start.starts_with(FEATHER) {
            let hint = "write it in the second version: `pd.read_feather(path).to_feather(\"table.feather\")`";
            let found = "the first version of Feather";
            return Err(DataError::format_with(&source.name, "magic", &found, "the second", hint));
        }
        if start.starts_with(&MESSAGE) {
            return Ok((source, Form::Stream));
        }
        if !start.starts_with(MAGIC) {
            return Err(DataError::format(&source.name, "magic", &shown(&start), &shown(MAGIC)));
        }
        Ok((source, Form::Listed))
    }

    /// The bytes in this range, which ends where the file does or before.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Vec<u8>, DataError> {
        let failed = |error: io::Error| DataError::unreadable(&self.name, error);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let wanted = range.end - range.start;
        let mut bytes = Vec::with_capacity(wanted as usize);
        while (bytes.len() as u64) < wanted {
            self.watch.stop.check()?;
            let piece = PIECE.min(wanted - bytes.len() as u64);
            if file.take(piece).read_to_end(&mut bytes).map_err(failed)? == 0 {
                return Err(DataError::unreadable(&self.name, io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(bytes)
    }

    /// What the end of the file says of the whole.
    pub(super) fn footer(&self) -> Result<Vec<u8>, DataError> {
        let whole = "copy or download the file again; it is not whole";
        // The magic is filled up to eight bytes at the start, and at the end it follows the size of what is said there.
        let most = self.length.saturating_sub(18);
        let end = self.read(self.length.saturating_sub(10)..self.length)?;
        let Some((size, _)) = end.split_first_chunk().filter(|(_, last)| *last == MAGIC && most > 0) else {
            let last = String::from_utf8_lossy(&end).escape_debug().to_string();
            return Err(DataError::format_with(&self.name, "last bytes", &last, "ARROW1", whole));
        };
        let size = u64::from(u32::from_le_bytes(*size));
        if size > most {
            let wanted = format!("at most {most} bytes, as the file has");
            return Err(DataError::format_with(&self.name, "size of the description", &size, &wanted, whole));
        }
        self.said(self.length - 10 - size..self.length - 10)
    }

    /// The message that begins here; none where that is the end of a stream.
    pub(super) fn message(&self, at: u64) -> Result<Option<Message>, DataError> {
        let cut_off = || self.cut_off("message", at);
        let word = |at: u64| {
            let end = at.checked_add(4).filter(|end| *end <= self.length).ok_or_else(cut_off)?;
            self.read(at..end)?.first_chunk().copied().ok_or_else(cut_off)
        };
        let (mut size, mut start) = (word(at)?, at + 4);
        if size == MESSAGE {
            size = word(start)?;
            start += 4;
        }
        match u64::from(u32::from_le_bytes(size)) {
            0 => Ok(None),
            size if size > self.length - start => Err(cut_off()),
            size => Ok(Some(Message { said: self.said(start..start + size)?, end: start + size })),
        }
    }

    /// Refuses what follows the mark at the end of a stream.
    pub(super) fn ends_with_mark(&self, at: u64) -> Result<(), DataError> {
        if at + MARK >= self.length {
            return Ok(());
        }
        let found = format!("{} bytes behind it", self.length - at - MARK);
        let hint = "give each stream a file of its own";
        Err(DataError::format_with(&self.name, "end of the stream", &found, "none", hint))
    }

    /// Part of a file that says something of others.
    fn said(&self, range: Range<u64>) -> Result<Vec<u8>, DataError> {
        DataError::require_memory(&self.name, "the description", (range.end - range.start).into(), SAID)?;
        self.read(range)
    }

    /// The file ends before something does.
    pub(super) fn cut_off(&self, what: &str, at: u64) -> DataError {
        let (place, found) = (format!("{what} at byte {at}"), "the end of the file");
        let hint = "copy or download the file again; it is not whole";
        DataError::format_with(&self.name, &place, &found, "all of it", hint)
    }
}
