//! Records.

use crate::bytes::owned;
use crate::error::{of_record, other};
use crate::table::Table;
use logscape_study::figures;
use logscape_study::record::OpenRecord;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use std::path::PathBuf;
use std::sync::Arc;

/// A complete record in its folder.
#[pyclass(frozen, module = "logscape._lib")]
pub(crate) struct Record {
    record: Arc<OpenRecord>,
}

/// Opens the record in a folder, and checks it.
#[pyfunction]
pub(crate) fn open(py: Python, folder: PathBuf) -> PyResult<Record> {
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let record = py.detach(|| OpenRecord::open(&folder)).map_err(|error| of_record(py, &error))?;
    Ok(Record::of(Arc::new(record)))
}

impl Record {
    pub(crate) fn of(record: Arc<OpenRecord>) -> Self {
        Self { record }
    }
}

/// Name, shape and numbers.
type Tensor<'py> = (String, Vec<usize>, Bound<'py, PyByteArray>);

#[pymethods]
impl Record {
    /// Where it lies.
    #[getter]
    fn folder(&self) -> PathBuf {
        self.record.folder().to_path_buf()
    }

    /// `results.json`.
    fn results(&self, py: Python) -> PyResult<String> {
        serde_json::to_string(&self.record.results).map_err(|error| other(py, error.to_string()))
    }

    /// `manifest.json`.
    fn manifest(&self, py: Python) -> PyResult<String> {
        serde_json::to_string(&self.record.manifest).map_err(|error| other(py, error.to_string()))
    }

    /// The study in TOML, every default filled in.
    fn study(&self, py: Python) -> PyResult<String> {
        toml::to_string(&self.record.study).map_err(|error| other(py, error.to_string()))
    }

    /// Name, meaning and number of rows of each table that has rows.
    fn tables(&self) -> Vec<(&'static str, &'static str, usize)> {
        self.record.tables.clone()
    }

    /// A table; none where it has no rows.
    fn table(&self, py: Python, name: &str) -> PyResult<Option<Table>> {
        let Some(&(_, meaning, _)) = self.record.tables.iter().find(|(known, ..)| *known == name) else {
            return Ok(None);
        };
        let columns = py.detach(|| self.record.columns(name)).map_err(|error| of_record(py, &error))?;
        Ok(columns.map(|columns| Table { name: name.to_owned(), meaning, columns }))
    }

    /// Name, shape and numbers of each tensor of the minimum's parameters.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Vec<Tensor<'py>>> {
        let tensors = py.detach(|| self.record.weights()).map_err(|error| of_record(py, &error))?;
        Ok(tensors.into_iter().map(|tensor| (tensor.name, tensor.shape, owned(py, &tensor.numbers))).collect())
    }

    /// Name, title, caption and SVG of each figure that the record has data for.
    fn figures(&self, py: Python) -> PyResult<Vec<(&'static str, &'static str, String, String)>> {
        let drawn = py.detach(|| Ok(figures::all(&self.record.whole()?)));
        let drawn = drawn.map_err(|error| of_record(py, &error))?;
        Ok(drawn.into_iter().flatten().map(|figure| (figure.name, figure.title, figure.caption, figure.svg)).collect())
    }
}
