//! Checks the NumPy reader against arrays and archives built byte by byte.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::*;

/// An NPY file of version 1.0 from its parts.
fn npy(descr: &str, fortran_order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    // Records of fields have a list, which stands without quotes.
    let descr = if descr.starts_with('[') { descr.to_owned() } else { format!("'{descr}'") };
    let text = format!("{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn array(bytes: &[u8]) -> Result<Array, DataError> {
    read_array("a.npy", Path::new("a.npy"), bytes, &Stop::new())
}

/// A ZIP archive of version 2.0 from its entries, stored or deflated.
fn zip(entries: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut crc = Crc::new();
        crc.update(bytes);
        let packed = if deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).expect("in memory");
            encoder.finish().expect("in memory")
        } else {
            bytes.clone()
        };
        let mut common = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0x21, 0];
        for number in [crc.sum(), packed.len() as u32, bytes.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        let offset = body.len() as u32;
        body.extend(b"PK\x03\x04");
        body.extend(&common);
        body.extend(name.as_bytes());
        body.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (offset, size) = (body.len() as u32, directory.len() as u32);
    body.extend(directory);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count, count].concat());
    body.extend([size.to_le_bytes(), offset.to_le_bytes()].concat());
    body.extend([0, 0]);
    body
}

fn in_file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("writable");
    read(&path)
}

