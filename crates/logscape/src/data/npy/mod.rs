//! Reads a data set from NumPy arrays: an NPZ archive with `x` and `y`, or two NPY files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::format::{Column, Format, ReadOptions, has_extension};
use super::watch::{Watch, Watched};
use super::{DataError, Dataset, MAX_ELEMENTS};
use crate::model::Stop;

/// What an NPY file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read; NumPy's own are below 200 bytes.
const MAX_HEADER: usize = 1 << 16;
/// Numbers that are decoded before the next look at whether reading is to end.
const NUMBERS: usize = 1 << 16;
/// The largest integer up to which `f64` holds every integer, `2⁵³`.
const MAX_EXACT: u128 = 1 << 53;

/// The format of [`read_npz`].
#[derive(Debug, Clone, Copy)]
pub struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "NPZ"
    }

    fn looks_like(&self) -> &'static str {
        "an `.npz` file with the arrays `x` (inputs) and `y` (targets), or `x_train` and `y_train`, or `arr_0` and `arr_1`"
    }

    fn reads(&self, path: &Path) -> bool {
        has_extension(path, "npz")
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        read_npz(path, options)
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

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        options.refuse_columns(path, "the columns of an NPY file have no names")?;
        let inputs = if path.is_dir() { path.join("x.npy") } else { path.to_owned() };
        // A file that is not there is told before one that belongs to it.
        File::open(&inputs).map_err(DataError::read(&inputs))?;
        let no_targets = |looked_for| DataError::NoTargets { file: inputs.display().to_string(), looked_for };
        let targets =
            targets_beside(&inputs).ok_or_else(|| no_targets("none, as its name does not end with `x`".into()))?;
        if !targets.is_file() {
            return Err(no_targets(targets.display().to_string()));
        }
        read_pair(&inputs, &targets, &options.watch)
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

/// Reads two arrays of an NPZ archive, as `numpy.savez` and `savez_compressed` write it: those that `options` name, or the first
/// pair that there is of `x` and `y`, `x_train` and `y_train`, `arr_0` and `arr_1`, in capitals or not.
///
/// Arrays have a number (1-D) or a row for each sample; further dimensions, such as those of images, are flattened in C order.
/// They are in C or Fortran order, real (2, 4 or 8 bytes), integer (any width, up to `2⁵³`) or boolean. One column of
/// non-negative integers as targets also becomes the class labels.
///
/// # Errors
///
/// [`DataError`] where an array is missing, cut off, of another type or shape, or holds NaN.
pub fn read_npz(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    let name = path.display().to_string();
    let mut file = BufReader::new(File::open(path).map_err(DataError::read(path))?);
    if file.fill_buf().is_ok_and(|start| start.starts_with(MAGIC)) {
        let hint = "give its name the ending `x.npy`, and put its targets beside it in `y.npy`";
        return Err(DataError::format_with(&name, "magic", &"one NPY array", "an NPZ archive of them", hint));
    }
    let mut archive = ZipArchive::new(file).map_err(|error| DataError::read(path)(error.into()))?;
    let names = archive.file_names().flatten();
    let names: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect();
    let [x_name, y_name] = pair(&name, &names, options)?;
    let mut sizes = [0; 2];
    for (size, array) in sizes.iter_mut().zip([&x_name, &y_name]) {
        *size = entry_of(&name, &mut archive, array)?.size();
    }
    let (watch, all) = (&options.watch, sizes[0].saturating_add(sizes[1]));
    let mut array = |array: &str, done| {
        let source = entry_of(&name, &mut archive, array)?;
        let source = Watched { source, watch, done, of: all };
        read_array(&format!("{name}, array `{array}`"), path, source, &watch.stop)
    };
    let (x, y) = (array(&x_name, 0)?, array(&y_name, sizes[0])?);
    let data = build(&name, x, y)?.read_from(&[path]);
    Ok(Dataset { input_names: vec![x_name], target_names: vec![y_name], ..data })
}

/// The names of the arrays of inputs and of targets among these, which are in the order of the archive.
fn pair(file: &str, names: &[String], options: &ReadOptions) -> Result<[String; 2], DataError> {
    let known = [["x", "y"], ["x_train", "y_train"], ["arr_0", "arr_1"]];
    let like = |name: &str| names.iter().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    let found = known.into_iter().find_map(|[x, y]| Some([like(x)?, like(y)?]));
    let [x, y] = found.unwrap_or_else(|| known[0].map(|name| like(name).unwrap_or_else(|| name.to_owned())));
    let asked = |columns: &[Column], default: String| match columns {
        [] => Ok(default),
        [Column::Position(position)] => {
            Ok(position.checked_sub(1).and_then(|at| names.get(at)).cloned().unwrap_or_else(|| position.to_string()))
        }
        [one] => Ok(one.to_string()),
        [_, second, ..] => {
            Err(column_error(file, second, "is one array too many; inputs are one, and targets are one"))
        }
    };
    let chosen = [asked(&options.inputs, x)?, asked(&options.targets, y)?];
    if let Some(missing) = chosen.iter().find(|name| !names.contains(name)) {
        let available: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let (available, hint) = match &available[..] {
            [] => ("no array".to_owned(), BOTH),
            [one] => (one.clone(), BOTH),
            all => (all.join(", "), NAME_ARRAYS),
        };
        return Err(DataError::MissingColumn { file: file.into(), column: missing.clone(), available, hint });
    }
    match &chosen {
        [x, y] if x == y => Err(column_error(file, x, "is asked for both as inputs and as targets")),
        _ => Ok(chosen),
    }
}

/// What to do where one array is missing, or the wrong one is taken.
const BOTH: &str = "save inputs and targets together, as `np.savez(file, x=inputs, y=targets)`";
const NAME_ARRAYS: &str = "name one of these arrays by `inputs = \"...\"` and one by `targets = \"...\"` beside `path`, or by their places from 1";

fn column_error(file: &str, array: &dyn ToString, problem: &str) -> DataError {
    DataError::Column { file: file.into(), column: array.to_string(), problem: problem.into(), hint: NAME_ARRAYS }
}

/// Reads the inputs from one NPY file and the targets from another; types and shapes as for [`read_npz`].
///
/// # Errors
///
/// As [`read_npz`].
pub fn read_npy(inputs: &Path, targets: &Path) -> Result<Dataset, DataError> {
    read_pair(inputs, targets, &Watch::default())
}

fn read_pair(inputs: &Path, targets: &Path, watch: &Watch) -> Result<Dataset, DataError> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(DataError::read(path))?;
        let length = file.metadata().map_err(DataError::read(path))?.len();
        Ok::<_, DataError>((file, length))
    };
    let ((x, first), (y, second)) = (open(inputs)?, open(targets)?);
    let of = first + second;
    let read = |path: &Path, file, done| {
        let source = BufReader::new(Watched { source: file, watch, done, of });
        read_array(&path.display().to_string(), path, source, &watch.stop)
    };
    let (x, y) = (read(inputs, x, 0)?, read(targets, y, first)?);
    let name = format!("{} with {}", inputs.display(), targets.display());
    Ok(build(&name, x, y)?.read_from(&[inputs, targets]))
}

