//! The folder of a record: work goes on beside its place, and the whole moves there when it is complete.

use super::error::RecordError;
use super::files::{read, remove, unreadable, write_whole};
use super::hash::sha256;
use super::owner::Owner;
use super::place::{self, PARTIAL, beside, remove_page};
use super::sums;
use super::{Manifest, Results, Tables};
use crate::asked::Study;
use logscape::model::WeightsError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io;
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
    /// If a file is missing, not what was written, or not what it should be.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let (study, results, manifest) = read_words(folder)?;
        let path = folder.join("tables");
        let tables = Tables::read(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self { study, results, tables, manifest })
    }
}

/// Study, results and manifest of the record in `folder`, whose files are all checked.
///
/// # Errors
/// If a file is missing, not what was written, or not what it should be.
pub(super) fn read_words(folder: &Path) -> Result<(Study, Results, Manifest), RecordError> {
    sums::check(folder)?;
    let path = folder.join("study.toml");
    let study: Study = toml::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error.message()))?;
    let path = folder.join("results.json");
    let results = Results::from_json(&read(&path)?, study.sgd.sampling).map_err(|error| unreadable(&path, &error))?;
    let path = folder.join("manifest.json");
    let manifest = serde_json::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error))?;
    Ok((study, results, manifest))
}

/// Name of a study's record folder: its name and the start of the hash of the resolved study.
pub(crate) fn folder_name(study: &Study) -> String {
    let text = toml::to_string(study).unwrap_or_default();
    format!("{}-{}", study.name, &sha256(text.as_bytes())[..8])
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

    /// The outputs of stages of the unfinished run in `partial`.
    pub(crate) fn of_stages(partial: &Path) -> Self {
        Self { folder: partial.join("checkpoint") }
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
            Some((sum, json)) if sum == sha256(json.as_bytes()) => {
                serde_json::from_str(json).map_err(|error| fail(error.to_string()))
            }
            _ => Err(RecordError::Damaged(path)),
        }
    }

    /// Keeps a value; returns the checksum of its text.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<String, RecordError> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let json = serde_json::to_string(value)?;
            let sum = sha256(json.as_bytes());
            write_whole(&self.path(name), format!("{sum}\n{json}").as_bytes())?;
            Ok(sum)
        };
        write().map_err(|source| self.refused(source))
    }
}

/// The place of a record, and the folder `PLACE.partial` where the run works until it is complete. No other process can open it
/// while this value lives: `PLACE.partial.lock` says which one does.
///
/// Whenever the process is killed, what is left is complete, or can be gone on with: the notes of the unfinished run, in
/// `checkpoint/`, move with the record and are removed when that is in its place.
#[derive(Debug)]
pub struct RunFolder {
    place: PathBuf,
    partial: PathBuf,
    goes_on: bool,
    replaces: bool,
    _owner: Owner,
}

/// Notes in `checkpoint/`: the study; that what is in the place will be replaced; that the study was refused after stages were
/// finished, so that another one may go on with them.
pub(super) const NOTES: [&str; 3] = ["study.toml", "replaces", "refused"];

impl RunFolder {
    /// The place of a study's record unless the user names one: `runs/NAME-HASH`.
    pub fn default_place(study: &Study) -> PathBuf {
        Path::new("runs").join(folder_name(study))
    }

    /// Where a run works on the record that goes to `place`.
    pub fn partial_of(place: &Path) -> PathBuf {
        beside(place, PARTIAL)
    }

