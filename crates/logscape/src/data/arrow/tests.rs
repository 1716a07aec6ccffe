//! Checks the reader of Arrow files against what pandas 3.1 (`.feather`), polars 2.1 and pyarrow 26 wrote.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::{Column as Asked, Entries, read_csv};
use super::*;

const PANDAS: &[u8] = include_bytes!("pandas.feather");
const POLARS: &[u8] = include_bytes!("polars.arrow");
const POLARS_STREAM: &[u8] = include_bytes!("polars.arrows");
const OTHERS: &[u8] = include_bytes!("others.arrows");
const NESTED: &[u8] = include_bytes!("nested.arrows");

fn place(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.arrow");
    std::fs::write(&path, bytes).expect("writable");
    (folder, path)
}

fn asked(inputs: &[&str], targets: &[&str]) -> ReadOptions<'static> {
    let columns = |names: &[&str]| names.iter().map(|name| Asked::Name((*name).into())).collect();
    ReadOptions { inputs: columns(inputs), targets: columns(targets), ..ReadOptions::default() }
}

fn classes(inputs: &[&str], target: &str) -> ReadOptions<'static> {
    ReadOptions { one_hot: true, ..asked(inputs, &[target]) }
}

fn read(bytes: &[u8], options: &ReadOptions) -> Result<Dataset, DataError> {
    let (_folder, path) = place(bytes);
    read_arrow(&path, options)
}

/// A stream in which pyarrow wrote 1, 2, 3, 4 to `x` in two batches, with these in their place.
fn with_numbers(numbers: [f64; 4]) -> Vec<u8> {
    let mut bytes = include_bytes!("grown.arrows").to_vec();
    let pair = |a: f64, b: f64| [a.to_le_bytes(), b.to_le_bytes()].concat();
    for (before, after) in [(pair(1.0, 2.0), &numbers[..2]), (pair(3.0, 4.0), &numbers[2..])] {
        let found = bytes.windows(16).position(|window| window == before).expect("it is there");
        bytes[found..found + 16].copy_from_slice(&pair(after[0], after[1]));
    }
    bytes
}

/// The `k`-th row of `numbers.arrow`, as it was written.
fn numbers(k: i64) -> [f64; 12] {
    // Half precision has numbers 32 apart there, of which the last is nearest.
    let half = if k == 11 { -65_504.0 } else { 0.25 * k as f64 };
    let category = [5, -7, 1_i64 << 40][k as usize % 3];
    let two = |power: u32| 1_i64 << power;
    let wholes = [-k, 255 - k, k - two(15), two(16) - 1 - k, k - two(31), two(32) - 1 - k, k - two(53), two(53) - k];
    let [a, b, c, d, e, f, g, h] = wholes.map(|whole| whole as f64);
    [a, b, c, d, e, f, g, h, if k % 3 == 0 { 1.0 } else { 0.0 }, half, category as f64, 0.1 * k as f64]
}

/// Whatever the type, numbers come as they are.
#[test]
fn every_type_of_number_is_read() {
    let data = read(include_bytes!("numbers.arrow"), &ReadOptions::default()).expect("valid");
    assert_eq!((data.input_dim, data.target_dim, data.len()), (11, 1, 12));
    assert_eq!(data.input_names.join(" "), "i08 u08 i16 u16 i32 u32 i64 u64 flag half category");
    for (k, (x, y)) in (0..).zip(data.inputs.chunks(11).zip(&data.targets)) {
        assert_eq!([x, &[*y]].concat(), numbers(k), "row {k}");
    }
    // Whose description has hardly a byte that tells nothing.
    let data = read(include_bytes!("wide.arrows"), &ReadOptions::default()).expect("valid");
    let rows = (0..3).flat_map(|row| (0..19).map(move |column| f64::from(row + column)));
    assert!(data.inputs.iter().copied().eq(rows), "{:?}", data.inputs);
    assert_eq!(data.targets, [19.0, 20.0, 21.0]);
    // As writers before 2019 put it, in two batches, with an index.
    let data = read(include_bytes!("old.arrow"), &ReadOptions::default()).expect("valid");
    assert_eq!((data.inputs, data.targets), (vec![0.5, 1.5, 2.5], vec![1.0, 2.0, 3.0]));
    assert_eq!(data.input_names, ["x"]);
}

