//! The checksums of a record's numbers, in the form that `sha256sum --check` reads.

use super::error::RecordError;
use super::hash::sha256_of_file;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Name of their file.
pub(super) const NAME: &str = "SHA256SUMS";

/// Name of the file of the minimum's parameters, which early records have not.
pub(super) const WEIGHTS: &str = "minimum.safetensors";

/// Files by name. Pages are not among them: they can be drawn again.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = ["manifest.json", "results.json", "study.toml"].map(str::to_owned).to_vec();
    for entry in fs::read_dir(folder.join("tables"))? {
        names.push(format!("tables/{}", entry?.file_name().to_string_lossy()));
    }
    if folder.join(WEIGHTS).exists() {
        names.push(WEIGHTS.to_owned());
    }
    names.sort();
    Ok(names)
}

/// The text of the file for the record in `folder`.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn of(folder: &Path) -> io::Result<String> {
    let line = |name: String| Ok(format!("{}  {name}\n", sha256_of_file(&folder.join(&name))?.1));
    files(folder)?.into_iter().map(line).collect()
}

/// Refuses a record whose files are not those that were written. Early ones have no checksums.
///
/// # Errors
/// If a file is missing, is another, or cannot be read.
pub(super) fn check(folder: &Path) -> Result<(), RecordError> {
    let unreadable = |name: &str, reason: String| RecordError::Read { path: folder.join(name), reason };
    let text = match fs::read_to_string(folder.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(NAME, error.to_string())),
    };
    let sums: Option<BTreeMap<&str, &str>> =
        text.lines().map(|line| line.split_once("  ").map(|(sum, name)| (name, sum))).collect();
    let mut sums = sums.ok_or_else(|| unreadable(NAME, "a line is no checksum with a name".to_owned()))?;
    for name in files(folder).map_err(|error| unreadable("tables", error.to_string()))? {
        let (_, sum) = sha256_of_file(&folder.join(&name)).map_err(|error| unreadable(&name, error.to_string()))?;
        if sums.remove(&*name) != Some(&*sum) {
            return Err(unreadable(&name, format!("it is not what was written: its checksum is not that in {NAME}")));
        }
    }
    let missing = sums.keys().next();
    missing.map_or(Ok(()), |name| Err(unreadable(NAME, format!("it has the checksum of `{name}`, which is not there"))))
}
