//! What is kept while a run goes on, and found again by what it depends on: a run that is resumed, a record that is extended,
//! and a part of a run elsewhere all take from it what was made of the same data and input by the same version.

use crate::record::{Checkpoints, DataFile, Origin, RecordError, sha256};
use crate::text::count;
use logscape::model::memory;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Name under which a store keeps what all of it was made from.
const IDENTITY: &str = "identity";

/// The hash of everything that a value depends on, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Key(String);

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text))
        } else {
            Err("a key has 64 hexadecimal digits")
        }
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

/// The part of its origin that every key depends on.
#[derive(Serialize)]
struct MadeFrom<'a> {
    version: &'a str,
    data: &'a str,
}

/// The origin of what goes on with work that `place` holds and that has the origin `found`: that one.
///
/// # Errors
/// If the work is on other data, or by another version, unless `any_version`.
pub(crate) fn going_on(
    now: Origin,
    found: Origin,
    place: &Checkpoints,
    any_version: bool,
) -> Result<Origin, RecordError> {
    let place = || place.folder().to_path_buf();
    if now.data != found.data {
        return Err(RecordError::DataChanged { place: place(), what: change(&found.files, &now.files) });
    }
    if now.version != found.version && !any_version {
        return Err(RecordError::OtherVersion { place: place(), version: found.version, own: now.version });
    }
    Ok(Origin { files: now.files, columns: now.columns, ..found })
}

/// The origin of what is kept in `place`.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn origin_of(place: &Checkpoints) -> Result<Origin, RecordError> {
    place.load_present(IDENTITY)
}

/// Which files are others, in words.
fn change(then: &[DataFile], now: &[DataFile]) -> String {
    let other = |file: &&DataFile| then.iter().all(|old| old.sha256 != file.sha256);
    let names: Vec<String> = now
        .iter()
        .filter(other)
        .map(|file| match then.iter().find(|old| old.path == file.path) {
            Some(old) if old.bytes != file.bytes => {
                format!("{} has {}, and had {}", file.path, count(file.bytes, "byte"), old.bytes)
            }
            Some(_) => format!("{} has other bytes, as many as then", file.path),
            None => format!("{} is another file", file.path),
        })
        .collect();
    if names.is_empty() { "the numbers that they come to are others".to_owned() } else { names.join("; ") }
}

/// What the stages of several runs in this process have made, for runs that ask the same again: of the same data, by the same version. Its
/// clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memo(Arc<Mutex<HashMap<String, String>>>);

impl Memo {
    fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Keeps a text, unless it takes more than an eighth of the memory that there is.
    fn put(&self, name: String, text: String) {
        if text.len() as u64 > memory::limit() / 8 {
            return;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, text);
    }
}

/// Values by the hash of version, data and input.
pub(crate) struct Store {
    /// None for one that keeps no files.
    files: Option<Checkpoints>,
    memo: Option<Memo>,
    origin: Origin,
}

impl Store {
    /// The store in `files`, which must hold nothing made from other data, or by another version unless `any_version`: then what
    /// is made now goes on as if by that one.
    ///
    /// # Errors
    /// If it does, or cannot be read or written.
    pub(crate) fn open(files: Checkpoints, origin: Origin, any_version: bool) -> Result<Self, RecordError> {
        if let Some(found) = files.load::<Origin>(IDENTITY)? {
            let origin = going_on(origin, found, &files, any_version)?;
            return Ok(Self { files: Some(files), memo: None, origin });
        }
        files.save(IDENTITY, &origin)?;
        Ok(Self { files: Some(files), memo: None, origin })
    }

    /// A store that keeps nothing, for work that leaves nothing behind.
    pub(crate) fn nowhere(origin: Origin) -> Self {
        Self { files: None, memo: None, origin }
    }

    /// The same, which looks into the memo too, and keeps there what it keeps.
    pub(crate) fn with(self, memo: Option<Memo>) -> Self {
        Self { memo, ..self }
    }

    /// The store in `files`, to read from; none where none was opened there yet.
    ///
    /// # Errors
    /// If what it was made from cannot be read.
    pub(crate) fn present(files: Checkpoints) -> Result<Option<Self>, RecordError> {
        Ok(files.load::<Origin>(IDENTITY)?.map(|origin| Self { files: Some(files), memo: None, origin }))
    }

    /// What all its values were made from.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Takes over all values of another store of the same origin. Those that were made from other input are never found.
    ///
    /// # Errors
    /// If they cannot be copied.
    pub(crate) fn take_over(&self, other: &Checkpoints) -> Result<(), RecordError> {
        self.files.as_ref().map_or(Ok(()), |files| files.copy_from(other))
    }

    /// The key of what `stage` makes of `input`.
    ///
    /// # Errors
    /// If the input cannot be written as JSON.
    pub(crate) fn key<T: Serialize>(&self, stage: &str, input: &T) -> Result<Key, RecordError> {
        let made_from = MadeFrom { version: &self.origin.version, data: &self.origin.data };
        let json = serde_json::to_string(&(made_from, stage, input));
        let json = json.map_err(|error| match &self.files {
            Some(files) => files.refused(error.into()),
            None => RecordError::Write { path: stage.into(), source: error.into() },
        })?;
        Ok(Key(sha256(json.as_bytes())))
    }