/// A data frame with a category, packed by LZ4.
#[test]
fn what_pandas_writes_is_read() {
    let error = read(PANDAS, &asked(&[], &["x"])).expect_err("text among the inputs");
    assert!(error.to_string().contains("column `kind` holds text") && error.hint().contains("one_hot"), "{error}");
    let data = read(PANDAS, &classes(&[], "kind")).expect("valid");
    assert_eq!(data.input_names, ["size", "x"]);
    let rows = (0..24).flat_map(|k| {
        let size = f64::from(k * k % 17);
        [size, f64::from((0.5 * size + 0.1 * f64::from(k % 5)) as f32)]
    });
    assert!(data.inputs.iter().copied().eq(rows), "{:?}", data.inputs);
    assert_eq!((data.classes.join(" "), data.labels), ("a b c".into(), Some([1, 0, 2].repeat(8))));
}

/// Two batches packed by zstd, and a stream packed by LZ4, with text that is short and long, an `Enum` and a `Categorical`.
#[test]
fn what_polars_writes_is_read() {
    for (column, names) in [("k", ["a", "a long name of a class", "c"]), ("e", ["u", "v", "w"])] {
        let data = read(POLARS, &classes(&["x"], column)).expect("valid");
        assert!(data.inputs.iter().copied().eq((0..200).map(|k| 0.5 * f64::from(k))), "{:?}", data.inputs);
        assert_eq!(data.classes, names);
        assert!(data.labels.expect("classes").into_iter().eq((0..200).map(|k| k % 3)));
    }
    let data = read(POLARS_STREAM, &classes(&["x"], "c")).expect("valid");
    assert!(data.inputs.iter().copied().eq((0..9).map(|k| 0.5 * f64::from(k))), "{:?}", data.inputs);
    assert_eq!((data.classes.join(" "), data.labels), ("u v w".into(), Some([0, 1, 2].repeat(3))));
    let error = read(POLARS_STREAM, &classes(&["x"], "k")).expect_err("a null");
    assert!(error.to_string().contains("row 3, column `k`: found null"), "{error}");
    let (_folder, path) = place(POLARS_STREAM);
    let survey = Arrow.survey(&path, &asked(&["x"], &["c"])).expect("a table").expect("columns");
    let entries = [(9, 0, 0), (0, 6, 3), (0, 9, 0)];
    assert_eq!(survey.entries, entries.map(|(numbers, texts, holes)| Entries { numbers, texts, holes }));
    assert_eq!((survey.names.join(" "), survey.inputs, survey.targets), ("x k c".into(), vec![0], vec![2]));
}

/// Writers may leave buffers as they are that do not become smaller, as is one here by hand; pyarrow reads the same.
#[test]
fn buffers_that_are_not_packed_among_others_are_read() {
    let data = read(include_bytes!("mixed.arrows"), &ReadOptions::default()).expect("valid");
    assert!(
        data.inputs.iter().copied().eq((0..20).map(|k| f64::from(k + 2).sqrt() * 3_f64.powi(k))),
        "{:?}",
        data.inputs
    );
    assert_eq!(data.targets, [2.5; 20]);
}

