//! Comparison of two Parquet tables by what they hold; how it is packed is no difference.

use std::fs::File;
use std::path::Path;

use parquet::errors::Result;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::findings::Findings;

/// Compares two tables, row by row.
///
/// # Errors
///
/// If a file cannot be read as a table.
pub(crate) fn compare(place: &str, old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let old = SerializedFileReader::new(File::open(old)?)?;
    let new = SerializedFileReader::new(File::open(new)?)?;
    let count = |reader: &SerializedFileReader<File>| reader.metadata().file_metadata().num_rows();
    if count(&old) != count(&new) {
        findings.differ(place, &format!("{} rows", count(&old)), &format!("{} rows", count(&new)));
    }
    let columns = |reader: &SerializedFileReader<File>| -> Vec<String> {
        let schema = reader.metadata().file_metadata().schema().get_fields();
        schema.iter().map(|field| field.name().to_string()).collect()
    };
    let (olds, news) = (columns(&old), columns(&new));
    for name in olds.iter().filter(|name| !news.contains(name)) {
        findings.missing("column", &format!("{place}.{name}"), "");
    }
    for name in news.iter().filter(|name| !olds.contains(name)) {
        findings.addition("column", &format!("{place}.{name}"));
    }
    for (k, (old, new)) in old.get_row_iter(None)?.zip(new.get_row_iter(None)?).enumerate() {
        compare_rows(&format!("{place}[{k}]"), &old?, &new?, findings);
    }
    Ok(())
}

fn compare_rows(place: &str, old: &Row, new: &Row, findings: &mut Findings) {
    for (name, old) in old.get_column_iter() {
        if let Some((_, new)) = new.get_column_iter().find(|(other, _)| *other == name) {
            compare_fields(&format!("{place}.{name}"), old, new, findings);
        }
    }
}

fn compare_fields(place: &str, old: &Field, new: &Field, findings: &mut Findings) {
    match (old, new) {
        (Field::Group(old), Field::Group(new)) => compare_rows(place, old, new, findings),
        (Field::ListInternal(old), Field::ListInternal(new)) => {
            let (old, new) = (old.elements(), new.elements());
            if old.len() != new.len() {
                findings.differ(place, &format!("{} elements", old.len()), &format!("{} elements", new.len()));
            }
            for (k, (old, new)) in old.iter().zip(new).enumerate() {
                compare_fields(&format!("{place}[{k}]"), old, new, findings);
            }
        }
        // To the bit: a NaN is itself, and 0.0 is not -0.0.
        (Field::Double(a), Field::Double(b)) if a.to_bits() == b.to_bits() => {}
        (Field::Float(a), Field::Float(b)) if a.to_bits() == b.to_bits() => {}
        (Field::Double(_) | Field::Float(_), _) => findings.differ(place, &shown(old), &shown(new)),
        _ if old != new => findings.differ(place, &shown(old), &shown(new)),
        _ => {}
    }
}

/// The shortest digits that give back the number, whatever the table's own way to print it.
fn shown(field: &Field) -> String {
    match field {
        Field::Double(value) => format!("{value:?}"),
        Field::Float(value) => format!("{value:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
