//! Tables written here with one difference or none.

use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

const SCHEMA: &str = "message rows {
    required int64 replica (integer(64, false));
    required binary end (string);
    required double time;
    required group theta (list) { repeated group list { required double element; } }
}";

/// Rows of a number, a text, a real and a list of two reals.
type Rows<'a> = &'a [(i64, &'a str, f64, [f64; 2])];

fn write(path: &Path, schema: &str, rows: Rows, compression: Compression) {
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let replicas: Vec<_> = rows.iter().map(|row| row.0).collect();
    column.typed::<Int64Type>().write_batch(&replicas, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let ends: Vec<_> = rows.iter().map(|row| ByteArray::from(row.1)).collect();
    column.typed::<ByteArrayType>().write_batch(&ends, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let times: Vec<_> = rows.iter().map(|row| row.2).collect();
    column.typed::<DoubleType>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let elements: Vec<_> = rows.iter().flat_map(|row| row.3).collect();
    let levels = vec![1; elements.len()];
    let repeats: Vec<_> = rows.iter().flat_map(|_| [0, 1]).collect();
    column.typed::<DoubleType>().write_batch(&elements, Some(&levels), Some(&repeats)).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

/// Minus one is stored as the largest number without a sign.
const ROWS: Rows = &[(1, "escaped", f64::NAN, [0.5, 0.25]), (-1, "censored", 0.0, [1.0, 2.0])];

/// What a comparison finds between `ROWS` and these, by schema and compression.
fn found(schema: &str, rows: Rows, compression: Compression) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.parquet"), folder.path().join("new.parquet"));
    write(&old, SCHEMA, ROWS, Compression::UNCOMPRESSED);
    write(&new, schema, rows, compression);
    let mut findings = Findings::default();
    compare("t", &old, &new, &mut findings).unwrap();
    (findings.differences, findings.additions.into_iter().collect())
}

#[test]
fn another_compression_is_no_difference() {
    let gzip = Compression::GZIP(GzipLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW, gzip] {
        assert_eq!(found(SCHEMA, ROWS, compression), (vec![], vec![]));
    }
}

#[test]
fn every_value_is_compared_to_the_bit() {
    let other: Rows =
        &[(2, "escaped", f64::NAN, [0.5, f64::from_bits(0.25_f64.to_bits() + 1)]), (-1, "diverged", -0.0, [1.0, 2.0])];
    let (differences, _) = found(SCHEMA, other, Compression::SNAPPY);
    assert_eq!(
        differences,
        [
            "t[0].replica: old 1, new 2",
            "t[0].theta[1]: old 0.25, new 0.25000000000000006",
            "t[1].end: old \"censored\", new \"diverged\"",
            "t[1].time: old 0.0, new -0.0",
        ]
    );
}

#[test]
fn rows_and_columns_are_counted() {
    assert_eq!(found(SCHEMA, &ROWS[..1], Compression::SNAPPY).0, ["t: old 2 rows, new 1 rows"]);
    let renamed = SCHEMA.replace("double time", "double clock");
    let (differences, additions) = found(&renamed, ROWS, Compression::SNAPPY);
    assert_eq!(differences, ["missing column t.time"]);
    assert_eq!(additions, ["new column t.clock"]);
}

#[test]
fn another_type_is_a_difference() {
    let signed = SCHEMA.replace(" (integer(64, false))", "");
    assert_eq!(found(&signed, ROWS, Compression::SNAPPY).0.len(), 2);
}
