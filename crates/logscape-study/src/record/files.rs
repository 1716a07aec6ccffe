//! Files of records: read as text, written whole.

use super::error::RecordError;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// A file of a record cannot be read, for this reason.
pub(super) fn unreadable(path: &Path, reason: &impl ToString) -> RecordError {
    RecordError::Read { path: path.to_path_buf(), reason: reason.to_string() }
}

/// The text of a file of a record.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read(path: &Path) -> Result<String, RecordError> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
}

/// Writes a file under a temporary name, brings it to the disk, and renames it.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)
}