/// One array, row-major.
struct Array {
    values: Vec<f64>,
    columns: usize,
    /// One column of an integer type, so that it can hold class labels.
    countable: bool,
}

fn build(name: &str, x: Array, y: Array) -> Result<Dataset, DataError> {
    let [rows, found] = [&x, &y].map(|array| array.values.len() / array.columns);
    if rows != found {
        let wanted = format!("{rows}, as there are rows of inputs");
        let hint = if y.columns == rows {
            "save targets with a row for each sample: `y.T`"
        } else if x.columns == found {
            "save inputs with a row for each sample: `x.T`"
        } else {
            "save as many rows of targets as of inputs, and check that both are of the same part of the data"
        };
        return Err(DataError::format_with(name, "rows of targets", &found, &wanted, hint));
    }
    let is_label = |value: &f64| (0.0..=f64::from(u32::MAX)).contains(value);
    let labels =
        (y.countable && y.values.iter().all(is_label)).then(|| y.values.iter().map(|value| *value as u32).collect());
    Dataset::new(name, x.values, x.columns, y.values, y.columns, labels)
}

/// An array of an archive, before it is unpacked.
fn entry_of<'a>(
    file: &str,
    archive: &'a mut ZipArchive<BufReader<File>>,
    array: &str,
) -> Result<ZipFile<'a, BufReader<File>>, DataError> {
    archive.by_name(&format!("{array}.npy")).map_err(|error| DataError::unreadable(file, error.into()))
}

