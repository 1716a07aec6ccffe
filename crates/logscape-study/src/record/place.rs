//! Whether a place can hold a record when that is complete, found out before anything is computed.

use super::error::RecordError;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What the name of the folder of an unfinished run ends with.
pub(super) const PARTIAL: &str = ".partial";
/// What the name of its page ends with, which stands beside that folder.
const PAGE: &str = ".partial.html";

/// Length of the longest name of a file of an unfinished run.
const LONGEST: usize = 64;

/// Refuses a place that no record can be moved to: one without a name, a link, the current folder or one around it, and with
/// `force` whatever is there and is no record, since it would be lost.
///
/// # Errors
/// If it is one of these.
pub(super) fn check(place: &Path, force: bool) -> Result<(), RecordError> {
    let refused = |reason: &'static str| Err(RecordError::Place { place: place.to_path_buf(), reason });
    if place.file_name().is_none() {
        return refused("has no name of its own");
    }
    let Ok(found) = fs::symlink_metadata(place) else { return Ok(()) };
    if found.is_symlink() {
        return refused(if place.exists() { "is a link" } else { "is a link to nowhere" });
    }
    if !force {
        return Ok(());
    }
    let current = env::current_dir().and_then(|folder| folder.canonicalize());
    if let (Ok(current), Ok(place)) = (current, place.canonicalize())
        && current.starts_with(place)
    {
        return refused("is the current folder, or holds it");
    }
    if is_record(place) || is_empty(place) { Ok(()) } else { refused("holds something that is no record") }
}

/// Whether the folder holds a complete record.
pub(super) fn is_record(folder: &Path) -> bool {
    ["study.toml", "results.json", "manifest.json"].iter().all(|name| folder.join(name).is_file())
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Writes and removes a file with the longest name that there will be in a folder of the run.
///
/// # Errors
/// If the system refuses.
pub(super) fn try_names(folder: &Path) -> io::Result<()> {
    let path = folder.join("x".repeat(LONGEST));
    File::create(&path)?;
    fs::remove_file(path)
}

/// The error that the system gave when a file of the record at `place` was to be made.
pub(super) fn refused(place: &Path, source: io::Error) -> RecordError {
    match source.kind() {
        ErrorKind::InvalidFilename => {
            RecordError::Place { place: place.to_path_buf(), reason: "is too long for the file system" }
        }
        _ => RecordError::Write { path: place.to_path_buf(), source },
    }
}

/// The path beside `place` whose name goes on like this.
pub(super) fn beside(place: &Path, what: &str) -> PathBuf {
    let mut name = place.file_name().map(OsString::from).unwrap_or_default();
    name.push(what);
    place.with_file_name(name)
}

/// The page of the unfinished run whose record will be at `place`.
pub(super) fn unfinished_page(place: &Path) -> PathBuf {
    beside(place, PAGE)
}

/// Removes that page, if there is one. One that stays says itself of when it is.
pub(super) fn remove_page(place: &Path) {
    let _ = fs::remove_file(unfinished_page(place));
}