#[test]
fn every_number_type_and_byte_order_is_read() {
    let one_and_minus_two_f8 = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0];
    let mut big = one_and_minus_two_f8;
    big[..8].reverse();
    big[8..].reverse();
    let minus_two_i8: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for (descr, bytes) in [
        ("<f8", &one_and_minus_two_f8[..]),
        (">f8", &big[..]),
        ("<f4", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
        ("<i4", &[1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
        (">i4", &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]),
        ("<i8", &minus_two_i8),
        ("<f2", &[0, 0x3c, 0, 0xc0]),
        (">f2", &[0x3c, 0, 0xc0, 0]),
        ("|i1", &[1, 0xfe]),
        ("<i2", &[1, 0, 0xfe, 0xff]),
        (">i2", &[0, 1, 0xff, 0xfe]),
    ] {
        let read = array(&npy(descr, "False", "(2,)", bytes)).expect(descr);
        assert_eq!((read.values, read.columns), (vec![1.0, -2.0], 1), "{descr}");
    }
    assert_eq!(array(&npy("|u1", "False", "(3,)", &[0, 7, 255])).expect("u1").values, [0.0, 7.0, 255.0]);
    for (descr, bytes, value) in [
        ("|b1", &[1][..], 1.0),
        ("<u2", &[0xff, 0xff], 65_535.0),
        ("<u4", &[0xff, 0xff, 0xff, 0xff], 4_294_967_295.0),
        ("<u8", &[0, 0, 0, 0, 0, 0, 0x20, 0], 9_007_199_254_740_992.0),
        // The least subnormal, the least normal and the largest number of IEEE 754 in 16 bits.
        ("<f2", &[1, 0], 2f64.powi(-24)),
        ("<f2", &[0, 4], 2f64.powi(-14)),
        ("<f2", &[0xff, 0x7b], 65_504.0),
    ] {
        assert_eq!(array(&npy(descr, "False", "(1,)", bytes)).expect(descr).values, [value], "{descr}");
    }
}

#[test]
fn images_are_rows_in_c_order() {
    // Two images of 2 × 3 pixels: a[n][r][c] = 100 n + 10 r + c.
    let c: Vec<u8> = vec![0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112];
    let fortran: Vec<u8> = vec![0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112];
    let wanted: Vec<f64> = c.iter().copied().map(f64::from).collect();
    for (order, bytes) in [("False", c), ("True", fortran)] {
        let read = array(&npy("|u1", order, "(2, 2, 3)", &bytes)).expect("three dimensions");
        assert_eq!((read.values, read.columns), (wanted.clone(), 6), "{order}");
    }
}

#[test]
fn arrays_of_an_archive_are_found_by_any_name() {
    let (a, b) = (npy("|u1", "False", "(2, 1)", &[1, 2]), npy("<i2", "False", "(2, 1)", &[7, 0, 8, 0]));
    let name = |name: &str| Column::Name(name.into());
    for (x, y) in [("x", "y"), ("X", "Y"), ("x_train", "y_train"), ("arr_0", "arr_1")] {
        let bytes = zip(&[(&format!("{y}.npy"), b.clone()), (&format!("{x}.npy"), a.clone())], false);
        let data = in_file("a.npz", &bytes, |path| read_npz(path, &ReadOptions::default())).expect(x);
        assert_eq!((data.inputs, data.targets, data.labels), (vec![1.0, 2.0], vec![7.0, 8.0], Some(vec![7, 8])));
        assert_eq!((data.input_names, data.target_names), (vec![x.to_owned()], vec![y.to_owned()]));
    }
    let bytes = zip(&[("images.npy", a.clone()), ("digits.npy", b), ("x.npy", a)], false);
    let asked = |inputs: &str, targets: &str| {
        let options =
            ReadOptions { inputs: vec![name(inputs)], targets: vec![name(targets)], ..ReadOptions::default() };
        in_file("a.npz", &bytes, |path| read_npz(path, &options))
    };
    assert_eq!(asked("images", "digits").expect("named").targets, [7.0, 8.0]);
    let error = asked("images", "digit").expect_err("misspelt");
    assert!(error.to_string().contains("`digit`; there is `images`, `digits`, `x`"), "{error}");
}

#[test]
fn targets_in_one_row_are_refused_with_both_counts() {
    let (x, y) = (npy("|u1", "False", "(3,)", &[1, 2, 3]), npy("|u1", "False", "(1, 3)", &[1, 2, 3]));
    let bytes = zip(&[("x.npy", x), ("y.npy", y)], false);
    let error = in_file("a.npz", &bytes, |path| read_npz(path, &ReadOptions::default())).expect_err("one row");
    assert!(error.to_string().contains("rows of targets: found 1, wanted 3"), "{error}");
}

#[test]
fn both_orders_give_the_same_rows() {
    // [[1, 2, 3], [4, 5, 6]]
    let c = array(&npy("|u1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 6])).expect("C order");
    let fortran = array(&npy("|u1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6])).expect("Fortran order");
    assert_eq!(c.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((c.columns, c.values), (fortran.columns, fortran.values));
}

#[test]
fn what_numpy_writes_is_read() {
    // What `numpy.save` writes for [[1.5, -2.5], [3.5, 4.5]].
    let dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
    let mut bytes = [b"\x93NUMPY\x01\x00\x76\x00", format!("{dictionary:<117}\n").as_bytes()].concat();
    bytes.extend([1.5_f64, -2.5, 3.5, 4.5].map(f64::to_le_bytes).concat());
    let read = array(&bytes).expect("valid");
    assert_eq!((read.values, read.columns), (vec![1.5, -2.5, 3.5, 4.5], 2));
}

#[test]
fn cut_or_extended_arrays_are_refused() {
    let whole = npy("|u1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 6]);
    for length in 0..whole.len() {
        let error = array(&whole[..length]).err().expect("truncated");
        assert!(matches!(error, DataError::Truncated { .. }), "{length} bytes: {error}");
    }
    let message = array(&whole[..whole.len() - 2]).err().expect("truncated").to_string();
    assert!(message.contains("a.npy") && message.contains("take 6 bytes, found 4"), "{message}");
    let longer = [whole, vec![7]].concat();
    assert!(matches!(array(&longer), Err(DataError::Trailing { expected: 6, .. })));
}

#[test]
fn wrong_headers_are_refused_by_field() {
    let huge = "(1099511627776, 1099511627776)";
    for (bytes, field) in [
        (npy("<c16", "False", "(1,)", &[0; 16]), "dtype: found <c16"),
        (npy("<U3", "False", "(1,)", &[0; 12]), "dtype: found <U3"),
        (npy("|u1", "Maybe", "(1,)", &[0]), "fortran_order"),
        (npy("|u1", "False", "()", &[0]), "shape: found []"),
        (npy("|u1", "False", "(-1,)", &[0]), "shape"),
        (npy("|u1", "False", "(1", &[0]), "shape"),
        (npy("|u1", "False", huge, &[0]), "at most"),
        (npy("|u1", "False", "(99999999999999999999,)", &[0]), "shape"),
        (b"\x93NUMPY\x01\x00\x02\x00{}".to_vec(), "'descr'"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), "header length"),
        (b"\x93NUMPY\x09\x00\x02\x00{}".to_vec(), "version"),
        (b"PK\x03\x04 not npy".to_vec(), "magic"),
        (npy("<i8", "False", "(1,)", &i64::MAX.to_le_bytes()), "2^53"),
        (npy("|u1", "False", "(0, 3)", &[]), "no samples"),
    ] {
        let message = array(&bytes).err().expect(field).to_string();
        assert!(message.contains(field) && message.contains("a.npy"), "{message}");
    }
    let noise = [b"\x93NUMPY\x01\x00\xff\xff".to_vec(), vec![0xff; 0xffff]].concat();
    let message = array(&noise).err().expect("no dictionary").to_string();
    assert!(message.contains("\u{fffd}…, wanted the key 'descr'") && message.len() < 350, "{message}");
}

#[test]
fn archives_give_inputs_targets_and_labels() {
    let x = npy("<f4", "False", "(2, 1)", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    let y = npy("|u1", "False", "(2,)", &[3, 0]);
    for deflated in [false, true] {
        let bytes = zip(&[("x.npy", x.clone()), ("y.npy", y.clone())], deflated);
        let data = in_file("a.npz", &bytes, |path| read_npz(path, &ReadOptions::default())).expect("valid");
        assert_eq!((data.inputs, data.input_dim), (vec![1.0, -2.0], 1));
        assert_eq!((data.targets, data.target_dim, data.labels), (vec![3.0, 0.0], 1, Some(vec![3, 0])));
    }
}

#[test]
fn bad_archives_are_refused() {
    let (x, y) = (npy("|u1", "False", "(2,)", &[1, 2]), npy("|u1", "False", "(3,)", &[1, 2, 3]));
    let read = |bytes: &[u8]| {
        let read = |path: &Path| read_npz(path, &ReadOptions::default());
        in_file("a.npz", bytes, read).expect_err("must be refused").to_string()
    };
    let missing = read(&zip(&[("x.npy", x.clone()), ("t.npy", y.clone())], false));
    assert!(missing.contains("`y`") && missing.contains("`x`, `t`"), "{missing}");
    let unequal = read(&zip(&[("x.npy", x.clone()), ("y.npy", y.clone())], false));
    assert!(unequal.contains("targets"), "{unequal}");
    let whole = zip(&[("x.npy", x.clone()), ("y.npy", x.clone())], false);
    assert!(read(&whole[..whole.len() - 30]).contains("a.npz"));
    let cut = zip(&[("x.npy", x[..x.len() - 1].to_vec()), ("y.npy", x.clone())], false);
    assert!(read(&cut).contains("array `x`: truncated"), "{}", read(&cut));
    let mut damaged = whole;
    let at = 35 + x.len() - 1;
    damaged[at] ^= 1;
    assert!(read(&damaged).contains("cannot be read"), "{}", read(&damaged));
}

#[test]
fn two_files_make_a_data_set_and_nan_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    std::fs::write(&x, npy("|u1", "False", "(1, 2)", &[1, 2])).expect("writable");
    std::fs::write(&y, npy("<f4", "False", "(1,)", &0.5_f32.to_le_bytes())).expect("writable");
    let data = read_npy(&x, &y).expect("valid");
    assert_eq!((data.inputs, data.targets, data.labels), (vec![1.0, 2.0], vec![0.5], None));
    std::fs::write(&y, npy("<f4", "False", "(1,)", &f32::NAN.to_le_bytes())).expect("writable");
    let message = read_npy(&x, &y).expect_err("NaN").to_string();
    assert!(message.contains("row 1") && message.contains("y1") && message.contains("y.npy"), "{message}");
}

/// A little-endian `<f8` array of these numbers.
fn reals(shape: &str, numbers: &[f64]) -> Vec<u8> {
    npy("<f8", "False", shape, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

/// Each refusal says what to do, and what is saved so is read.
#[test]
fn hints_work_when_followed() {
    let inputs = reals("(3, 2)", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let targets = reals("(3,)", &[1.0, 0.0, 2.0]);
    let object = npy("|O", "False", "(3,)", b"\x80\x04pickled");
    let text = npy("<U2", "False", "(3,)", &[0; 24]);
    let complex = npy("<c16", "False", "(3,)", &[0; 48]);
    let long = npy("<f16", "False", "(3,)", &[0; 48]);
    let days = npy("<M8[D]", "False", "(3,)", &[0; 24]);
    let fields = npy("[('a', '<f8')]", "False", "(3,)", &[0; 24]);
    let large = npy("<u8", "False", "(3,)", &[0xff; 24]);
    let classes = npy("<i8", "False", "(3,)", &[[1, 0, 0, 0, 0, 0, 0, 0], [0; 8], [2, 0, 0, 0, 0, 0, 0, 0]].concat());
    let row = npy("|u1", "False", "(1, 3)", &[1, 0, 2]);
    let single = npy("|u1", "False", "()", &[1]);
    let four = npy("|u1", "False", "(4,)", &[1, 0, 2, 1]);
    for (x, y, told, hint, mended) in [
        (&object, &targets, "dtype: found |O", "np.array(a.tolist(), dtype=\"f8\")", (&inputs, &targets)),
        (&inputs, &text, "dtype: found <U2", "np.unique(a, return_inverse=True)[1]", (&inputs, &classes)),
        (&inputs, &complex, "dtype: found <c16", "np.abs(a)", (&inputs, &targets)),
        (&inputs, &long, "dtype: found <f16", "a.astype(\"f8\")", (&inputs, &targets)),
        (&inputs, &days, "dtype: found <M8[D]", "a.astype(\"f8\")", (&inputs, &targets)),
        (&fields, &targets, "dtype: found records of named fields", "structured_to_unstructured", (&inputs, &targets)),
        (&inputs, &large, "number 1: found 18446744073709551615", "a.astype(\"f8\")", (&inputs, &targets)),
        (&inputs, &row, "rows of targets: found 1, wanted 3", "`y.T`", (&inputs, &classes)),
        (
            &npy("|u1", "False", "(2, 3)", &[1, 3, 5, 2, 4, 6]),
            &targets,
            "found 3, wanted 2",
            "`x.T`",
            (&inputs, &targets),
        ),
        (&inputs, &single, "shape: found []", "a row for each sample", (&inputs, &classes)),
        (&inputs, &four, "found 4, wanted 3", "as many rows of targets as of inputs", (&inputs, &targets)),
    ] {
        let read = |x: &[u8], y: &[u8]| {
            let bytes = zip(&[("x.npy", x.to_vec()), ("y.npy", y.to_vec())], false);
            in_file("a.npz", &bytes, |path| read_npz(path, &ReadOptions { one_hot: true, ..ReadOptions::default() }))
        };
        let error = read(x, y).expect_err(told);
        assert!(error.to_string().contains(told) && error.hint().contains(hint), "{error}: {}", error.hint());
        let data = read(mended.0, mended.1).expect(told);
        assert_eq!((data.inputs, data.targets), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![1.0, 0.0, 2.0]));
    }
}

#[test]
fn hints_about_names_work_when_followed() {
    let (x, y) = (npy("|u1", "False", "(2,)", &[1, 2]), npy("|u1", "False", "(2,)", &[3, 4]));
    let both = zip(&[("pixels.npy", x.clone()), ("digits.npy", y.clone())], false);
    let asked = |bytes: &[u8], options: ReadOptions| in_file("a.npz", bytes, |path| read_npz(path, &options));
    let error = asked(&both, ReadOptions::default()).expect_err("other names");
    assert!(error.to_string().contains("nothing is named `x`; there is `pixels`, `digits`"), "{error}");
    assert!(error.hint().contains("or by their places from 1"), "{}", error.hint());
    let (one, two) = (Column::Position(1), Column::Position(2));
    for (inputs, targets) in [(Column::Name("pixels".into()), Column::Name("digits".into())), (one.clone(), two)] {
        let options = ReadOptions { inputs: vec![inputs], targets: vec![targets], ..ReadOptions::default() };
        let data = asked(&both, options).expect("named");
        assert_eq!((data.inputs, data.targets), (vec![1.0, 2.0], vec![3.0, 4.0]));
        assert_eq!((data.input_names, data.target_names), (vec!["pixels".to_owned()], vec!["digits".to_owned()]));
    }
    let beyond = ReadOptions { inputs: vec![Column::Position(3)], ..ReadOptions::default() };
    assert!(asked(&both, beyond).expect_err("two arrays").to_string().contains("nothing is named `3`"));
    let twice = ReadOptions { inputs: vec![one.clone()], targets: vec![one], ..ReadOptions::default() };
    assert!(asked(&both, twice).expect_err("the same").to_string().contains("both as inputs and as targets"));
    let error = asked(&zip(&[("x.npy", x.clone())], false), ReadOptions::default()).expect_err("no targets");
    assert!(error.hint().contains("np.savez(file, x=inputs, y=targets)"), "{}", error.hint());
    asked(&zip(&[("x.npy", x.clone()), ("y.npy", y.clone())], false), ReadOptions::default()).expect("both");

    // One array under the name of an archive, and the other way round.
    let error = asked(&x, ReadOptions::default()).expect_err("one array");
    assert!(error.hint().contains("ending `x.npy`, and put its targets beside it in `y.npy`"), "{}", error.hint());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("writable");
        folder.path().join(name)
    };
    let (mut inputs, _) = (place("x.npy", &both), place("y.npy", &y));
    let error = Npy.read(&inputs, &ReadOptions::default()).expect_err("an archive");
    assert!(error.hint().contains("ending `.npz`"), "{}", error.hint());
    inputs = place("x.npy", &x);
    let columns = ReadOptions { inputs: vec![Column::Position(1)], ..ReadOptions::default() };
    let error = Npy.read(&inputs, &columns).expect_err("columns of an array");
    assert!(error.to_string().contains("column `1` is asked for") && error.hint().contains("leave out `inputs`"));
    assert_eq!(Npy.read(&inputs, &ReadOptions::default()).expect("both files").targets, [3.0, 4.0]);
    let error = Npy.read(&place("train_x.npy", &x), &ReadOptions::default()).expect_err("no targets");
    assert!(error.to_string().contains("train_y.npy") && error.hint().contains("`name_y.npy`"), "{error}");
    place("train_y.npy", &y);
    assert_eq!(Npy.read(&folder.path().join("train_x.npy"), &ReadOptions::default()).expect("both").inputs, [1.0, 2.0]);
}