fn read_array(name: &str, path: &Path, mut source: impl Read, stop: &Stop) -> Result<Array, DataError> {
    let header = Header::read(name, path, &mut source)?;
    let (rows, columns) = header.dimensions(name)?;
    let width = header.number.width();
    let count = (rows * columns) as u64;
    // As bytes, and as numbers.
    DataError::require_memory(name, &format!("{rows} × {columns} numbers"), u128::from(count), width as u128 + 8)?;
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
    bytes.shrink_to_fit();
    // Their number is known, and a vector that grows would have half as many beside it.
    let mut values = Vec::with_capacity(rows * columns);
    for at in 0..rows * columns {
        if at.is_multiple_of(NUMBERS) {
            stop.check()?;
        }
        let place = if header.fortran_order { header.fortran_place(at) } else { at };
        let value = header.number.decode(&bytes[place * width..][..width], header.big_endian);
        values.push(exact(name, place, value)?);
    }
    let countable = columns == 1 && !matches!(header.number, Number::Real(_));
    Ok(Array { values, columns, countable })
}

/// The number types that are read, with their bytes.
#[derive(Clone, Copy)]
enum Number {
    Real(usize),
    Signed(usize),
    Unsigned(usize),
}

/// A stored number: a real, or an integer that may be too large for one.
#[derive(Clone, Copy)]
enum Stored {
    Real(f64),
    Integer(i128),
}

impl Number {
    fn width(self) -> usize {
        let (Self::Real(width) | Self::Signed(width) | Self::Unsigned(width)) = self;
        width
    }

    /// Decodes `width()` bytes.
    fn decode(self, chunk: &[u8], big_endian: bool) -> Stored {
        let mut eight = [0; 8];
        for (k, byte) in chunk.iter().enumerate() {
            eight[if big_endian { chunk.len() - 1 - k } else { k }] = *byte;
        }
        let whole = u64::from_le_bytes(eight);
        match self {
            Self::Real(2) => Stored::Real(half(whole as u16)),
            Self::Real(4) => Stored::Real(f64::from(f32::from_bits(whole as u32))),
            Self::Real(_) => Stored::Real(f64::from_bits(whole)),
            Self::Unsigned(_) => Stored::Integer(i128::from(whole)),
            Self::Signed(width) => {
                let spare = 64 - 8 * width as u32;
                Stored::Integer(i128::from((whole << spare).cast_signed() >> spare))
            }
        }
    }
}

/// The number with these bits in the 16-bit format of IEEE 754: a sign, 5 bits of exponent, 10 of mantissa.
fn half(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3ff) / 1024.0;
    let size = match bits >> 10 & 0x1f {
        0 => mantissa * 2f64.powi(-14),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + mantissa) * 2f64.powi(i32::from(exponent) - 15),
    };
    if bits >> 15 == 0 { size } else { -size }
}