    /// Reserves `place` before anything is computed, or takes up an unfinished run: with `resume`, and where its study was refused,
    /// which goes on with the study as it is now.
    ///
    /// # Errors
    /// If another process is at work there, if no record could be moved there, if something is there already that neither `force`
    /// nor `resume` covers, or if the system refuses.
    pub fn open(place: &Path, study: &Study, force: bool, resume: bool) -> Result<Self, RecordError> {
        place::check(place, force)?;
        let partial = Self::partial_of(place);
        let [noted, replaces, refused] = NOTES.map(|name| partial.join("checkpoint").join(name));
        if resume && !noted.exists() {
            return Err(nothing_to_resume(partial, place));
        }
        let owner = Owner::of(place, beside(place, ".partial.lock"))?;
        let mut folder = Self { place: place.to_path_buf(), partial, goes_on: false, replaces: force, _owner: owner };
        let write = |source| place::refused(place, source);
        let text = toml::to_string(study).map_err(|error| write(io::Error::other(error)))?;
        if noted.exists() && (resume || !force) {
            let found = fs::read_to_string(&noted).map_err(write)?;
            let was_refused = refused.exists();
            if found != text && !was_refused {
                return Err(RecordError::OtherStudy(folder.partial));
            }
            if !resume && !was_refused {
                return Err(RecordError::Unfinished(folder.partial));
            }
            (folder.goes_on, folder.replaces) = (true, replaces.exists());
        } else if resume {
            return Err(nothing_to_resume(folder.partial, place));
        }
        if place.exists() && !folder.replaces {
            return Err(RecordError::Exists(place.to_path_buf()));
        }
        if folder.goes_on {
            let noted = write_whole(&noted, text.as_bytes());
            let forgotten = if refused.exists() { fs::remove_file(refused) } else { Ok(()) };
            return noted.and(forgotten).map(|()| folder).map_err(write);
        }
        if folder.partial.exists() {
            // A run that ended before it noted its study has done nothing; one that had written its results is complete.
            if place::is_record(&folder.partial) && !force {
                return Err(RecordError::NotMoved { partial: folder.partial, place: place.to_path_buf() });
            }
            fs::remove_dir_all(&folder.partial).map_err(write)?;
            remove_page(place);
        }
        let reserve = || {
            let notes = folder.partial.join("checkpoint");
            fs::create_dir_all(&notes)?;
            place::try_names(&notes)?;
            if force {
                File::create(&replaces)?;
            }
            write_whole(&noted, text.as_bytes())
        };
        if let Err(source) = reserve() {
            folder.discard();
            return Err(write(source));
        }
        Ok(folder)
    }

    /// Whether it goes on with an unfinished run.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Notes that the study was refused after stages were finished: the next run here goes on with them, whatever its study.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn note_refusal(&self) -> Result<(), RecordError> {
        let note = self.partial.join("checkpoint").join(NOTES[2]);
        File::create(note).map(|_| ()).map_err(|source| place::refused(&self.place, source))
    }

    /// Where finished stages are kept.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of_stages(&self.partial)
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
        remove_page(&self.place);
    }

    /// Writes the file of the minimum's parameters.
    ///
    /// # Errors
    /// If there is none, or the system refuses.
    pub fn keep_weights(&self, file: Result<Vec<u8>, WeightsError>) -> Result<(), RecordError> {
        let kept =
            file.map_err(io::Error::other).and_then(|bytes| write_whole(&self.partial.join(sums::WEIGHTS), &bytes));
        kept.map_err(|source| RecordError::Write { path: self.place.clone(), source })
    }

    /// Writes the record with its pages (path within the folder, text) and moves it to its place. On an error the
    /// checkpoints stay, so that `--resume` needs no new computation.
    ///
    /// # Errors
    /// If the system refuses, or something has come to the place meanwhile.
    pub fn finish(self, record: &Record, pages: &[(String, String)]) -> Result<PathBuf, RecordError> {
        let write = |source| RecordError::Write { path: self.place.clone(), source };
        self.write_files(record, pages).map_err(write)?;
        // An old record is set aside, not deleted, until the new one has its place.
        let aside = beside(&self.place, ".partial.old");
        let replaced = self.place.exists();
        if replaced && !self.replaces {
            return Err(RecordError::Exists(self.place.clone()));
        }
        if replaced {
            // One that a killed run had set aside was replaced by what is in the place now.
            remove(&aside).map_err(write)?;
            fs::rename(&self.place, &aside).map_err(write)?;
        }
        if let Err(source) = fs::rename(&self.partial, &self.place) {
            if replaced {
                let _ = fs::rename(&aside, &self.place);
            }
            return Err(write(source));
        }
        // The record is complete and in its place: what cannot be removed is in no one's way.
        let _ = remove(&self.place.join("checkpoint"));
        let _ = remove(&aside);
        remove_page(&self.place);
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
        write_whole(&self.partial.join(sums::NAME), sums::of(&self.partial)?.as_bytes())?;
        write_pages(&self.partial, pages)
    }
}

/// There is no unfinished run in `partial`: where its record is instead, if it is anywhere.
fn nothing_to_resume(partial: PathBuf, place: &Path) -> RecordError {
    if place::is_record(&partial) {
        RecordError::NotMoved { partial, place: place.to_path_buf() }
    } else if place::is_record(place) {
        RecordError::Complete(place.to_path_buf())
    } else {
        RecordError::NothingToResume(partial)
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
