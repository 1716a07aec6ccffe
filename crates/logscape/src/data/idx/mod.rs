//! Reads images and labels in the IDX format of MNIST, plain or gzip.

use std::fs;
use std::io::{BufReader, Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::format::{Format, ReadOptions};
use super::watch::{Watch, Watched};
use super::{DataError, Dataset, MAX_ELEMENTS};

/// What the two files hold, by their magic numbers: unsigned bytes in so many dimensions.
const IMAGES: &[(u32, &[&str])] =
    &[(0x0000_0803, &["images", "rows", "columns"]), (0x0000_0802, &["images", "pixels"])];
const LABELS: &[(u32, &[&str])] = &[(0x0000_0801, &["labels"])];
const WHITE: f64 = 255.0;

/// Which of the two published parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdxPart {
    /// `train-*`.
    Train,
    /// `t10k-*`.
    Test,
}

impl IdxPart {
    fn prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }

    /// Names of its images and labels without `.gz`.
    fn names(self) -> [String; 2] {
        KINDS.map(|kind| format!("{}-{kind}", self.prefix()))
    }
}

/// Images and labels of one part.
const KINDS: [&str; 2] = ["images-idx3-ubyte", "labels-idx1-ubyte"];

/// The format of [`read_idx_folder`].
#[derive(Debug, Clone, Copy)]
pub struct Idx;

impl Format for Idx {
    fn name(&self) -> &'static str {
        "IDX"
    }

    fn looks_like(&self) -> &'static str {
        "a folder with `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or the `t10k-` pair, with or without `.gz`, with `.idx` or `-idx` in their names"
    }

    fn reads(&self, path: &Path) -> bool {
        !files_in(path).is_empty()
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        options.refuse_columns(path, "IDX files have no columns to name")?;
        read_folder(path, None, &options.watch)
    }
}

/// Reads `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or the `t10k-` pair, with or without `.gz`, with `.idx` for
/// `-idx`, and each alone in a folder with its name or not.
///
/// Without a `part`, the training files where both are there and the test files otherwise.
///
/// # Errors
///
/// [`DataError::MissingFiles`] without such a pair, and as [`read_idx`].
pub fn read_idx_folder(folder: &Path, part: Option<IdxPart>) -> Result<Dataset, DataError> {
    read_folder(folder, part, &Watch::default())
}

fn read_folder(folder: &Path, part: Option<IdxPart>, watch: &Watch) -> Result<Dataset, DataError> {
    let parts = part.map_or(vec![IdxPart::Train, IdxPart::Test], |part| vec![part]);
    let mut looked_for = Vec::new();
    for part in parts {
        let names = part.names();
        if let [Some(images), Some(labels)] = [&names[0], &names[1]].map(|name| present(folder, name)) {
            return read_pair(&images, &labels, watch);
        }
        looked_for.extend(names.map(|name| format!("{name}[.gz]")));
    }
    let there = match &files_in(folder)[..] {
        [] => "none like them".into(),
        files => files.join(", "),
    };
    Err(DataError::MissingFiles { folder: folder.display().to_string(), looked_for: looked_for.join(", "), there })
}

/// The file of this name, plain or gzip, with `-idx` or `.idx`, or in a folder of its own, as archives unpack to.
fn present(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [name.to_owned(), name.replace("-idx", ".idx")].map(|name| [name.clone(), name + ".gz"]);
    let mut paths = names.iter().flatten().map(|name| (folder.join(name), name));
    paths.find_map(|(path, name)| [path.join(name), path].into_iter().find(|path| path.is_file()))
}

/// The names in a folder that end as those of IDX files do, in order.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.trim_end_matches(".gz").ends_with("-ubyte")).collect();
    names.sort();
    names
}

/// Reads one image and one label file: inputs are pixels divided by 255, targets one-hot,
/// with a column for each class that there is. Images have rows and columns, or are flat.
///
/// # Errors
///
/// [`DataError::Format`] for a wrong magic number, impossible dimensions or unequal counts, [`DataError::Truncated`] and
/// [`DataError::Trailing`] where the file and its header disagree.
pub fn read_idx(images: &Path, labels: &Path) -> Result<Dataset, DataError> {
    read_pair(images, labels, &Watch::default())
}

fn read_pair(images: &Path, labels: &Path, watch: &Watch) -> Result<Dataset, DataError> {
    let (image_shape, pixels) = read_bytes(images, IMAGES, watch)?;
    // Nearly all is done.
    let (label_shape, classes) = read_bytes(labels, LABELS, &Watch { told: None, ..watch.clone() })?;
    if image_shape[0] != label_shape[0] {
        let wanted = format!("{}, as there are images in {}", image_shape[0], images.display());
        let hint = "put images and labels of the same part, `train` or `t10k`, beside each other";
        let name = labels.display().to_string();
        return Err(DataError::format_with(&name, "labels", &label_shape[0], &wanted, hint));
    }
    let name = images.display().to_string();
    let inputs = pixels.iter().map(|pixel| f64::from(*pixel) / WHITE).collect();
    let class_of: Vec<u32> = classes.iter().map(|class| u32::from(*class)).collect();
    let targets = class_of.iter().copied().map(f64::from).collect();
    let data = Dataset::new(&name, inputs, pixels.len() / class_of.len(), targets, 1, Some(class_of))?;
    Ok(data.one_hot()?.read_from(&[images, labels]))
}

