//! Whose a place is while a run is at work there.

use super::error::RecordError;
use super::place::refused;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The lock of a run on its place: a file beside it that the system holds until the process ends, however it ends. It tells the
/// process, and is removed with this value.
#[derive(Debug)]
pub(super) struct Owner {
    path: PathBuf,
    /// Closing it gives the lock back.
    file: File,
}

impl Owner {
    /// Takes the lock whose file is `path`; `place` is what a refusal names.
    ///
    /// # Errors
    /// If another process has it, or the system refuses.
    pub(super) fn of(place: &Path, path: PathBuf) -> Result<Self, RecordError> {
        let write = |source| refused(place, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        loop {
            let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(write)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut process = String::new();
                    // One that has just begun has not yet said who it is.
                    let _ = file.read_to_string(&mut process);
                    let process = if process.is_empty() { "just started" } else { process.trim() }.to_owned();
                    return Err(RecordError::AtWork { place: place.to_path_buf(), process });
                }
                // A file system without locks: the folder of the unfinished run still keeps others away.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(write(error)),
            }
            // Who had the lock before has removed its file: it must be the one that the next will find.
            if is_at(&file, &path).map_err(write)? {
                let mut owner = Self { path, file };
                let tell = owner.file.set_len(0).and_then(|()| writeln!(owner.file, "{}", std::process::id()));
                return tell.map_err(write).map(|()| owner);
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A file that stays is free for the next run.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the open file is the one that the path leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, found) = (file.metadata()?, fs::metadata(path));
    match found {
        Ok(found) => Ok((open.dev(), open.ino()) == (found.dev(), found.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// An open file cannot be removed here.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}
