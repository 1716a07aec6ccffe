//! What a reader is given: files in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Files by their paths within a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Input(pub(crate) BTreeMap<String, Vec<u8>>);

impl Input {
    /// One file.
    pub(crate) fn of(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self(BTreeMap::from([(name.to_owned(), bytes.into())]))
    }

    /// And another one.
    pub(crate) fn and(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.insert(name.to_owned(), bytes.into());
        self
    }

    /// The folder's files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut input = Self::default();
        input.add(folder, "")?;
        Ok(input)
    }

    fn add(&mut self, folder: &Path, below: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                self.add(&path, &format!("{below}{name}/"))?;
            } else {
                self.0.insert(format!("{below}{name}"), fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// Makes the folder anew, with these files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        for (name, bytes) in &self.0 {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// Bytes in all.
    pub(crate) fn size(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether one of the files holds these bytes.
    pub(crate) fn holds(&self, part: &[u8]) -> bool {
        self.0.values().any(|bytes| bytes.windows(part.len()).any(|window| window == part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("input");
        Input::of("old", "old").write(&place).expect("written");
        let input = Input::of("a.txt", "abc").and("below/b", [0, 255]);
        input.write(&place).expect("written");
        assert_eq!(Input::read(&place).expect("read"), input);
        assert_eq!(input.size(), 5);
        assert!(input.holds(b"bc") && input.holds(&[255]) && !input.holds(b"old"));
    }
}
