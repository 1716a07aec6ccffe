//! Reads a data set from NumPy arrays: an NPZ archive with `x` and `y`, or two NPY files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::format::{Format, ReadOptions, has_extension};
use super::{DataError, Dataset, MAX_ELEMENTS};

/// The longest header that is read; NumPy's own are below 200 bytes.
const MAX_HEADER: usize = 1 << 16;
/// The largest integer up to which `f64` holds every integer, `2⁵³`.
const MAX_EXACT: u64 = 1 << 53;

/// The format of [`read_npz`].
#[derive(Debug, Clone, Copy)]
pub struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "NPZ"
    }

    fn looks_like(&self) -> &'static str {
        "an `.npz` file with the arrays `x` (inputs) and `y` (targets)"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "npz")
    }

    fn read(&self, path: &Path, _: &ReadOptions) -> Result<Dataset, DataError> {
        read_npz(path)
    }
}

/// The format of [`read_npy`]: inputs in `x.npy`, or `name_x.npy`, and targets in `y.npy`, or `name_y.npy`, of the same folder.
/// A path leads to the file of inputs, or to a folder with `x.npy`.
#[derive(Debug, Clone, Copy)]
pub struct Npy;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "NPY"
    }

    fn looks_like(&self) -> &'static str {
        "an `x.npy` (or `name_x.npy`) of inputs beside `y.npy` (or `name_y.npy`) of targets, or the folder of `x.npy` and `y.npy`"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "npy") || path.join("x.npy").is_file()
    }

    fn read(&self, path: &Path, _: &ReadOptions) -> Result<Dataset, DataError> {
        let inputs = if path.is_dir() { path.join("x.npy") } else { path.to_owned() };
        // A file that is not there is told before one that belongs to it.
        File::open(&inputs).map_err(DataError::read(&inputs))?;
        let no_targets = |looked_for| DataError::NoTargets { file: inputs.display().to_string(), looked_for };
        let targets =
            targets_beside(&inputs).ok_or_else(|| no_targets("none, as its name does not end with `x`".into()))?;
        if !targets.is_file() {
            return Err(no_targets(targets.display().to_string()));
        }
        read_npy(&inputs, &targets)
    }
}

/// Where the targets of these inputs are: `y` for `x` as the whole name, or after the last `_` or `-`.
fn targets_beside(inputs: &Path) -> Option<PathBuf> {
    let stem = inputs.file_stem()?.to_str()?;
    let (name, letter) = stem.split_at(stem.char_indices().next_back()?.0);
    let targets = match letter {
        "x" => "y",
        "X" => "Y",
        _ => return None,
    };
    let whole = name.is_empty() || name.ends_with(['_', '-']);
    let extension = inputs.extension()?.to_str()?;
    whole.then(|| inputs.with_file_name(format!("{name}{targets}.{extension}")))
}

/// Reads the arrays `x` (inputs) and `y` (targets) of an NPZ archive, as `numpy.savez` and `savez_compressed` write it.
///
/// Arrays are 1-D (one number per sample) or 2-D (one row per sample), C or Fortran order, of type `f32`, `f64`, `u8`,
/// `i32` or `i64`. A 1-D `y` of non-negative integers also becomes the class labels.
///
/// # Errors
///
/// [`DataError`] where an array is missing, cut off, of another type or shape, or holds NaN.
pub fn read_npz(path: &Path) -> Result<Dataset, DataError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(DataError::read(path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| DataError::read(path)(error.into()))?;
    let x = archive_array(path, &mut archive, "x")?;
    let y = archive_array(path, &mut archive, "y")?;
    Ok(build(&name, x, y)?.read_from(&[path]))
}

/// Reads the inputs from one NPY file and the targets from another; types and shapes as for [`read_npz`].
///
/// # Errors
///
/// As [`read_npz`].
pub fn read_npy(inputs: &Path, targets: &Path) -> Result<Dataset, DataError> {
    let read = |path: &Path| {
        let file = File::open(path).map_err(DataError::read(path))?;
        read_array(&path.display().to_string(), path, BufReader::new(file))
    };
    let (x, y) = (read(inputs)?, read(targets)?);
    let name = format!("{} with {}", inputs.display(), targets.display());
    Ok(build(&name, x, y)?.read_from(&[inputs, targets]))
}

