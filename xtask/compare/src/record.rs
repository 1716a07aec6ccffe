//! Comparison of two records, or of all records of two folders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use serde_json::Value;

use crate::findings::Findings;
use crate::{json, tables};

const RESULTS: &str = "results.json";

/// What a program writes about itself in `results.json`.
const IGNORED: &str = "version";

/// Compares two records, or the records in two folders: how many, and what was found.
///
/// # Errors
///
/// A message where there is no record to compare, or a file cannot be read.
pub(crate) fn compare(old: &Path, new: &Path) -> Result<(usize, Findings), String> {
    let mut findings = Findings::default();
    if is_record(old) {
        if !is_record(new) {
            return Err(format!("{} has no {RESULTS}", new.display()));
        }
        compare_records("", old, new, &mut findings)?;
        return Ok((1, findings));
    }
    let (olds, news) = (records(old)?, records(new)?);
    if olds.is_empty() {
        return Err(format!("{} is no record and has none", old.display()));
    }
    let mut compared = 0;
    for name in &olds {
        let place = name.to_string_lossy();
        if news.contains(name) {
            compare_records(&format!("{place}/"), &old.join(name), &new.join(name), &mut findings)?;
            compared += 1;
        } else {
            findings.missing("record", &place, "");
        }
    }
    for name in news.difference(&olds) {
        findings.addition("record", &name.to_string_lossy());
    }
    Ok((compared, findings))
}

fn is_record(folder: &Path) -> bool {
    folder.join(RESULTS).is_file()
}

/// Names of the records in a folder.
fn records(folder: &Path) -> Result<BTreeSet<OsString>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().filter(|entry| is_record(&entry.path())).map(|entry| entry.file_name()).collect())
}

fn compare_records(place: &str, old: &Path, new: &Path, findings: &mut Findings) -> Result<(), String> {
    json::compare(&format!("{place}results"), &results(old)?, &results(new)?, findings);
    let (old, new) = (old.join("tables"), new.join("tables"));
    let (olds, news) = (table_names(&old), table_names(&new));
    for name in &olds {
        let place = format!("{place}tables/{}", name.to_string_lossy());
        if news.contains(name) {
            tables::compare(&place, &old.join(name), &new.join(name), findings)
                .map_err(|error| format!("{place}: {error}"))?;
        } else {
            findings.missing("table", &place, "");
        }
    }
    for name in news.difference(&olds) {
        findings.addition("table", &format!("{place}tables/{}", name.to_string_lossy()));
    }
    Ok(())
}

fn results(record: &Path) -> Result<Value, String> {
    let path = record.join(RESULTS);
    let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut value: Value =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove(IGNORED);
    }
    Ok(value)
}

/// Names of the Parquet files in a folder; none where there is none.
fn table_names(folder: &Path) -> BTreeSet<OsString> {
    let is_table = |name: &OsString| Path::new(name).extension().is_some_and(|extension| extension == "parquet");
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).filter(is_table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, record: &str, results: &str) {
        fs::create_dir_all(folder.join(record)).unwrap();
        fs::write(folder.join(record).join(RESULTS), results).unwrap();
    }

    #[test]
    fn folders_are_compared_record_by_record() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        write(&old, "a", r#"{"version": "1", "x": 1}"#);
        write(&old, "b", r#"{"version": "1", "y": 1.5}"#);
        write(&old, "gone", "{}");
        write(&new, "a", r#"{"version": "2", "x": 1}"#);
        write(&new, "b", r#"{"version": "2", "y": 2.5, "z": {"version": 1}}"#);
        write(&new, "more", "{}");
        let (compared, findings) = compare(&old, &new).unwrap();
        assert_eq!(compared, 2);
        assert_eq!(findings.differences, ["b/results.y: old 1.5, new 2.5", "missing record gone"]);
        assert_eq!(Vec::from_iter(findings.additions), ["new field b/results.z", "new record more"]);
        // And one record with another.
        let (compared, findings) = compare(&old.join("a"), &new.join("a")).unwrap();
        assert_eq!((compared, findings), (1, Findings::default()));
    }

    #[test]
    fn tables_that_are_gone_or_no_table_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        for record in [&old, &new] {
            write(record, "", "{}");
            fs::create_dir(record.join("tables")).unwrap();
        }
        fs::write(old.join("tables/rows.parquet"), "").unwrap();
        assert_eq!(compare(&old, &new).unwrap().1.differences, ["missing table tables/rows.parquet"]);
        fs::write(new.join("tables/rows.parquet"), "").unwrap();
        assert!(compare(&old, &new).unwrap_err().starts_with("tables/rows.parquet: "));
    }

    #[test]
    fn no_record_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(compare(folder.path(), folder.path()).is_err());
    }
}
