//! Who hears how far reading has come, and may end it.

use std::fmt;
use std::io::{self, Read};

use crate::model::{Interrupted, Stop};

/// Bytes that are read at a time, at most, and between two words on how far reading has come.
pub(super) const PIECE: u64 = 1 << 18;

/// Ends the reading of data, and is told how far it has come; by default neither.
#[derive(Clone, Default)]
pub struct Watch<'a> {
    /// A request to end.
    pub stop: Stop,
    /// Called now and then with the share of the work that is done, from 0 to 1.
    pub told: Option<&'a (dyn Fn(f64) + Sync)>,
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Watch<'_> {
    /// So much is done, of so much; an error where reading is to end.
    pub(super) fn at(&self, done: u64, of: u64) -> Result<(), Interrupted> {
        self.stop.check()?;
        // The end of a pipe is not known before.
        if let Some(told) = self.told.filter(|_| of > 0) {
            told((done as f64 / of as f64).min(1.0));
        }
        Ok(())
    }
}

/// A source that is read under watch: `done` bytes of all work are behind it, `of` are there to do.
pub(super) struct Watched<'a, R> {
    pub(super) source: R,
    pub(super) watch: &'a Watch<'a>,
    pub(super) done: u64,
    pub(super) of: u64,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.stop.check().map_err(io::Error::other)?;
        let most = buffer.len().min(PIECE as usize);
        let count = self.source.read(&mut buffer[..most])?;
        let before = self.done;
        self.done += count as u64;
        if before / PIECE != self.done / PIECE {
            self.watch.at(self.done, self.of).map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
