//! Checks the IDX reader against files built byte by byte, and against MNIST where it is at hand.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

/// Two images of 1×2 pixels.
const IMAGE_FILE: [u8; 20] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102];
const LABEL_FILE: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 2, 0];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn read(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (i, l) = (folder.path().join("images"), folder.path().join("labels"));
    fs::write(&i, images).expect("writable");
    fs::write(&l, labels).expect("writable");
    read_idx(&i, &l)
}

#[test]
fn plain_and_gzip_files_are_read() {
    for data in [read(&IMAGE_FILE, &LABEL_FILE), read(&gzip(&IMAGE_FILE), &gzip(&LABEL_FILE))] {
        let data = data.expect("valid");
        assert_eq!((data.inputs, data.input_dim), (vec![0.0, 1.0, 0.2, 0.4], 2));
        assert_eq!((data.targets, data.target_dim), (vec![0.0, 1.0, 1.0, 0.0], 2));
        assert_eq!((data.labels, data.classes), (Some(vec![1, 0]), vec!["0".to_owned(), "2".to_owned()]));
    }
}

#[test]
fn every_truncation_is_refused() {
    for length in 0..IMAGE_FILE.len() {
        let error = read(&IMAGE_FILE[..length], &LABEL_FILE).expect_err("truncated");
        assert!(matches!(error, DataError::Truncated { .. }), "{length} bytes: {error}");
    }
    let message = read(&IMAGE_FILE[..18], &LABEL_FILE).expect_err("truncated").to_string();
    assert!(message.contains("images take 4 bytes, found 2"), "{message}");
    let message = read(&IMAGE_FILE, &LABEL_FILE[..9]).expect_err("truncated").to_string();
    assert!(message.contains("labels take 2 bytes, found 1"), "{message}");
    let packed = gzip(&IMAGE_FILE);
    for length in 2..packed.len() {
        assert!(read(&packed[..length], &LABEL_FILE).is_err(), "{length} of {} bytes were enough", packed.len());
    }
}

#[test]
fn wrong_headers_are_refused() {
    let with = |at: usize, byte: u8| {
        let mut bytes = IMAGE_FILE;
        bytes[at] = byte;
        read(&bytes, &LABEL_FILE).expect_err("wrong header")
    };
    let magic = with(3, 1).to_string();
    assert!(magic.contains("found 0x00000801, wanted 0x00000803") && magic.contains("images"), "{magic}");
    assert!(matches!(with(7, 0), DataError::Empty { .. }));
    assert!(matches!(with(7, 1), DataError::Trailing { expected: 2, .. }));
    let more = [&LABEL_FILE[..7], &[3, 2, 0, 1]].concat();
    let message = read(&IMAGE_FILE, &more).expect_err("3 labels, 2 images").to_string();
    assert!(message.contains("labels: found 3, wanted 2"), "{message}");
    let mut absurd = IMAGE_FILE;
    absurd[4..16].fill(0xff);
    let message = read(&absurd, &LABEL_FILE).expect_err("2^96 bytes").to_string();
    assert!(message.contains("images, rows, columns") && message.contains("4294967295"), "{message}");
}

#[test]
fn a_folder_is_searched_for_either_part() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("writable");
    let message = read_idx_folder(folder.path(), None).expect_err("nothing there").to_string();
    assert!(message.contains("train-images") && message.contains("t10k-labels"), "{message}");
    write("t10k-images-idx3-ubyte.gz", &gzip(&IMAGE_FILE));
    write("t10k-labels-idx1-ubyte", &LABEL_FILE);
    let classes = |part| read_idx_folder(folder.path(), part).map(|data| data.classes);
    assert_eq!(classes(None).expect("test part"), ["0", "2"]);
    assert!(matches!(read_idx_folder(folder.path(), Some(IdxPart::Train)), Err(DataError::MissingFiles { .. })));
    write("train-images-idx3-ubyte", &IMAGE_FILE);
    write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 1]);
    assert_eq!(classes(None).expect("training part"), ["1"]);
    assert_eq!(classes(Some(IdxPart::Test)).expect("test part"), ["0", "2"]);
}

