//! Readers of every format are ended part-way, and tell how far they have come.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use parquet::data_type::DoubleType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::{DataError, ReadOptions, open, survey};
use super::*;

const ROWS: usize = 150_000;

fn number(k: usize) -> f64 {
    (k * k % 1_000_003) as f64 / 1_000_003.0
}

/// The same numbers in each format.
fn files(folder: &Path) -> Vec<PathBuf> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("to make a folder");
        fs::write(&path, bytes).expect("to write");
        path
    };
    let rows: Vec<[f64; 2]> = (0..ROWS).map(|k| [number(k), number(k + 1)]).collect();
    let mut csv = String::from("x,y\n");
    rows.iter().for_each(|[x, y]| writeln!(csv, "{x},{y}").expect("text"));
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(csv.as_bytes()).expect("in memory");
    let npy = |column: usize, order: &str| {
        let header = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': ({ROWS}, 1)}}\n");
        let numbers: Vec<u8> = rows.iter().flat_map(|row| row[column].to_le_bytes()).collect();
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &numbers].concat()
    };
    let mut archive = zip::ZipWriter::new(File::create(folder.join("a.npz")).expect("to write"));
    for (column, name) in ["x.npy", "y.npy"].into_iter().enumerate() {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a name");
        archive.write_all(&npy(column, "False")).expect("to write");
    }
    archive.finish().expect("to write");
    let schema = parse_message_type("message table { required double x; required double y; }").expect("a schema");
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).expect("in memory");
    let mut group = writer.next_row_group().expect("a group");
    for column in 0..2 {
        let values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        let mut writer = group.next_column().expect("a column").expect("one of two");
        writer.typed::<DoubleType>().write_batch(&values, None, None).expect("in memory");
        writer.close().expect("in memory");
    }
    group.close().expect("in memory");
    // 40 rows that pyarrow wrote, again and again.
    let stream = include_bytes!("../arrow/rows.arrows");
    let schema = 8 + u32::from_le_bytes([stream[4], stream[5], stream[6], stream[7]]) as usize;
    let (schema, rest) = stream.split_at(schema);
    let (batch, end) = rest.split_at(rest.len() - 8);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let pixels: Vec<u8> = (0..ROWS * 16).map(|k| (k % 251) as u8).collect();
    let count = ROWS as u32;
    write("idx/train-images-idx3-ubyte", &[words(&[0x803, count, 4, 4]), pixels].concat());
    write("idx/train-labels-idx1-ubyte", &[words(&[0x801, count]), vec![3; ROWS - 1], vec![4]].concat());
    write("y.npy", &npy(1, "True"));
    vec![
        write("a.csv", csv.as_bytes()),
        write("a.csv.gz", &packer.finish().expect("in memory")),
        folder.join("a.npz"),
        write("x.npy", &npy(0, "True")),
        write("a.parquet", &writer.into_inner().expect("in memory")),
        write("a.arrows", &[schema, &batch.repeat(ROWS / 40), end].concat()),
        folder.join("idx"),
    ]
}

#[test]
fn readers_of_every_format_end_part_way_when_they_are_asked_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in files(folder.path()) {
        let place = path.display();
        // The shares that are told until one is beyond `end`, where the reader is asked to end.
        let read = |end: f64, read: &dyn Fn(&ReadOptions) -> Result<(), DataError>| {
            let (stop, shares) = (Stop::new(), Mutex::new(Vec::new()));
            let told = |share: f64| {
                shares.lock().expect("nobody panics").push(share);
                if share > end {
                    stop.request();
                }
            };
            let watch = Watch { stop: stop.clone(), told: Some(&told) };
            let outcome = read(&ReadOptions { watch, ..ReadOptions::default() });
            (outcome, shares.into_inner().expect("nobody panics"))
        };
        let whole = |options: &ReadOptions| open(&path, options).map(drop);
        let (outcome, shares) = read(2.0, &whole);
        outcome.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(shares.len() >= 4 && shares.is_sorted(), "{place}: {shares:?}");
        assert!(shares[0] < 0.3 && shares[shares.len() - 1] > 0.7, "{place}: {shares:?}");
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{place}: {shares:?}");
        for end in [0.0, 0.55] {
            let (outcome, until) = read(end, &whole);
            assert!(matches!(outcome, Err(DataError::Interrupted(_))), "{place}: {outcome:?}");
            // It was the last that was told, and what was told before is the same.
            let first = shares.iter().position(|share| *share > end).expect("it is passed");
            assert_eq!(until, shares[..=first], "{place}");
        }
        let looked = |options: &ReadOptions| survey(&path, options).map(drop);
        if survey(&path, &ReadOptions::default()).expect("data").is_some() {
            let (outcome, until) = read(0.55, &looked);
            assert!(matches!(outcome, Err(DataError::Interrupted(_))) && until.len() < shares.len(), "{place}");
        }
    }
}
