//! Where the workspace and its packages are.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The workspace around the current folder.
///
/// # Errors
///
/// A message where there is none.
pub(crate) fn root() -> Result<PathBuf, String> {
    let here = env::current_dir().map_err(|error| format!("no current folder: {error}"))?;
    let is_root = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.lines().any(|line| line == "[workspace]"))
    };
    here.ancestors().find(is_root).map(Path::to_path_buf).ok_or(format!("{} is in no workspace", here.display()))
}

/// Folders with a package, at most two deep.
pub(crate) fn packages(root: &Path) -> Vec<PathBuf> {
    let mut packages = Vec::new();
    for folder in folders(root) {
        packages.extend(folders(&folder));
        packages.push(folder);
    }
    packages.retain(|folder| folder.join("Cargo.toml").is_file());
    packages.sort();
    packages
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let hidden =
        |path: &Path| path.file_name().is_none_or(|name| name == "target" || name.as_encoded_bytes()[0] == b'.');
    fs::read_dir(of)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !hidden(path))
        .collect()
}
