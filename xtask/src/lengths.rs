//! No source file is so long that one loses sight of it.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file may have, by the package's folder.
const LIMITS: [(&str, usize); 1] = [("crates/logscape-study", 400)];

/// The same for other packages.
const LIMIT: usize = 600;

/// Files of the packages that are longer than they may be: file, lines and limit.
fn too_long(root: &Path, packages: &[PathBuf]) -> Vec<(PathBuf, usize, usize)> {
    let mut found = Vec::new();
    for package in packages {
        let is_package = |(folder, _): &&(&str, usize)| root.join(folder) == *package;
        let limit = LIMITS.iter().find(is_package).map_or(LIMIT, |&(_, limit)| limit);
        let mut folders = vec![package.join("src")];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
                    if lines > limit {
                        found.push((path, lines, limit));
                    }
                }
            }
        }
    }
    found.sort();
    found
}

/// Prints the files that are too long; false where there is one.
pub(crate) fn check(root: &Path, packages: &[PathBuf]) -> bool {
    let long = too_long(root, packages);
    for (file, lines, limit) in &long {
        let file = file.strip_prefix(root).unwrap_or(file).display();
        eprintln!("xtask: {file} has {lines} lines, more than {limit}");
    }
    long.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_as_long_as_its_packages_limit() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let packages = [root.join("crates/logscape-study"), root.join("crates/other")];
        for package in &packages {
            fs::create_dir_all(package.join("src/room")).unwrap();
            for lines in [400, 401, 600, 601] {
                fs::write(package.join(format!("src/room/of_{lines}.rs")), "//\n".repeat(lines)).unwrap();
            }
        }
        let long: Vec<_> = too_long(root, &packages).into_iter().map(|(_, lines, limit)| (lines, limit)).collect();
        assert_eq!(long, [(401, 400), (600, 400), (601, 400), (601, 600)]);
    }
}
