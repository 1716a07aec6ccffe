//! Reads images in the binary format of CIFAR-10: records of a label and the red, green and blue planes of an image.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::format::{Format, ReadOptions, has_extension};
use super::watch::{Watch, Watched};
use super::{DataError, Dataset, MAX_ELEMENTS};

/// Bytes of an image, three planes of 32 rows and columns, and of a record with its label.
const IMAGE: usize = 3 * 32 * 32;
const RECORD: usize = 1 + IMAGE;
const CLASSES: u8 = 10;
const WHITE: f64 = 255.0;

/// The format of [`read_cifar10`].
#[derive(Debug, Clone, Copy)]
pub struct Cifar10;

impl Format for Cifar10 {
    fn name(&self) -> &'static str {
        "CIFAR-10"
    }

    fn looks_like(&self) -> &'static str {
        "a `.bin` file of CIFAR-10's binary version, or a folder with `data_batch_1.bin` to `data_batch_5.bin`, or else `test_batch.bin`"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "bin") || !batches(path).is_empty()
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        options.refuse_columns(path, "CIFAR-10 files have no columns to name")?;
        read_watched(path, &options.watch)
    }
}

/// Reads a `.bin` file of CIFAR-10, or those of a folder: `data_batch_1.bin` and the like in their order, and `test_batch.bin` where there
/// are none of these. Inputs are pixels divided by 255, the planes one after the other, as a network with `input = [3, 32, 32]` has them; targets
/// are one-hot, with a column for each class that there is.
///
/// # Errors
///
/// [`DataError::Format`] for a label that is none, [`DataError::Truncated`] where the last record is not whole, [`DataError::Empty`]
/// without a record.
pub fn read_cifar10(path: &Path) -> Result<Dataset, DataError> {
    read_watched(path, &Watch::default())
}

/// The files of a folder that are read, in order.
fn batches(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |path: &Path, start: &str| {
        has_extension(path, "bin") && path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with(start))
    };
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.sort();
    let mut batches: Vec<PathBuf> = all.iter().filter(|path| named(path, "data_batch")).cloned().collect();
    if batches.is_empty() {
        batches = all.into_iter().filter(|path| named(path, "test_batch")).collect();
    }
    batches
}

fn read_watched(path: &Path, watch: &Watch) -> Result<Dataset, DataError> {
    let files = if path.is_dir() { batches(path) } else { vec![path.to_path_buf()] };
    let length = |file: &PathBuf| Ok(fs::metadata(file).map_err(DataError::read(file))?.len());
    let lengths: Vec<u64> = files.iter().map(length).collect::<Result<_, DataError>>()?;
    let (name, total) = (path.display().to_string(), lengths.iter().sum::<u64>());
    if total == 0 {
        return Err(DataError::Empty { file: name });
    }
    if total > MAX_ELEMENTS {
        return Err(DataError::format(&name, "length", &total, &format!("at most {MAX_ELEMENTS} bytes")));
    }
    // As bytes, and as numbers.
    DataError::require_memory(&name, &format!("{total} numbers"), u128::from(total), 1 + 8)?;
    let (mut inputs, mut class_of, mut done) = (Vec::with_capacity(total as usize), Vec::new(), 0);
    for (file, length) in files.iter().zip(lengths) {
        add_records(file, (done, total), watch, &mut inputs, &mut class_of)?;
        done += length;
    }
    let targets = class_of.iter().copied().map(f64::from).collect();
    let data = Dataset::new(&name, inputs, IMAGE, targets, 1, Some(class_of))?;
    let read: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    Ok(data.one_hot()?.read_from(&read))
}

/// Adds the pixels and labels of a file, before which so many of all bytes were read.
fn add_records(
    path: &Path,
    (done, of): (u64, u64),
    watch: &Watch,
    inputs: &mut Vec<f64>,
    class_of: &mut Vec<u32>,
) -> Result<(), DataError> {
    let file = fs::File::open(path).map_err(DataError::read(path))?;
    let mut bytes = Vec::new();
    let mut source = BufReader::new(Watched { source: file, watch, done, of });
    source.read_to_end(&mut bytes).map_err(DataError::read(path))?;
    let name = || path.display().to_string();
    for (number, record) in bytes.chunks(RECORD).enumerate() {
        let field = format!("record {}", number + 1);
        if record.len() < RECORD {
            let found = record.len() as u64;
            return Err(DataError::Truncated { file: name(), field, expected: RECORD as u64, found });
        }
        let label = record[0];
        if label >= CLASSES {
            let hint = "give the binary version of CIFAR-10, whose records are a label and 3072 pixels";
            return Err(DataError::format_with(&name(), &format!("{field}, label"), &label, "0 to 9", hint));
        }
        class_of.push(u32::from(label));
        inputs.extend(record[1..].iter().map(|pixel| f64::from(*pixel) / WHITE));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Column;

    /// Records whose pixels count on from their label.
    fn records(labels: &[u8]) -> Vec<u8> {
        labels
            .iter()
            .flat_map(|&label| (0..RECORD).map(move |k| if k == 0 { label } else { label.wrapping_add(k as u8) }))
            .collect()
    }

    #[test]
    fn batches_are_read_in_order_and_the_test_where_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("test_batch.bin", &records(&[7]));
        write("readme.html", b"words");
        let test = read_cifar10(folder.path()).unwrap();
        assert_eq!((test.len(), test.input_dim), (1, 3072));
        write("data_batch_2.bin", &records(&[3]));
        write("data_batch_1.bin", &records(&[3, 9]));
        let train = read_cifar10(folder.path()).unwrap();
        assert_eq!((train.len(), train.input_dim, train.target_dim), (3, 3072, 2));
        assert_eq!(train.targets, [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(train.files.len(), 2);
        // Red begins with the first byte behind the label, blue two planes later.
        for (sample, label) in [3_u8, 9, 3].into_iter().enumerate() {
            for place in [0, 1, 1024, 2048, 3071] {
                let pixel = label.wrapping_add((place + 1) as u8);
                assert!((train.inputs[3072 * sample + place] - f64::from(pixel) / 255.0).abs() < 1e-15);
            }
        }
        let one = super::super::open(&folder.path().join("data_batch_1.bin"), &ReadOptions::default()).unwrap();
        assert_eq!(one.len(), 2);
    }

    #[test]
    fn what_is_not_whole_or_no_label_is_told_by_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_cifar10(&path).unwrap_err()
        };
        let whole = records(&[1, 2]);
        assert!(matches!(refused(b""), DataError::Empty { .. }));
        let cut = refused(&whole[..whole.len() - 1]);
        assert!(matches!(&cut, DataError::Truncated { field, found: 3072, .. } if field == "record 2"), "{cut}");
        let label = refused(&records(&[1, 10]));
        assert!(label.to_string().contains("record 2, label"), "{label}");
        let columns = ReadOptions { inputs: vec![Column::Name("x".to_owned())], ..ReadOptions::default() };
        assert!(super::super::open(&path, &columns).unwrap_err().to_string().contains("no columns"));
    }
}
