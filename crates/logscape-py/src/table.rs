//! Tables of records, as columns for NumPy and as a stream for Arrow.

use crate::bytes::owned;
use crate::error::other;
use arrow_array::builder::{Float64Builder, LargeListBuilder};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, RecordBatch, RecordBatchIterator,
};
use logscape_study::record::{Column, Values};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyCapsule};
use std::sync::Arc;

/// A table of a record.
#[pyclass(frozen, module = "logscape._lib")]
pub(crate) struct Table {
    pub(crate) name: String,
    /// What it holds, in words.
    pub(crate) meaning: &'static str,
    pub(crate) columns: Vec<Column>,
}

/// Numbers of one type and their type in NumPy's words.
#[derive(IntoPyObject)]
enum Numbers<'py> {
    Flat(&'static str, Bound<'py, PyByteArray>),
    Words(&'static str, Vec<String>),
    Lists(&'static str, Vec<Bound<'py, PyByteArray>>),
}

#[pymethods]
impl Table {
    /// Names of its columns, in their order.
    fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(|column| &column.name[..]).collect()
    }

    /// Number of rows.
    fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| match &column.values {
            Values::Flags(flags) => flags.len(),
            Values::Counts(counts) => counts.len(),
            Values::Reals(numbers) => numbers.len(),
            Values::Words(words) => words.len(),
            Values::Lists(lists) => lists.len(),
        })
    }

    /// The values of a column; none where there is no such column.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> Option<Numbers<'py>> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        Some(match &column.values {
            Values::Flags(flags) => {
                let bytes: Vec<u8> = flags.iter().map(|&flag| u8::from(flag)).collect();
                Numbers::Flat("?", PyByteArray::new(py, &bytes))
            }
            Values::Counts(counts) => {
                let bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_ne_bytes()).collect();
                Numbers::Flat("=i8", PyByteArray::new(py, &bytes))
            }
            Values::Reals(numbers) => Numbers::Flat("=f8", owned(py, numbers)),
            Values::Words(words) => Numbers::Words("str", words.clone()),
            Values::Lists(lists) => Numbers::Lists("lists", lists.iter().map(|list| owned(py, list)).collect()),
        })
    }

    /// The capsule of a stream of Arrow's, with the whole table in one batch, and its name and meaning in the metadata.
    fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batch = py.detach(|| {
            let columns = self.columns.iter().map(|column| (&column.name, arrow(&column.values)));
            let batch = RecordBatch::try_from_iter(columns)?;
            let words = [("name", &self.name[..]), ("meaning", self.meaning)];
            let words = words.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let schema = batch.schema().as_ref().clone().with_metadata(words);
            batch.with_schema(Arc::new(schema))
        });
        let batch = batch.map_err(|error| other(py, format!("{}: {error}", self.name)))?;
        let schema = batch.schema();
        let stream = FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

/// A column of Arrow's.
fn arrow(values: &Values) -> ArrayRef {
    match values {
        Values::Flags(flags) => Arc::new(BooleanArray::from(flags.clone())),
        Values::Counts(counts) => Arc::new(Int64Array::from(counts.clone())),
        Values::Reals(numbers) => Arc::new(Float64Array::from(numbers.clone())),
        Values::Words(words) => Arc::new(LargeStringArray::from_iter_values(words)),
        Values::Lists(lists) => {
            let mut rows = LargeListBuilder::new(Float64Builder::new());
            for list in lists {
                rows.values().append_slice(list);
                rows.append(true);
            }
            Arc::new(rows.finish())
        }
    }
}