/// The dimensions and the bytes of one file, checked against each other; both are never empty.
fn read_bytes(path: &Path, known: &[(u32, &[&str])], watch: &Watch) -> Result<(Vec<u32>, Vec<u8>), DataError> {
    let name = path.display().to_string();
    let mut source = open(path, watch)?;
    let (header, _) = read_up_to(path, &mut source, 4)?;
    let found = word(&name, "magic number", &header)?;
    let Some((_, dimensions)) = known.iter().find(|(magic, _)| *magic == found) else {
        let wanted = format!("0x{:08x}", known[0].0);
        return Err(DataError::format_with(&name, "magic number", &format!("0x{found:08x}"), &wanted, advice(found)));
    };
    let mut shape = Vec::new();
    let mut size = Some(1_u64);
    for field in *dimensions {
        let dimension = word(&name, field, &read_up_to(path, &mut source, 4)?.0)?;
        size = size.and_then(|size| size.checked_mul(u64::from(dimension)));
        shape.push(dimension);
    }
    let expected = match size {
        Some(0) => return Err(DataError::Empty { file: name }),
        Some(size) if size <= MAX_ELEMENTS => size,
        _ => {
            let wanted = format!("at most {MAX_ELEMENTS} bytes in all");
            return Err(DataError::format(&name, &dimensions.join(", "), &format!("{shape:?}"), &wanted));
        }
    };
    // As bytes, and as numbers.
    DataError::require_memory(&name, &format!("{expected} numbers"), u128::from(expected), 1 + 8)?;
    // One byte more than the header promises shows whether the file goes on.
    let (bytes, cut) = read_up_to(path, &mut source, expected + 1)?;
    let found = bytes.len() as u64;
    let field = dimensions[0].to_string();
    if found < expected {
        return Err(DataError::Truncated { file: name, field, expected, found });
    }
    if found > expected {
        return Err(DataError::Trailing { file: name, field, expected });
    }
    // The last pixel was there but the checksum behind it was not.
    cut.map_or(Ok((shape, bytes)), |error| Err(DataError::read(path)(error)))
}

/// What to do about a file with this magic number, which says its type and dimensions.
fn advice(magic: u32) -> &'static str {
    match magic {
        0x0801 => "this is a file of labels: exchange the names of the two files",
        0x0802 | 0x0803 => "this is a file of images: exchange the names of the two files",
        // Signed bytes, and numbers of two to eight bytes.
        0x0900..=0x0eff => "save pixels and labels as unsigned bytes, or as `x.npy` and `y.npy`",
        _ => "check that the file is what its name says; if it is packed by something else than gzip, unpack it",
    }
}

/// Opens a file, through gzip where it begins like one.
fn open<'a>(path: &Path, watch: &'a Watch) -> Result<Box<dyn Read + 'a>, DataError> {
    let mut file = fs::File::open(path).map_err(DataError::read(path))?;
    let (start, _) = read_up_to(path, &mut file, 2)?;
    file.seek(SeekFrom::Start(0)).map_err(DataError::read(path))?;
    let of = file.metadata().map_err(DataError::read(path))?.len();
    let file = BufReader::new(Watched { source: file, watch, done: 0, of });
    Ok(if start == [0x1f, 0x8b] { Box::new(GzDecoder::new(file)) } else { Box::new(file) })
}

/// At most `limit` bytes, and the complaint where the gzip stream is cut off before them or before its checksum.
fn read_up_to(path: &Path, source: &mut dyn Read, limit: u64) -> Result<(Vec<u8>, Option<Error>), DataError> {
    let mut bytes = Vec::new();
    match source.take(limit).read_to_end(&mut bytes) {
        Ok(_) => Ok((bytes, None)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok((bytes, Some(error))),
        Err(error) => Err(DataError::read(path)(error)),
    }
}

/// A big-endian word of the header.
fn word(name: &str, field: &str, bytes: &[u8]) -> Result<u32, DataError> {
    match bytes.try_into() {
        Ok(four) => Ok(u32::from_be_bytes(four)),
        Err(_) => {
            Err(DataError::Truncated { file: name.into(), field: field.into(), expected: 4, found: bytes.len() as u64 })
        }
    }
}

#[cfg(test)]
mod tests;