/// One array, row-major.
struct Array {
    values: Vec<f64>,
    columns: usize,
    /// 1-D and of an integer type, so that it can hold class labels.
    countable: bool,
}

fn build(name: &str, x: Array, y: Array) -> Result<Dataset, DataError> {
    let is_label = |value: &f64| (0.0..=f64::from(u32::MAX)).contains(value);
    let labels =
        (y.countable && y.values.iter().all(is_label)).then(|| y.values.iter().map(|value| *value as u32).collect());
    Dataset::new(name, x.values, x.columns, y.values, y.columns, labels)
}

fn archive_array(path: &Path, archive: &mut ZipArchive<BufReader<File>>, array: &str) -> Result<Array, DataError> {
    let file = path.display().to_string();
    let entry = format!("{array}.npy");
    if archive.index_for_name(&entry).is_none() {
        let arrays = archive.file_names().flatten();
        let mut names: Vec<String> =
            arrays.filter_map(|name| Some(format!("`{}`", name.strip_suffix(".npy")?))).collect();
        names.sort();
        let available = if names.is_empty() { "no array".into() } else { names.join(", ") };
        return Err(DataError::MissingColumn { file, column: array.into(), available });
    }
    let entry =
        archive.by_name(&entry).map_err(|error| DataError::Read { file: file.clone(), source: error.into() })?;
    read_array(&format!("{file}, array `{array}`"), path, entry)
}

fn read_array(name: &str, path: &Path, mut source: impl Read) -> Result<Array, DataError> {
    let header = Header::read(name, path, &mut source)?;
    let (rows, columns) = header.dimensions(name)?;
    let width = header.number.width();
    let count = (rows * columns) as u64;
    // As bytes, and as numbers in the order of the file, and in that of rows.
    DataError::require_memory(name, &format!("{rows} × {columns} numbers"), u128::from(count), width as u128 + 16)?;
    let expected = count * width as u64;
    let mut bytes = Vec::new();
    // One byte more than the array takes shows whether the file goes on.
    source.take(expected + 1).read_to_end(&mut bytes).map_err(DataError::read(path))?;
    let found = bytes.len() as u64;
    if found < expected {
        return Err(DataError::Truncated { file: name.into(), field: "the numbers".into(), expected, found });
    }
    if found > expected {
        return Err(DataError::Trailing { file: name.into(), field: "the numbers".into(), expected });
    }
    let stored = bytes.chunks_exact(width).map(|chunk| header.number.decode(chunk, header.big_endian));
    let stored: Vec<f64> = stored.enumerate().map(|(at, value)| exact(name, at, value)).collect::<Result<_, _>>()?;
    let values = if header.fortran_order {
        (0..rows * columns).map(|at| stored[at % columns * rows + at / columns]).collect()
    } else {
        stored
    };
    let countable = header.shape.len() == 1 && !matches!(header.number, Number::F32 | Number::F64);
    Ok(Array { values, columns, countable })
}

/// The number types that are read.
#[derive(Clone, Copy)]
enum Number {
    F32,
    F64,
    U8,
    I32,
    I64,
}

/// A stored number: a real, or an integer that may be too large for one.
#[derive(Clone, Copy)]
enum Stored {
    Real(f64),
    Integer(i64),
}

impl Number {
    fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Decodes `width()` bytes.
    fn decode(self, chunk: &[u8], big_endian: bool) -> Stored {
        let mut eight = [0; 8];
        for (k, byte) in chunk.iter().enumerate() {
            eight[if big_endian { chunk.len() - 1 - k } else { k }] = *byte;
        }
        let whole = u64::from_le_bytes(eight);
        match self {
            Self::U8 => Stored::Integer(i64::from(whole as u8)),
            Self::I32 => Stored::Integer(i64::from((whole as u32).cast_signed())),
            Self::I64 => Stored::Integer(whole.cast_signed()),
            Self::F32 => Stored::Real(f64::from(f32::from_bits(whole as u32))),
            Self::F64 => Stored::Real(f64::from_bits(whole)),
        }
    }
}

fn exact(name: &str, at: usize, value: Stored) -> Result<f64, DataError> {
    match value {
        Stored::Real(value) => Ok(value),
        Stored::Integer(value) if value.unsigned_abs() <= MAX_EXACT => Ok(value as f64),
        Stored::Integer(value) => {
            Err(DataError::format(name, &format!("number {}", at + 1), &value, "an integer of at most 2^53"))
        }
    }
}

