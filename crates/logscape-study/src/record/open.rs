//! A record that lies in its folder, for who looks at parts of it.

use super::error::RecordError;
use super::files::unreadable;
use super::folder::{Record, read_words};
use super::tables::{Column, Tables};
use super::unfinished::UnfinishedFolder;
use super::{Manifest, Results, sums};
use crate::asked::Study;
use logscape::model::{Tensor, from_safetensors};
use std::fs;
use std::path::{Path, PathBuf};

/// A complete record in its folder. What is large stays there until it is asked for.
#[derive(Debug, Clone)]
pub struct OpenRecord {
    folder: PathBuf,
    /// The study, every default filled in.
    pub study: Study,
    /// `results.json`.
    pub results: Results,
    /// `manifest.json`.
    pub manifest: Manifest,
    /// Name, meaning and number of rows of each table that has rows.
    pub tables: Vec<(&'static str, &'static str, usize)>,
}

impl OpenRecord {
    /// Opens the record in `folder`, and checks all of it.
    ///
    /// # Errors
    /// If there is an unfinished run instead, or a file is missing, not what was written, or not what it should be.
    pub fn open(folder: &Path) -> Result<Self, RecordError> {
        if let Some(unfinished) = UnfinishedFolder::of(folder) {
            return Err(RecordError::Unfinished(unfinished.partial().to_path_buf()));
        }
        let (study, results, manifest) = read_words(folder)?;
        let place = folder.join("tables");
        let tables = Tables::list_in(&place).map_err(|error| unreadable(&place, &error))?;
        Ok(Self { folder: folder.to_path_buf(), study, results, manifest, tables })
    }

    /// The record that was kept in `folder`.
    pub fn of(folder: PathBuf, record: Record) -> Self {
        let Record { study, results, tables, manifest } = record;
        let tables = tables.list().into_iter().filter(|(.., rows)| *rows > 0).collect();
        Self { folder, study, results, manifest, tables }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The columns of a table, in their order; none where it has no rows.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn columns(&self, table: &str) -> Result<Option<Vec<Column>>, RecordError> {
        let folder = self.folder.join("tables");
        Tables::columns(&folder, table).map_err(|error| unreadable(&folder.join(format!("{table}.parquet")), &error))
    }

    /// The parameters of the minimum as named tensors; none in early records, which do not hold them.
    ///
    /// # Errors
    /// If their file cannot be read.
    pub fn weights(&self) -> Result<Vec<Tensor>, RecordError> {
        let path = self.folder.join(sums::WEIGHTS);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        from_safetensors(&bytes).map_err(|error| unreadable(&path, &error))
    }

    /// The whole record, with the rows of its tables, read anew.
    ///
    /// # Errors
    /// If a file is missing, not what was written, or not what it should be.
    pub fn whole(&self) -> Result<Record, RecordError> {
        Record::read(&self.folder)
    }
}
