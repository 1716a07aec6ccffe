//! The folder of a record: work goes on beside its place, and the whole moves there when it is complete.

use super::error::RecordError;
use super::owner::Owner;
use super::{Manifest, Results, Tables};
use crate::asked::Study;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A complete record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The study, every default filled in.
    pub study: Study,
    /// `results.json`.
    pub results: Results,
    /// `tables/`.
    pub tables: Tables,
    /// `manifest.json`.
    pub manifest: Manifest,
}

impl Record {
    /// Reads a record from its folder.
    ///
    /// # Errors
    /// If a file is missing or not what it should be.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join("study.toml");
        let study: Study = toml::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error.message()))?;
        let path = folder.join("results.json");
        let results =
            Results::from_json(&read(&path)?, study.sgd.sampling).map_err(|error| unreadable(&path, &error))?;
        let path = folder.join("tables");
        let tables = Tables::read(&path).map_err(|error| unreadable(&path, &error))?;
        let path = folder.join("manifest.json");
        let manifest = serde_json::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error))?;
        Ok(Self { study, results, tables, manifest })
    }
}

fn unreadable(path: &Path, reason: &impl ToString) -> RecordError {
    RecordError::Read { path: path.to_path_buf(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<String, RecordError> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Name of a study's record folder: its name and the start of the hash of the resolved study.
pub(crate) fn folder_name(study: &Study) -> String {
    let text = toml::to_string(study).unwrap_or_default();
    format!("{}-{}", study.name, &checksum(&text)[..8])
}

/// Values kept in files of a folder, each behind the SHA-256 checksum of its JSON: results of finished stages while a run
/// goes on, and its ensembles, which stay in the record.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// The ensembles of the record in `folder`.
    pub(crate) fn of_ensembles(folder: &Path) -> Self {
        Self { folder: folder.join("ensembles") }
    }

    /// Where they are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The system refused to keep a value.
    pub(crate) fn refused(&self, source: io::Error) -> RecordError {
        RecordError::Write { path: self.folder.clone(), source }
    }

    /// Copies every value of `other` that is not here.
    ///
    /// # Errors
    /// If one cannot be read or written.
    pub(crate) fn copy_from(&self, other: &Self) -> Result<(), RecordError> {
        let unread = |error: io::Error| RecordError::Read { path: other.folder.clone(), reason: error.to_string() };
        for entry in fs::read_dir(&other.folder).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|kind| kind == "checkpoint"))
            else {
                continue;
            };
            let here = self.folder.join(name);
            if !here.exists() {
                let bytes = fs::read(&path).map_err(unread)?;
                write_whole(&here, &bytes).map_err(|source| self.refused(source))?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.checkpoint"))
    }

    /// The value of that name, if it was kept.
    ///
    /// # Errors
    /// If it is there but cannot be read, or is damaged.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RecordError> {
        if self.path(name).exists() { self.load_present(name).map(Some) } else { Ok(None) }
    }

    /// The value of that name, which must be there.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub(crate) fn load_present<T: DeserializeOwned>(&self, name: &str) -> Result<T, RecordError> {
        let path = self.path(name);
        let fail = |reason: String| RecordError::Read { path: path.clone(), reason };
        let bytes = fs::read(&path).map_err(|error| fail(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| RecordError::Damaged(path.clone()))?;
        match text.split_once('\n') {
            Some((sum, json)) if sum == checksum(json) => {
                serde_json::from_str(json).map_err(|error| fail(error.to_string()))
            }
            _ => Err(RecordError::Damaged(path)),
        }
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), RecordError> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let json = serde_json::to_string(value)?;
            write_whole(&self.path(name), format!("{}\n{json}", checksum(&json)).as_bytes())
        };
        write().map_err(|source| self.refused(source))
    }
}

