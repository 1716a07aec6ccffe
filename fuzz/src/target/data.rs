//! Data in every format.

use super::{LIMIT, Target};
use crate::input::Input;
use flate2::Compression;
use flate2::write::GzEncoder;
use logscape::data::{Dataset, ReadOptions, open, survey};
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(super) const PLAIN: Target = Target {
    name: "",
    good: Vec::new,
    pack: None,
    read: |_| Ok(()),
    names: &[],
    time: Duration::from_secs(1),
    beside: 1 << 17,
    memory: 0,
};

/// Names of columns take more than their letters, and a line may be all names.
pub(super) const CSV: Target = Target {
    name: "csv",
    good: tables,
    read: |folder| read_table(&folder.join("data.csv")),
    names: &["data.csv"],
    beside: 8 << 20,
    ..PLAIN
};

pub(super) const CSV_GZ: Target = Target {
    name: "csv-gz",
    pack: Some(pack_files),
    read: |folder| read_table(&folder.join("data.csv.gz")),
    memory: LIMIT + (9 << 20),
    ..CSV
};

pub(super) const NPY: Target = Target { name: "npy", good: arrays, read, names: &["x.npy", "y.npy"], ..PLAIN };

pub(super) const NPZ: Target = Target {
    name: "npz",
    good: arrays,
    pack: Some(pack_arrays),
    read: |folder| read(&folder.join("data.npz")),
    names: &["data.npz"],
    memory: LIMIT + (1 << 20),
    ..PLAIN
};

pub(super) const IDX: Target =
    Target { name: "idx", good: images, read: read_images, names: &["ubyte", "input"], ..PLAIN };

pub(super) const IDX_GZ: Target = Target { name: "idx-gz", pack: Some(pack_files), memory: LIMIT + (1 << 20), ..IDX };

pub(super) const CIFAR: Target =
    Target { name: "cifar", good: records, read: |folder| read(&folder.join(RECORDS)), names: &[RECORDS], ..PLAIN };

const RECORDS: &str = "data_batch_1.bin";

/// A label and the pixels of an image, some times.
fn records() -> Vec<Input> {
    let of = |count: u32| (0..count * 3073).map(|k| if k % 3073 == 0 { (k / 3073) as u8 } else { (k * 7) as u8 });
    [1, 4].map(|count| Input::of(RECORDS, of(count).collect::<Vec<u8>>())).into()
}

fn read(path: &Path) -> Result<(), String> {
    read_columns(path, &ReadOptions::default())
}

pub(super) fn read_columns(path: &Path, options: &ReadOptions) -> Result<(), String> {
    open(path, options).map(|_| ()).map_err(|error| format!("{error}\n{}", error.hint()))
}

/// As numbers, and with classes as targets.
pub(super) fn read_table(path: &Path) -> Result<(), String> {
    let classes = open(path, &ReadOptions { one_hot: true, ..ReadOptions::default() }).and_then(Dataset::one_hot);
    // What columns hold is told of any table, also of one that is not read.
    let _ = survey(path, &ReadOptions::default());
    read(path).and(classes.map(|_| ()).map_err(|error| format!("{error}\n{}", error.hint())))
}

/// What looks like no folder of images is not read as one by [`open`].
fn read_images(folder: &Path) -> Result<(), String> {
    logscape::data::read_idx_folder(folder, None).map(|_| ()).map_err(|error| format!("{error}\n{}", error.hint()))
}

fn tables() -> Vec<Input> {
    let rows: Vec<String> = (0..12).map(|k| format!("{k},{},{}e-1\n", 0.5 * f64::from(k), k * k)).collect();
    [
        format!("x1,x2,y\n{}", rows.concat()),
        "y,x1,note,x2\r\n1,2,a,-3e1\r\n\r\n 4 , 5,\"b, c\",6.5\r\n".to_owned(),
        "\u{feff}x,y1,y2\n1,2,3\n4,5,6\n".to_owned(),
        "x;y\n1;2\n3;4\n".to_owned(),
        "sep=;\r# made by hand\rsize;kind;\r1,5;a;\r-2;b;\r;;\r".to_owned(),
        "x,y,\"a \"\"name\"\"\"\n1,2,\"two\nlines\"\n0x1,2,\n".to_owned(),
    ]
    .map(|text| Input::of("data.csv", text))
    .into()
}

fn array(descr: &str, order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn arrays() -> Vec<Input> {
    let reals: Vec<u8> = (0..12).flat_map(|k| (0.5 * f64::from(k)).to_le_bytes()).collect();
    let singles: Vec<u8> = (0..12_u8).flat_map(|k| f32::from(k).to_be_bytes()).collect();
    let labels: Vec<u8> = (0..6_i64).flat_map(i64::to_le_bytes).collect();
    let pair = |x, y| Input::of("x.npy", x).and("y.npy", y);
    vec![
        pair(array("<f8", "False", "(6, 2)", &reals), array("<i8", "False", "(6,)", &labels)),
        pair(array(">f4", "True", "(6, 2)", &singles), array("|u1", "False", "(6,)", &[0, 1, 2, 0, 1, 255])),
        pair(array("<f8", "False", "(12L,)", &reals), array("<i4", "False", "(12, 1)", &[0; 48])),
    ]
}

/// Both arrays, stored or deflated, in one archive.
fn pack_arrays(input: &mut Input) {
    let method =
        if input.size().is_multiple_of(2) { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in &input.0 {
        archive.start_file(name, options).expect("a name of its own");
        archive.write_all(bytes).expect("in memory");
    }
    *input = Input::of("data.npz", archive.finish().expect("in memory").into_inner());
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn images() -> Vec<Input> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let file = |header: &[u32], bytes: &[u8]| [words(header), bytes.to_vec()].concat();
    let pair = |n: u32, rows: u32, columns: u32| {
        let pixels: Vec<u8> = (0..n * rows * columns).map(|k| (k * 7) as u8).collect();
        let labels: Vec<u8> = (0..n).map(|k| (k % 10) as u8).collect();
        (file(&[0x803, n, rows, columns], &pixels), file(&[0x801, n], &labels))
    };
    let (images, labels) = pair(20, 4, 4);
    let train = Input::of(IMAGES, images).and(LABELS, labels);
    let (images, labels) = pair(3, 2, 5);
    vec![train, Input::of("t10k-images-idx3-ubyte", images).and("t10k-labels-idx1-ubyte", labels)]
}

/// Each file in gzip.
fn pack_files(input: &mut Input) {
    let packed = std::mem::take(&mut input.0).into_iter().map(|(name, bytes)| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&bytes).expect("in memory");
        (format!("{name}.gz"), packer.finish().expect("in memory"))
    });
    input.0 = packed.collect();
}