    /// The value of that key, which must be there.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub(crate) fn load_present<T: DeserializeOwned>(&self, stage: &str, key: &Key) -> Result<T, RecordError> {
        let absent = || RecordError::Read { path: stage.into(), reason: "nothing is kept".to_owned() };
        self.files.as_ref().ok_or_else(absent)?.load_present(&file(stage, key))
    }

    /// The value of that key, if it was kept.
    ///
    /// # Errors
    /// If it is there but cannot be read, or is damaged.
    pub(crate) fn load<T: DeserializeOwned>(&self, stage: &str, key: &Key) -> Result<Option<T>, RecordError> {
        let name = file(stage, key);
        let kept = self.files.as_ref().map_or(Ok(None), |files| files.load(&name))?;
        let made = || serde_json::from_str(&self.memo.as_ref()?.get(&name)?).ok();
        Ok(kept.or_else(made))
    }

    /// Keeps a value; returns the checksum of its text, which is empty where nothing is kept.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn save<T: Serialize>(&self, stage: &str, key: &Key, value: &T) -> Result<String, RecordError> {
        let name = file(stage, key);
        let checksum = self.files.as_ref().map_or(Ok(String::new()), |files| files.save(&name, value))?;
        if let Some(memo) = &self.memo
            && let Ok(text) = serde_json::to_string(value)
        {
            memo.put(name, text);
        }
        Ok(checksum)
    }
}

/// Name of a value's file. Half of the digits tell all values apart, and leave the name short.
fn file(stage: &str, key: &Key) -> String {
    format!("{stage}-{}", &key.0[..32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::DataColumns;

    fn origin(version: &str, data: &str) -> Origin {
        let files = vec![DataFile { path: "points.csv".to_owned(), bytes: 4, sha256: sha256(data.as_bytes()) }];
        Origin { version: version.to_owned(), data: sha256(data.as_bytes()), files, columns: DataColumns::default() }
    }

    fn store(folder: &std::path::Path, origin: Origin, any_version: bool) -> Result<Store, RecordError> {
        Store::open(Checkpoints::of_ensembles(folder), origin, any_version)
    }

    #[test]
    fn a_value_is_found_by_what_it_depends_on_and_by_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), origin("1.0.0", "data"), false).expect("a store");
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
    fn a_memo_has_what_stores_of_the_same_origin_have_made() {
        let memo = Memo::default();
        let store = |data: &str| Store::nowhere(origin("1.0.0", data)).with(Some(memo.clone()));
        let key = store("data").key("stage", &1).expect("a key");
        store("data").save("stage", &key, &0.1).expect("saved");
        assert_eq!(store("data").load::<f64>("stage", &key).expect("read"), Some(0.1));
        let other = store("Data").key("stage", &1).expect("a key");
        assert_eq!(store("Data").load::<f64>("stage", &other).expect("read"), None);
        assert_eq!(Store::nowhere(origin("1.0.0", "data")).load::<f64>("stage", &key).expect("read"), None);
    }

    #[test]
    fn what_is_no_hash_is_no_key() {
        let read = |text: &str| serde_json::from_str::<Key>(&format!("\"{text}\""));
        let hash = sha256(b"anything");
        assert_eq!(read(&hash).ok(), Some(Key(hash.clone())));
        for bad in ["0", "", &hash[1..], &format!("../../{}", &hash[6..]), &format!("{}\u{e9}", &hash[2..])] {
            assert!(read(bad).is_err_and(|error| error.to_string().contains("64 hexadecimal digits")), "{bad}");
        }
    }

    #[test]
    fn other_data_are_refused_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        store(folder.path(), origin("1.0.0", "data"), false).expect("a store");
        assert!(store(folder.path(), origin("1.0.0", "data"), false).is_ok());
        for (other, words) in [
            (origin("1.0.0", "Data"), "points.csv has other bytes"),
            (
                Origin {
                    files: vec![DataFile { bytes: 5, ..origin("1.0.0", "Data").files.remove(0) }],
                    ..origin("1.0.0", "Data")
                },
                "points.csv has 5 bytes, and had 4",
            ),
            (
                Origin { files: origin("1.0.0", "data").files, ..origin("1.0.0", "Data") },
                "the numbers that they come to",
            ),
        ] {
            let refused = store(folder.path(), other, true).err().expect("other data").to_string();
            assert!(refused.contains("the data have changed") && refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn another_version_is_refused_unless_told_and_then_goes_on_with_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let then = store(folder.path(), origin("1.0.0", "data"), false).expect("a store");
        let key = then.key("stage", &1).expect("a key");
        then.save("stage", &key, &7).expect("saved");
        let refused = store(folder.path(), origin("1.1.0", "data"), false).err().expect("another version").to_string();
        assert!(refused.contains("1.0.0") && refused.contains("1.1.0"), "{refused}");
        assert!(refused.contains("--allow-other-version"), "{refused}");
        let now = store(folder.path(), origin("1.1.0", "data"), true).expect("a store");
        assert_eq!(now.load::<i32>("stage", &now.key("stage", &1).expect("a key")).expect("read"), Some(7));
        assert_eq!(now.origin().version, "1.0.0");
    }
}