/// SHA-256 of a text in hexadecimal digits.
fn checksum(text: &str) -> String {
    sha256(text.bytes())
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: impl IntoIterator<Item = u8>) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let bytes: Vec<u8> = bytes.into_iter().collect();
    Sha256::digest(&bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The place of a record, and the folder `PLACE.partial` where the run works until it is complete. No other process can open it
/// while this value lives: `PLACE.partial.lock` says which one does.
#[derive(Debug)]
pub struct RunFolder {
    place: PathBuf,
    partial: PathBuf,
    _owner: Owner,
}

impl RunFolder {
    /// The place of a study's record unless the user names one: `runs/NAME-HASH`.
    pub fn default_place(study: &Study) -> PathBuf {
        Path::new("runs").join(folder_name(study))
    }

    /// Reserves `place` before anything is computed, or takes up an unfinished run.
    ///
    /// # Errors
    /// If another process is at work there, if something is there already that neither `force` nor `resume` covers, or if the system
    /// refuses.
    pub fn open(place: &Path, study: &Study, force: bool, resume: bool) -> Result<Self, RecordError> {
        let beside = |what: &str| {
            let mut name = place.file_name().map_or_else(|| OsString::from("record"), OsString::from);
            name.push(what);
            place.with_file_name(name)
        };
        let partial = beside(".partial");
        let note = partial.join("checkpoint").join("study.toml");
        if resume && !note.exists() {
            return Err(RecordError::NothingToResume(partial));
        }
        let folder = Self { place: place.to_path_buf(), partial, _owner: Owner::of(place, beside(".partial.lock"))? };
        let write = |source| RecordError::Write { path: place.to_path_buf(), source };
        let text = toml::to_string(study).map_err(|error| write(io::Error::other(error)))?;
        if resume {
            let found = fs::read_to_string(&note).map_err(|_| RecordError::NothingToResume(folder.partial.clone()))?;
            return if found == text { Ok(folder) } else { Err(RecordError::OtherStudy(folder.partial)) };
        }
        if place.exists() && !force {
            return Err(RecordError::Exists(place.to_path_buf()));
        }
        if folder.partial.exists() {
            // A run that ended before it noted its study has done nothing; one that had written its results is complete.
            let holds_work = note.exists() || folder.partial.join("results.json").exists();
            if holds_work && !force {
                return Err(RecordError::Unfinished(folder.partial));
            }
            fs::remove_dir_all(&folder.partial).map_err(write)?;
        }
        let reserved = fs::create_dir_all(folder.partial.join("checkpoint"));
        if let Err(source) = reserved.and_then(|()| write_whole(&note, text.as_bytes())) {
            folder.discard();
            return Err(write(source));
        }
        Ok(folder)
    }

    /// Where finished stages are kept.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints { folder: self.partial.join("checkpoint") }
    }

    /// Where ensembles are kept.
    pub(crate) fn ensembles(&self) -> Checkpoints {
        Checkpoints::of_ensembles(&self.partial)
    }

    /// The folder of the unfinished run.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Drops the unfinished run.
    pub fn discard(&self) {
        // What cannot be removed now is reported by the next run, as an unfinished one.
        let _ = fs::remove_dir_all(&self.partial);
    }

    /// Writes the record with its pages (path within the folder, text) and moves it to its place. On an error the
    /// checkpoints stay, so that `--resume` needs no new computation.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn finish(self, record: &Record, pages: &[(String, String)]) -> Result<PathBuf, RecordError> {
        let write = |source| RecordError::Write { path: self.place.clone(), source };
        self.write_files(record, pages).map_err(write)?;
        fs::remove_dir_all(self.partial.join("checkpoint")).map_err(write)?;
        // An old record is set aside, not deleted, until the new one has its place.
        let mut aside = self.partial.clone().into_os_string();
        aside.push(".old");
        let replaced = self.place.exists();
        if replaced {
            fs::rename(&self.place, &aside).map_err(write)?;
        }
        fs::rename(&self.partial, &self.place).map_err(write)?;
        if replaced {
            fs::remove_dir_all(&aside).map_err(write)?;
        }
        Ok(self.place)
    }

    fn write_files(&self, record: &Record, pages: &[(String, String)]) -> io::Result<()> {
        let json = |value: serde_json::Result<String>| value.map(|text| text + "\n").map_err(io::Error::from);
        let study = toml::to_string(&record.study).map_err(io::Error::other)?;
        write_whole(&self.partial.join("study.toml"), study.as_bytes())?;
        write_whole(
            &self.partial.join("results.json"),
            json(serde_json::to_string_pretty(&record.results))?.as_bytes(),
        )?;
        write_whole(
            &self.partial.join("manifest.json"),
            json(serde_json::to_string_pretty(&record.manifest))?.as_bytes(),
        )?;
        let tables = self.partial.join("tables");
        fs::create_dir_all(&tables)?;
        record.tables.write(&tables).map_err(io::Error::other)?;
        write_pages(&self.partial, pages)
    }
}

/// Writes pages (path within the folder, text), each whole or not at all.
///
/// # Errors
/// If the system refuses.
pub(crate) fn write_pages(folder: &Path, pages: &[(String, String)]) -> io::Result<()> {
    for (name, text) in pages {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        write_whole(&path, text.as_bytes())?;
    }
    Ok(())
}

/// Writes a file under a temporary name, brings it to the disk, and renames it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)
}
