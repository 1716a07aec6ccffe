//! What is kept while a run goes on, and found again by what it depends on: a run that is resumed, a record that is extended,
//! and a part of a run elsewhere all take from it what was made of the same data and input by the same version.

use crate::record::{Checkpoints, RecordError, sha256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

/// Name under which a store keeps what all of it was made from.
const IDENTITY: &str = "identity";

/// The hash of everything that a value depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key(String);

impl Key {
    /// The key of bytes.
    pub(crate) fn of_bytes(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self(sha256(bytes))
    }
}

/// A value with its key, which stands for it where it is the input of something else.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) value: T,
    pub(crate) key: Key,
}

impl<T> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key.serialize(serializer)
    }
}

/// What all values of a store were made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Version of the program.
    version: String,
    /// Hash of the data and of the problem's table.
    data: Key,
}

impl Identity {
    /// This program on these data.
    pub(crate) fn of(data: Key) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), data }
    }

    /// Refuses to mix this with what was made from something else and is kept in `place`.
    fn check(&self, other: &Self, place: &Checkpoints) -> Result<(), RecordError> {
        let place = || place.folder().to_path_buf();
        if self.version != other.version {
            return Err(RecordError::OtherVersion { place: place(), version: other.version.clone() });
        }
        if self.data == other.data { Ok(()) } else { Err(RecordError::DataChanged(place())) }
    }
}

/// Values by the hash of version, data and input.
pub(crate) struct Store {
    files: Checkpoints,
    identity: Identity,
}

impl Store {
    /// The store in `files`, which must hold nothing made from other data or by another version.
    ///
    /// # Errors
    /// If it does, or cannot be read or written.
    pub(crate) fn open(files: Checkpoints, identity: Identity) -> Result<Self, RecordError> {
        match files.load::<Identity>(IDENTITY)? {
            Some(found) => identity.check(&found, &files)?,
            None => files.save(IDENTITY, &identity)?,
        }
        Ok(Self { files, identity })
    }

    /// Takes over all values of another store. Those that were made from other input are never found.
    ///
    /// # Errors
    /// If they were made from other data or by another version, or cannot be copied.
    pub(crate) fn take_over(&self, other: &Checkpoints) -> Result<(), RecordError> {
        let found: Identity = other.load_present(IDENTITY)?;
        self.identity.check(&found, other)?;
        self.files.copy_from(other)
    }

    /// The key of what `stage` makes of `input`.
    ///
    /// # Errors
    /// If the input cannot be written as JSON.
    pub(crate) fn key<T: Serialize>(&self, stage: &str, input: &T) -> Result<Key, RecordError> {
        let json = serde_json::to_string(&(&self.identity, stage, input));
        let json = json.map_err(|error| self.files.refused(error.into()))?;
        Ok(Key(sha256(json.into_bytes())))
    }

    /// The value of that key, if it was kept.
    ///
    /// # Errors
    /// If it is there but cannot be read, or is damaged.
    pub(crate) fn load<T: DeserializeOwned>(&self, stage: &str, key: &Key) -> Result<Option<T>, RecordError> {
        self.files.load(&file(stage, key))
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn save<T: Serialize>(&self, stage: &str, key: &Key, value: &T) -> Result<(), RecordError> {
        self.files.save(&file(stage, key), value)
    }
}

/// Name of a value's file. Half of the digits tell all values apart, and leave the name short.
fn file(stage: &str, key: &Key) -> String {
    format!("{stage}-{}", &key.0[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &std::path::Path, data: &[u8]) -> Result<Store, RecordError> {
        Store::open(Checkpoints::of_ensembles(folder), Identity::of(Key::of_bytes(data.iter().copied())))
    }

    #[test]
    fn a_value_is_found_by_what_it_depends_on_and_by_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), b"data").expect("a store");
        let key = store.key("stage", &(1, 0.5)).expect("a key");
        store.save("stage", &key, &7).expect("saved");
        assert_eq!(store.load::<i32>("stage", &store.key("stage", &(1, 0.5)).expect("a key")).expect("read"), Some(7));
        let others = [store.key("stage", &(1, 0.5 + f64::EPSILON)), store.key("other", &(1, 0.5))];
        for other in others {
            assert_eq!(store.load::<i32>("stage", &other.expect("a key")).expect("read"), None);
        }
        // A value stands for what it was made from.
        let same = Kept { value: "anything", key: key.clone() };
        assert_eq!(store.key("next", &same).expect("a key"), store.key("next", &key).expect("a key"));
    }

    #[test]
    fn other_data_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        store(folder.path(), b"data").expect("a store");
        assert!(store(folder.path(), b"data").is_ok());
        assert!(matches!(store(folder.path(), b"Data"), Err(RecordError::DataChanged(_))));
        let elsewhere = tempfile::tempdir().expect("a folder");
        let other = store(elsewhere.path(), b"Data").expect("a store");
        assert!(matches!(other.take_over(&Checkpoints::of_ensembles(folder.path())), Err(RecordError::DataChanged(_))));
    }
}
