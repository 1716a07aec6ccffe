//! The tables that the record holds.

use crate::record::Record;
use serde::Serialize;

/// A table of the record.
#[derive(Serialize)]
pub(super) struct TableView {
    name: &'static str,
    meaning: &'static str,
}

pub(super) fn tables(record: &Record) -> Vec<TableView> {
    let held = record.tables.list().into_iter().filter(|(_, _, rows)| *rows > 0);
    held.map(|(name, meaning, _)| TableView { name, meaning }).collect()
}