fn exact(name: &str, at: usize, value: Stored) -> Result<f64, DataError> {
    match value {
        Stored::Real(value) => Ok(value),
        Stored::Integer(value) if value.unsigned_abs() <= MAX_EXACT => Ok(value as f64),
        Stored::Integer(value) => {
            let hint = "subtract what all have in common, or save `a.astype(\"f8\")`, which rounds";
            Err(DataError::format_with(name, &format!("number {}", at + 1), &value, "an integer of at most 2^53", hint))
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
        if start.starts_with(b"PK\x03\x04") {
            let hint = "give its name the ending `.npz`";
            return Err(DataError::format_with(name, "magic", &"an NPZ archive", "one NPY array", hint));
        }
        if !start.starts_with(MAGIC) {
            let found = String::from_utf8_lossy(&start[..6]);
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
        if descr.starts_with('[') {
            let hint = "save it as CSV, or as rows of numbers: `numpy.lib.recfunctions.structured_to_unstructured(a)`";
            return Err(DataError::format_with(name, "dtype", &"records of named fields", "numbers", hint));
        }
        let kind = descr.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next()).unwrap_or(descr);
        let number = match kind.trim_start_matches(['<', '>', '|', '=']) {
            "f2" => Number::Real(2),
            "f4" => Number::Real(4),
            "f8" => Number::Real(8),
            "b1" | "u1" => Number::Unsigned(1),
            "u2" => Number::Unsigned(2),
            "u4" => Number::Unsigned(4),
            "u8" => Number::Unsigned(8),
            "i1" => Number::Signed(1),
            "i2" => Number::Signed(2),
            "i4" => Number::Signed(4),
            "i8" => Number::Signed(8),
            other => {
                let wanted = "f2, f4, f8, b1 or an integer of 1 to 8 bytes";
                return Err(DataError::format_with(name, "dtype", &kind, wanted, advice(other)));
            }
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

    /// Where a file in Fortran order holds the number at this place in C order.
    fn fortran_place(&self, mut at: usize) -> usize {
        let mut stride = self.shape.iter().product::<u64>() as usize;
        let mut place = 0;
        for size in self.shape.iter().rev().map(|size| *size as usize) {
            stride /= size;
            place += at % size * stride;
            at /= size;
        }
        place
    }

    /// Rows and columns, refusing what has no dimension, is empty or absurdly large.
    fn dimensions(&self, name: &str) -> Result<(usize, usize), DataError> {
        let shape = || format!("{:?}", self.shape);
        let Some((&rows, others)) = self.shape.split_first() else {
            let hint =
                "save an array with a number or a row for each sample; `np.atleast_1d(a)` makes one of a single number";
            return Err(DataError::format_with(
                name,
                "shape",
                &shape(),
                "1 dimension or more, one row per sample",
                hint,
            ));
        };
        let columns = others.iter().try_fold(1_u64, |product, size| product.checked_mul(*size)).unwrap_or(u64::MAX);
        match rows.checked_mul(columns) {
            Some(0) => Err(DataError::Empty { file: name.into() }),
            Some(elements) if elements <= MAX_ELEMENTS => Ok((rows as usize, columns as usize)),
            _ => Err(DataError::format(name, "shape", &shape(), &format!("at most {MAX_ELEMENTS} numbers"))),
        }
    }
}

/// How numbers are made of this dtype that holds others.
fn advice(dtype: &str) -> &'static str {
    match dtype.chars().next() {
        Some('O') => {
            "these are Python objects, as rows of unlike lengths are: save `np.array(a.tolist(), dtype=\"f8\")`, with rows of one length"
        }
        Some('U' | 'S' | 'a' | 'T') => {
            "this is text: number its classes by `np.unique(a, return_inverse=True)[1]`, and set `one_hot = true` for targets"
        }
        Some('c') => "these are complex numbers: save their parts side by side, or `np.abs(a)`",
        _ => "save `a.astype(\"f8\")`",
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