#[test]
fn files_are_found_under_either_naming_and_in_folders_of_their_own() {
    for (images, labels) in [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels.idx1-ubyte/train-labels.idx1-ubyte"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in [(images, &IMAGE_FILE[..]), (labels, &LABEL_FILE)] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, bytes).expect("writable");
        }
        assert!(Idx.reads(folder.path()), "{images}");
        let data = Idx.read(folder.path(), &ReadOptions::default()).expect(images);
        assert_eq!((data.inputs, data.targets), (vec![0.0, 1.0, 0.2, 0.4], vec![0.0, 1.0, 1.0, 0.0]));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("letters-train-images-idx3-ubyte"), IMAGE_FILE).expect("writable");
    let message = Idx.read(folder.path(), &ReadOptions::default()).expect_err("another prefix").to_string();
    assert!(message.contains("there is letters-train-images-idx3-ubyte"), "{message}");
}

/// Each refusal says what to do, and what is saved so is read.
#[test]
fn hints_work_when_followed() {
    let doubles = [&[0, 0, 0x0e, 3], &IMAGE_FILE[4..16], &[0; 32]].concat();
    let signed_labels = [&[0, 0, 9, 1], &LABEL_FILE[4..]].concat();
    let more = [&LABEL_FILE[..7], &[3, 2, 0, 1]].concat();
    let zipped = b"PK\x03\x04 and so on".to_vec();
    for (images, labels, told, hint) in [
        (&LABEL_FILE[..], &IMAGE_FILE[..], "found 0x00000801", "exchange the names"),
        (&IMAGE_FILE, &IMAGE_FILE, "found 0x00000803", "a file of images: exchange"),
        (&doubles, &LABEL_FILE, "found 0x00000e03", "unsigned bytes, or as `x.npy`"),
        (&IMAGE_FILE, &signed_labels, "found 0x00000901", "unsigned bytes"),
        (&IMAGE_FILE, &more, "labels: found 3, wanted 2", "the same part"),
        (&zipped, &LABEL_FILE, "found 0x504b0304", "unpack it"),
    ] {
        let error = read(images, labels).expect_err(told);
        assert!(error.to_string().contains(told) && error.hint().contains(hint), "{error}: {}", error.hint());
    }
    // Names exchanged, bytes for all, the labels of the same part, unpacked: all come to this.
    read(&IMAGE_FILE, &LABEL_FILE).expect("mended");
    let columns = ReadOptions { targets: vec![super::super::Column::Name("digit".into())], ..ReadOptions::default() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("writable");
    place("emnist-letters-train-images-idx3-ubyte", &IMAGE_FILE);
    place("emnist-letters-train-labels-idx1-ubyte", &LABEL_FILE);
    let error = Idx.read(folder.path(), &columns).expect_err("no columns");
    assert!(error.to_string().contains("`digit` is asked for") && error.hint().contains("leave out"), "{error}");
    let error = Idx.read(folder.path(), &ReadOptions::default()).expect_err("other names");
    assert!(error.hint().contains("rename them"), "{}", error.hint());
    for what in ["images-idx3-ubyte", "labels-idx1-ubyte"] {
        let [from, to] = ["emnist-letters-train", "train"].map(|start| folder.path().join(format!("{start}-{what}")));
        fs::rename(from, to).expect("renamed");
    }
    Idx.read(folder.path(), &ReadOptions::default()).expect("renamed");
}

#[test]
fn flat_images_are_those_with_rows_and_columns() {
    let flat = [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2], &IMAGE_FILE[16..]].concat();
    let (flat, square) = (read(&flat, &LABEL_FILE).expect("flat"), read(&IMAGE_FILE, &LABEL_FILE).expect("square"));
    assert_eq!((flat.inputs, flat.input_dim), (square.inputs, square.input_dim));
    assert!(matches!(read(&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2], &LABEL_FILE), Err(DataError::Truncated { .. })));
}

#[test]
fn mnist_is_read_where_it_is_at_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mnist10k");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let data = read_idx_folder(&folder, Some(IdxPart::Test)).expect("MNIST");
    assert_eq!((data.len(), data.input_dim, data.target_dim), (10_000, 784, 10));
    let mut counts = [0; 10];
    for label in data.labels.expect("labels") {
        counts[label as usize] += 1;
    }
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
}