/// A dictionary goes on, or, in a stream, is another from some batch on.
#[test]
fn dictionaries_grow_and_are_replaced() {
    let file = include_bytes!("grown.arrow");
    for bytes in [&file[..], include_bytes!("grown.arrows")] {
        let data = read(bytes, &classes(&["x"], "k")).expect("valid");
        assert_eq!((data.classes.join(" "), data.labels), ("a b c".into(), Some(vec![1, 0, 2, 0])));
    }
    // The byte that says that `c` follows `b` and `a`.
    let mut replaced = file.to_vec();
    assert_eq!(std::mem::take(&mut replaced[707]), 1);
    let error = read(&replaced, &classes(&["x"], "k")).expect_err("two of one number");
    assert!(error.to_string().contains("the description of its columns"), "{error}");
    let data = read(include_bytes!("replaced.arrows"), &classes(&["x"], "k")).expect("valid");
    assert_eq!(data.inputs, [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((data.classes.join(" "), data.labels), ("a b c z".into(), Some(vec![1, 0, 2, 0, 3])));
}

/// The same table as CSV is the same data, however its columns are chosen.
#[test]
fn a_table_reads_as_its_csv_does() {
    let (folder, path) = place(POLARS);
    let table = folder.path().join("a.csv");
    let mut csv = "x,k,e\n".to_owned();
    for k in 0..200 {
        let (name, letter) = (["a", "a long name of a class", "c"][k % 3], ["u", "v", "w"][k % 3]);
        writeln!(csv, "{},{name},{letter}", 0.5 * k as f64).expect("text");
    }
    std::fs::write(&table, csv).expect("writable");
    for options in [classes(&["x"], "k"), classes(&["x*"], "e")] {
        let of_csv = read_csv(&table, &options).expect("CSV");
        let of_arrow = read_arrow(&path, &options).expect("Arrow");
        let (name, files) = (of_arrow.name.clone(), of_arrow.files.clone());
        assert_eq!(of_arrow, Dataset { name, files, ..of_csv });
    }
    for options in [asked(&["z"], &[]), asked(&["x"], &["x"]), asked(&["*1"], &[])] {
        let of_csv = read_csv(&table, &options).expect_err("refused").to_string();
        assert_eq!(read_arrow(&path, &options).expect_err("refused").to_string().replace(".arrow", ".csv"), of_csv);
    }
}

/// Each number that is refused is named by row and column, and the table mended as the hint says is read.
#[test]
fn bad_entries_are_named_and_their_hints_work() {
    let options = classes(&["x"], "k");
    for (bad, parts) in [
        ([1.0, f64::NAN, 3.0, 4.0], ["row 2, column `x`", "found NaN", "correct"]),
        ([1.0, 2.0, 3.0, f64::NEG_INFINITY], ["row 4, column `x`", "found -inf", "correct"]),
    ] {
        let error = read(&with_numbers(bad), &options).expect_err("refused");
        let text = format!("{error}\n{}", error.hint());
        assert!(text.contains("a.arrow") && parts.iter().all(|part| text.contains(part)), "{text}");
    }
    assert_eq!(read(&with_numbers([5.0, 6.0, 7.0, 8.0]), &options).expect("corrected").inputs, [5.0, 6.0, 7.0, 8.0]);
    // An integer of 64 bits, of which the numbers come near only.
    let mut bytes = include_bytes!("numbers.arrow").to_vec();
    let largest = [(1_i64 << 53).to_le_bytes(), ((1_i64 << 53) - 1).to_le_bytes()].concat();
    let at = bytes.windows(16).position(|window| window == largest).expect("it is there");
    bytes[at] = 1;
    let error = read(&bytes, &ReadOptions::default()).expect_err("inexact");
    assert!(error.to_string().contains("row 1, column `u64`: found 9007199254740993"), "{error}");
    assert!(error.hint().contains("subtract"), "{}", error.hint());
}

/// What is no number says what to write in its place, and columns beside it are read where the hint's other way is followed.
#[test]
fn other_columns_are_refused_or_left_out() {
    for (table, column, what, hint) in [
        (OTHERS, "date", "dates or times", "pd.to_datetime"),
        (OTHERS, "stamp", "dates or times", "total_seconds"),
        (OTHERS, "clock", "times of the day", "to_timedelta"),
        (OTHERS, "span", "spans of time", "to_timedelta"),
        (OTHERS, "month", "months and days", "write numbers"),
        (OTHERS, "price", "decimals", "astype(\"float64\")"),
        (OTHERS, "bytes", "bytes", "numbers or text"),
        (OTHERS, "fixed", "bytes", "numbers or text"),
        (OTHERS, "viewed", "bytes", "numbers or text"),
        (OTHERS, "pair", "lists or records", "a column of its own"),
        (OTHERS, "map", "lists or records", "a column of its own"),
        (OTHERS, "none", "nothing but nulls", "fill it"),
        (OTHERS, "dated", "dates or times", "pd.to_datetime"),
        (OTHERS, "text", "text", "one_hot"),
        (NESTED, "list", "lists or records", "a column of its own"),
        (NESTED, "listview", "lists or records", "a column of its own"),
        (NESTED, "record", "lists or records", "a column of its own"),
        (NESTED, "sparse", "lists or records", "a column of its own"),
        (NESTED, "dense", "lists or records", "a column of its own"),
        (NESTED, "runs", "runs of equal values", "run_end_decode"),
    ] {
        let error = read(table, &asked(&["x", column], &["y"])).expect_err(column);
        assert!(error.to_string().contains(&format!("column `{column}` holds {what}")), "{error}");
        assert!(error.hint().contains(hint) && error.hint().contains("leave the column out"), "{}", error.hint());
    }
    for table in [OTHERS, NESTED] {
        let left_out = read(table, &asked(&["x"], &["y"])).expect("left out");
        assert_eq!((left_out.inputs, left_out.targets), (vec![0.5, 1.5], vec![3.0, 4.0]));
        let (_folder, path) = place(table);
        let survey = Arrow.survey(&path, &ReadOptions::default()).expect("a table").expect("columns");
        let numbers = survey.entries.iter().filter(|entries| entries.numbers == 2).count();
        let texts = survey.entries.iter().filter(|entries| entries.texts > 0).count();
        assert_eq!((numbers, texts), (2, usize::from(table == OTHERS)), "{:?}", survey.entries);
    }
}

/// What looks like an Arrow file and is none says what it is.
#[test]
fn other_files_are_refused_by_what_they_are() {
    let refused = |bytes: &[u8]| {
        let error = read(bytes, &ReadOptions::default()).expect_err("refused");
        format!("{error}\n{}", error.hint())
    };
    let text = refused(include_bytes!("first.feather"));
    assert!(text.contains("the first version of Feather") && text.contains("to_feather("), "{text}");
    let text = refused(b"x,y\n1,2\n3,4\n");
    assert!(text.contains("magic") && text.contains("ARROW1"), "{text}");
    // A message of a schema whose first field, of two bytes, is 1; both tables follow the places of their fields.
    let message: [&[u8]; 5] = [
        &[16, 0, 0, 0, 10, 0, 14, 0, 4, 0, 6, 0, 8, 0, 0, 0],
        &[12, 0, 0, 0, 4, 0, 1, 0],
        &[12, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0, 6, 0, 4, 0, 0, 0],
        &[8, 0, 0, 0, 1, 0, 0, 0],
    ];
    let message = message.concat();
    let text =
        refused(&[&[0xff; 4], &(message.len() as u32).to_le_bytes()[..], &message, &[0xff; 4], &[0; 4]].concat());
    assert!(text.contains("endianness") && text.contains("to_feather("), "{text}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = read_arrow(folder.path(), &ReadOptions::default()).expect_err("a folder");
    assert!(error.hint().contains("join its files"), "{error}");
    // The schema of a stream, and its end.
    let schema = 8 + u32::from_le_bytes(OTHERS[4..8].try_into().expect("four")) as usize;
    let empty = [&OTHERS[..schema], &[0xff; 4], &[0; 4]].concat();
    assert!(matches!(read(&empty, &ReadOptions::default()), Err(DataError::Empty { .. })));
    let twice = [OTHERS, OTHERS].concat();
    assert!(refused(&twice).contains("a file of its own"), "{}", refused(&twice));
}

/// A file that is cut off anywhere, or changed in any byte, is refused by its name or read, and nothing panics.
#[test]
fn damage_is_refused_by_name() {
    let whole_files = [(PANDAS, "kind"), (POLARS_STREAM, "c"), (include_bytes!("grown.arrows"), "k")];
    for (whole, column) in whole_files {
        let (_folder, path) = place(whole);
        let options = classes(&["x"], column);
        read_arrow(&path, &options).expect("whole");
        let refused = |bytes: &[u8]| {
            // A file that is new is not waited for.
            std::fs::remove_file(&path).expect("removable");
            std::fs::write(&path, bytes).expect("writable");
            let error = read_arrow(&path, &options).err()?;
            assert!(error.to_string().contains("a.arrow") && !error.hint().is_empty(), "{error}");
            Some(error)
        };
        for end in 0..whole.len() {
            assert!(refused(&whole[..end]).is_some(), "cut off after {end}");
        }
        let mut count = 0;
        for at in 0..whole.len() {
            for flip in [0x01, 0x80] {
                let mut spoilt = whole.to_vec();
                spoilt[at] ^= flip;
                count += usize::from(refused(&spoilt).is_some());
            }
        }
        // Numbers themselves may be anything, and much is told twice.
        assert!((whole.len() / 8..2 * whole.len()).contains(&count), "{count} of {}", 2 * whole.len());
    }
}