/// What stands before the numbers of an NPY file.
struct Header {
    number: Number,
    big_endian: bool,
    fortran_order: bool,
    shape: Vec<u64>,
}

impl Header {
    fn read(name: &str, path: &Path, source: &mut impl Read) -> Result<Self, DataError> {
        let mut start = [0; 8];
        fill(name, path, source, "magic and version", &mut start)?;
        if &start[..6] != b"\x93NUMPY" {
            let found = String::from_utf8_lossy(&start[..6]).escape_debug().to_string();
            return Err(DataError::format(name, "magic", &found, "\\x93NUMPY"));
        }
        let mut length = [0; 4];
        let bytes = match start[6] {
            1 => 2,
            2 | 3 => 4,
            other => return Err(DataError::format(name, "version", &other, "1, 2 or 3")),
        };
        fill(name, path, source, "header length", &mut length[..bytes])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(DataError::format(name, "header length", &length, &format!("at most {MAX_HEADER} bytes")));
        }
        let mut text = vec![0; length];
        fill(name, path, source, "header", &mut text)?;
        Self::parse(name, &String::from_utf8_lossy(&text))
    }

    /// Reads the three keys of the header, which is a Python dictionary.
    fn parse(name: &str, text: &str) -> Result<Self, DataError> {
        let descr = after(name, text, "descr")?;
        let kind = descr.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next()).unwrap_or(descr);
        let number = match kind.trim_start_matches(['<', '>', '|', '=']) {
            "f4" => Number::F32,
            "f8" => Number::F64,
            "u1" => Number::U8,
            "i4" => Number::I32,
            "i8" => Number::I64,
            _ => return Err(DataError::format(name, "dtype", &kind, "f4, f8, u1, i4 or i8")),
        };
        let order = after(name, text, "fortran_order")?;
        let fortran_order = order.starts_with("True");
        if !fortran_order && !order.starts_with("False") {
            return Err(DataError::format(name, "fortran_order", &order, "True or False"));
        }
        let shape_text = after(name, text, "shape")?;
        let inside = shape_text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(inside, _)| inside);
        let bad_shape = || DataError::format(name, "shape", &shape_text, "a tuple of whole numbers");
        let shape = inside
            .ok_or_else(bad_shape)?
            .split(',')
            .map(|part| part.trim().trim_end_matches('L'))
            .filter(|part| !part.is_empty())
            .map(|part| part.parse::<u64>().map_err(|_| bad_shape()))
            .collect::<Result<_, _>>()?;
        Ok(Self { number, big_endian: kind.starts_with('>'), fortran_order, shape })
    }

    /// Rows and columns, refusing what is not 1-D or 2-D, empty or absurdly large.
    fn dimensions(&self, name: &str) -> Result<(usize, usize), DataError> {
        let shape = || format!("{:?}", self.shape);
        let (rows, columns) = match self.shape[..] {
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => return Err(DataError::format(name, "shape", &shape(), "1 or 2 dimensions, one row per sample")),
        };
        match rows.checked_mul(columns) {
            Some(0) => Err(DataError::Empty { file: name.into() }),
            Some(elements) if elements <= MAX_ELEMENTS => Ok((rows as usize, columns as usize)),
            _ => Err(DataError::format(name, "shape", &shape(), &format!("at most {MAX_ELEMENTS} numbers"))),
        }
    }
}

/// What follows `'key':` in the header.
fn after<'a>(name: &str, text: &'a str, key: &str) -> Result<&'a str, DataError> {
    ["'", "\""]
        .iter()
        .find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .map(str::trim_start)
        .ok_or_else(|| DataError::format(name, "header", &text.trim(), &format!("the key '{key}'")))
}

/// Fills `buffer`, or says how much of it there was.
fn fill(name: &str, path: &Path, source: &mut impl Read, field: &str, buffer: &mut [u8]) -> Result<(), DataError> {
    let expected = buffer.len() as u64;
    let mut bytes = Vec::new();
    source.take(expected).read_to_end(&mut bytes).map_err(DataError::read(path))?;
    let found = bytes.len() as u64;
    if found < expected {
        return Err(DataError::Truncated { file: name.into(), field: field.into(), expected, found });
    }
    buffer.copy_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
