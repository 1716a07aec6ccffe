//! Checks the reader of Parquet files against tables that are written here, and against one that pandas wrote.

use std::path::PathBuf;

use parquet::basic::{Compression, Encoding};
use parquet::column::page::Page;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

use super::super::{Column as Asked, Entries, read_csv};
use super::*;

/// What is written to a column.
#[derive(Clone)]
enum Values {
    Bools(Vec<Option<bool>>),
    Ints(Vec<Option<i32>>),
    Longs(Vec<Option<i64>>),
    Floats(Vec<Option<f32>>),
    Doubles(Vec<Option<f64>>),
    Texts(Vec<Option<&'static str>>),
    /// A list of one number in each row.
    Lists(Vec<i64>),
}

impl Values {
    fn write(&self, writer: &mut SerializedColumnWriter) {
        fn put<T: DataType>(writer: &mut SerializedColumnWriter, values: &[Option<T::T>]) {
            let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<T::T> = values.iter().flatten().cloned().collect();
            writer.typed::<T>().write_batch(&values, Some(&levels), None).expect("written");
        }
        match self {
            Self::Bools(values) => put::<BoolType>(writer, values),
            Self::Ints(values) => put::<Int32Type>(writer, values),
            Self::Longs(values) => put::<Int64Type>(writer, values),
            Self::Floats(values) => put::<FloatType>(writer, values),
            Self::Doubles(values) => put::<DoubleType>(writer, values),
            Self::Texts(values) => {
                let values: Vec<_> = values.iter().map(|value| value.map(ByteArray::from)).collect();
                put::<ByteArrayType>(writer, &values);
            }
            Self::Lists(values) => {
                let levels = vec![1; values.len()];
                let first = vec![0; values.len()];
                writer.typed::<Int64Type>().write_batch(values, Some(&levels), Some(&first)).expect("written");
            }
        }
    }
}

/// A file of these fields and groups of rows.
fn bytes(fields: &str, groups: &[&[Values]], properties: WriterProperties) -> Vec<u8> {
    let schema = parse_message_type(&format!("message table {{ {fields} }}")).expect("a schema");
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).expect("in memory");
    for columns in groups {
        let mut group = writer.next_row_group().expect("a group");
        for values in *columns {
            let mut column = group.next_column().expect("a column").expect("as many as fields");
            values.write(&mut column);
            column.close().expect("written");
        }
        group.close().expect("written");
    }
    writer.into_inner().expect("written")
}

fn snappy() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::SNAPPY).build()
}

fn place(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, bytes).expect("writable");
    (folder, path)
}

fn asked(inputs: &[&str], targets: &[&str]) -> ReadOptions<'static> {
    let columns = |names: &[&str]| {
        names.iter().map(|name| name.parse().map_or_else(|_| Asked::Name((*name).into()), Asked::Position)).collect()
    };
    ReadOptions { inputs: columns(inputs), targets: columns(targets), ..ReadOptions::default() }
}

fn read(bytes: &[u8], options: &ReadOptions) -> Result<Dataset, DataError> {
    let (_folder, path) = place(bytes);
    read_parquet(&path, options)
}

fn some<T: Clone>(values: &[T]) -> Vec<Option<T>> {
    values.iter().cloned().map(Some).collect()
}

/// Whatever the type, the version, the packing and the groups, numbers come as they are.
#[test]
fn every_type_of_number_is_read() {
    let fields = "optional int32 i8 (INTEGER(8,true)); optional int32 u8 (INTEGER(8,false)); optional int32 u32 (INTEGER(32,false)); \
                  optional int32 i32; optional int64 i64; optional int64 u64 (INTEGER(64,false)); optional int32 old (UINT_32); \
                  optional boolean flag; optional float single; optional double double;";
    let columns = |rows: &[i32]| {
        let of = |f: fn(i32) -> i32| Values::Ints(rows.iter().map(|k| Some(f(*k))).collect());
        let long = |f: fn(i64) -> i64| Values::Longs(rows.iter().map(|k| Some(f((*k).into()))).collect());
        [
            of(|k| -k),
            of(|k| k),
            of(|k| -k - 1),
            of(|k| i32::MIN + k),
            long(|k| k - (1 << 53)),
            long(|k| (1 << 53) - k),
            of(|k| -k - 1),
            Values::Bools(rows.iter().map(|k| Some(k % 3 == 0)).collect()),
            Values::Floats(rows.iter().map(|k| Some(0.1 * *k as f32)).collect()),
            Values::Doubles(rows.iter().map(|k| Some(0.1 * f64::from(*k))).collect()),
        ]
    };
    let expected = |k: u32| {
        let x = f64::from(k);
        let unsigned = 4_294_967_295.0 - x;
        let flag = if k.is_multiple_of(3) { 1.0 } else { 0.0 };
        let single = f64::from(0.1_f32 * k as f32);
        let all =
            [-x, x, unsigned, x - 2_147_483_648.0, x - 9_007_199_254_740_992.0, 9_007_199_254_740_992.0 - x, unsigned];
        [&all[..], &[flag, single, 0.1 * x]].concat()
    };
    let rows: Vec<i32> = (0..120).collect();
    let groups = [columns(&rows[..50]), columns(&rows[50..])];
    let groups: Vec<&[Values]> = groups.iter().map(|group| &group[..]).collect();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for codec in [Compression::SNAPPY, Compression::UNCOMPRESSED] {
            for dictionary in [true, false] {
                let properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(codec)
                    .set_dictionary_enabled(dictionary)
                    .set_data_page_row_count_limit(20)
                    .set_write_batch_size(10)
                    .build();
                for fields in [fields.to_owned(), fields.replace("optional", "required")] {
                    let data =
                        read(&bytes(&fields, &groups, properties.clone()), &ReadOptions::default()).expect("valid");
                    assert_eq!((data.input_dim, data.target_dim, data.len()), (9, 1, 120));
                    for (k, (x, y)) in (0..).zip(data.inputs.chunks(9).zip(&data.targets)) {
                        assert_eq!([x, &[*y]].concat(), expected(k), "{version:?}, {codec}, {dictionary}, row {k}");
                    }
                    assert_eq!(data.input_names.join(" "), "i8 u8 u32 i32 i64 u64 old flag single");
                }
            }
        }
    }
}

/// The same table as CSV and as Parquet is the same data, however its columns are chosen.
#[test]
fn a_table_reads_as_its_csv_does() {
    let csv = ",size,kind,x1,x2,y\n0,1,b,0.1,-3,1.5\n1,2,\"a, c\",0.7,4,2.5\n2,3,b,1e-300,5,-1\n";
    let fields = "optional int64 __index_level_0__; optional int64 size; optional binary kind (STRING); optional double x1; \
                  optional int64 x2; optional double y;";
    let columns = [
        Values::Longs(some(&[0, 1, 2])),
        Values::Longs(some(&[1, 2, 3])),
        Values::Texts(some(&["b", "a, c", "b"])),
        Values::Doubles(some(&[0.1, 0.7, 1e-300])),
        Values::Longs(some(&[-3, 4, 5])),
        Values::Doubles(some(&[1.5, 2.5, -1.0])),
    ];
    let (folder, path) = place(&bytes(fields, &[&columns], snappy()));
    let table = folder.path().join("a.csv");
    std::fs::write(&table, csv).expect("writable");
    for (options, one_hot) in [
        (asked(&[], &[]), false),
        (asked(&["x2", "size"], &["y", "x1"]), false),
        (asked(&["x*"], &["6"]), false),
        (asked(&["1", "4"], &["size"]), false),
        (asked(&["x*", "size"], &["kind"]), true),
        (asked(&["x*"], &["size"]), true),
    ] {
        let options = ReadOptions { one_hot, ..options };
        let finish = |data: Dataset| if one_hot { data.one_hot().expect("classes") } else { data };
        let of_csv = finish(read_csv(&table, &options).expect("CSV"));
        let of_parquet = finish(read_parquet(&path, &options).expect("Parquet"));
        let (name, files) = (of_parquet.name.clone(), of_parquet.files.clone());
        assert_eq!(of_parquet, Dataset { name, files, ..of_csv }, "{options:?}");
    }
    for options in [asked(&["z"], &[]), asked(&["x1"], &["x1"]), asked(&["*1"], &[]), asked(&["7"], &[])] {
        let of_csv = read_csv(&table, &options).expect_err("refused").to_string().replace(".csv", ".parquet");
        let of_parquet = read_parquet(&path, &options).expect_err("refused").to_string();
        assert_eq!(of_parquet.replace("__index_level_0__", ""), of_csv);
    }
    let survey =
        |path: &Path| super::super::survey(path, &asked(&["x*"], &["kind"])).expect("a table").expect("columns");
    assert_eq!(survey(&path), survey(&table));
}

/// Each entry that is refused is named by row and column, and the table mended as the hint says is read.
#[test]
fn bad_entries_are_named_and_their_hints_work() {
    let table = |values: Values| {
        let (field, rows) = match &values {
            Values::Doubles(values) => ("double", values.len()),
            Values::Longs(values) => ("int64", values.len()),
            _ => unreachable!("only these are asked for"),
        };
        let targets = Values::Doubles(vec![Some(1.0); rows]);
        bytes(&format!("optional {field} x; optional double y;"), &[&[values, targets]], snappy())
    };
    let whole = 1 << 53;
    for (bad, parts, hint, mended) in [
        (
            Values::Longs(vec![Some(1), None, Some(3)]),
            ["row 2, column `x`", "null"],
            "drop the row",
            Values::Longs(some(&[1, 3])),
        ),
        (
            Values::Doubles(vec![Some(1.0), Some(2.0), None]),
            ["row 3", "null"],
            "fill in",
            Values::Doubles(some(&[1.0, 2.0, 0.0])),
        ),
        (Values::Doubles(some(&[f64::NAN, 2.0])), ["row 1", "NaN"], "drop the row", Values::Doubles(some(&[2.0]))),
        (
            Values::Doubles(some(&[1.0, f64::NEG_INFINITY])),
            ["row 2", "-inf"],
            "correct",
            Values::Doubles(some(&[1.0, -9.0])),
        ),
        (
            Values::Longs(some(&[whole, whole + 1])),
            ["row 2", "9007199254740993"],
            "subtract",
            Values::Longs(some(&[0, 1])),
        ),
        (
            Values::Longs(some(&[whole, -whole - 1])),
            ["row 2", "-9007199254740993"],
            "float64",
            Values::Doubles(some(&[1.0, -1.0])),
        ),
    ] {
        let error = read(&table(bad), &ReadOptions::default()).expect_err("refused");
        let text = error.to_string();
        assert!(text.contains("a.parquet") && text.contains(parts[0]), "{text}");
        assert!(text.contains(parts[1]) && error.hint().contains(hint), "{text}: {}", error.hint());
        read(&table(mended), &ReadOptions::default()).expect("mended");
    }
    // Text among numbers is left out, or is the target of classes.
    let text = bytes(
        "optional binary kind (STRING); optional double x; optional double y;",
        &[&[Values::Texts(some(&["b", "a"])), Values::Doubles(some(&[1.0, 2.0])), Values::Doubles(some(&[3.0, 4.0]))]],
        snappy(),
    );
    let all = asked(&["kind", "x"], &["y"]);
    let error = read(&text, &all).expect_err("text");
    assert!(error.to_string().contains("column `kind` holds text"), "{error}");
    assert!(
        error.hint().contains("leave the column out") && error.hint().contains("one_hot = true"),
        "{}",
        error.hint()
    );
    assert_eq!(read(&text, &asked(&["x"], &["y"])).expect("left out").inputs, [1.0, 2.0]);
    let classes = ReadOptions { one_hot: true, ..asked(&["x"], &["kind"]) };
    assert_eq!(read(&text, &classes).expect("classes").classes, ["a", "b"]);
    // A class is a whole number or text.
    for (values, found) in
        [(vec![Some("a"), None], "null"), (vec![Some("a"), Some("")], "a hole"), (vec![Some("a"), Some("0.5")], "0.5")]
    {
        let holes = bytes(
            "optional double x; optional binary kind (STRING);",
            &[&[Values::Doubles(some(&[1.0, 2.0])), Values::Texts(values)]],
            snappy(),
        );
        let error = read(&holes, &ReadOptions { one_hot: true, ..ReadOptions::default() }).expect_err("no class");
        assert!(error.to_string().contains("row 2, column `kind`") && error.to_string().contains(found), "{error}");
    }
}

/// What is no number says what to write in its place, and columns beside it are read where the hint's other way is followed.
#[test]
fn other_columns_are_refused_or_left_out() {
    let [int, long] = [Values::Ints(some(&[1, 2])), Values::Longs(some(&[1, 2]))];
    let text = Values::Texts(some(&["ab", "cd"]));
    for (field, values, what, hint) in [
        ("optional int32 t (DATE)", &int, "dates or times", "pd.to_datetime"),
        ("optional int64 t (TIMESTAMP(NANOS,false))", &long, "dates or times", "total_seconds"),
        ("optional int64 t (TIMESTAMP_MILLIS)", &long, "dates or times", "total_seconds"),
        ("optional int64 t (TIME(MICROS,true))", &long, "times of the day", "to_timedelta"),
        ("optional int64 t (DECIMAL(10,2))", &long, "decimals", "astype(\"float64\")"),
        ("optional binary t (JSON)", &text, "bytes", "numbers or text"),
        ("repeated int64 t", &Values::Lists(vec![1, 2]), "lists", "a column of its own"),
        ("required group t { required int64 a; required int64 b; }", &long, "lists or records", "a column of its own"),
    ] {
        let end = if field.ends_with('}') { "" } else { ";" };
        let fields = format!("optional double x; {field}{end} optional double y;");
        let mut columns = vec![values.clone(); if field.contains("group") { 2 } else { 1 }];
        columns.insert(0, Values::Doubles(some(&[0.5, 1.5])));
        columns.push(Values::Doubles(some(&[3.0, 4.0])));
        let table = bytes(&fields, &[&columns], snappy());
        let error = read(&table, &asked(&["x", "t"], &["y"])).expect_err(field);
        assert!(error.to_string().contains(&format!("column `t` holds {what}")), "{error}");
        assert!(error.hint().contains(hint) && error.hint().contains("leave the column out"), "{}", error.hint());
        let left_out = read(&table, &asked(&["x"], &["y"])).expect("left out");
        assert_eq!((left_out.inputs, left_out.targets), (vec![0.5, 1.5], vec![3.0, 4.0]), "{field}");
        let (_folder, path) = place(&table);
        let survey = Parquet.survey(&path, &ReadOptions::default()).expect("a table").expect("columns");
        assert_eq!(survey.entries[1], Entries::default());
        assert_eq!(survey.entries[2], Entries { numbers: 2, texts: 0, holes: 0 });
    }
}

/// A data frame with a category, written by pandas 3.1 with pyarrow 26; its index has no name.
#[test]
fn what_pandas_writes_is_read() {
    let table = include_bytes!("pandas.parquet");
    let data = read(table, &asked(&[], &["x"])).expect_err("text among the inputs");
    assert!(data.hint().contains("one_hot"), "{data}");
    let options = ReadOptions { one_hot: true, ..asked(&[], &["kind"]) };
    let data = read(table, &options).expect("valid");
    assert_eq!(data.input_names, ["size", "x"]);
    assert_eq!(data.inputs, [1.0, 0.5, 250.0, f64::from(0.1_f32), 3.0, -2.5]);
    assert_eq!((data.classes, data.labels), (vec!["a".to_owned(), "b".to_owned()], Some(vec![1, 0, 1])));
    assert_eq!(read(table, &asked(&["4"], &["x"])).expect("by its place").inputs, [7.0, 3.0, 9.0]);
}

/// 200 rows with a text of three classes, written by polars 2.1, which packs by zstd, and by pandas 3.1 with gzip.
#[test]
fn what_is_packed_by_zstd_or_gzip_is_read() {
    for table in [&include_bytes!("polars.parquet")[..], include_bytes!("gzip.parquet")] {
        let options = ReadOptions { one_hot: true, ..asked(&["x", "y"], &["k"]) };
        let data = read(table, &options).expect("valid");
        let want = (0..200).flat_map(|k| [0.5 * f64::from(k), f64::from(k * k)]);
        assert!(data.inputs.iter().copied().eq(want), "{:?}", data.inputs);
        assert!(data.labels.expect("classes").into_iter().eq((0..200).map(|k| k % 3)));
    }
}

#[test]
fn files_that_are_packed_otherwise_name_the_codec_and_a_way_out() {
    let columns = [Values::Doubles(some(&[1.0, 2.0])), Values::Doubles(some(&[3.0, 4.0]))];
    let plain = bytes("optional double x; optional double y;", &[&columns], snappy());
    // Only what the file says of itself is changed.
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(plain.clone())).expect("valid");
    for (codec, name) in [
        (Compression::LZ4_RAW, "LZ4"),
        (Compression::LZO, "LZO"),
        (Compression::BROTLI(parquet::basic::BrotliLevel::default()), "brotli"),
    ] {
        let mut builder = metadata.clone().into_builder();
        for group in builder.take_row_groups() {
            let columns = group
                .columns()
                .iter()
                .map(|chunk| chunk.clone().into_builder().set_compression(codec).build().expect("valid"));
            let columns = columns.collect();
            builder = builder.add_row_group(group.into_builder().set_column_metadata(columns).build().expect("valid"));
        }
        let mut other = plain.clone();
        let described = u32::from_le_bytes(plain[plain.len() - 8..][..4].try_into().expect("four")) as usize;
        other.truncate(plain.len() - 8 - described);
        ParquetMetaDataWriter::new(&mut other, &builder.build()).finish().expect("in memory");
        let error = read(&other, &ReadOptions::default()).expect_err(name);
        let text = error.to_string();
        assert!(text.contains("a.parquet: compression of column `x`") && text.contains(name), "{text}");
        assert!(error.hint().contains("compression=\"snappy\""), "{}", error.hint());
    }
    assert_eq!(read(&plain, &ReadOptions::default()).expect("snappy").inputs, [1.0, 2.0]);
}

/// A file that is cut off anywhere, or changed in any byte, is refused by its name or read, and nothing panics.
#[test]
fn damage_is_refused_by_name() {
    let columns = [
        Values::Doubles(some(&[1.0, 2.0, 2.0])),
        Values::Texts(some(&["a", "b", "a"])),
        Values::Longs(some(&[5, 6, 5])),
    ];
    let whole = bytes("optional double x; optional binary k (STRING); required int64 y;", &[&columns], snappy());
    let (_folder, path) = place(&whole);
    let classes = ReadOptions { one_hot: true, ..asked(&["x", "y"], &["k"]) };
    read_parquet(&path, &classes).expect("whole");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("writable");
        let error = read_parquet(&path, &classes).err()?;
        assert!(error.to_string().contains("a.parquet") && !error.hint().is_empty(), "{error}");
        Some(error)
    };
    for end in 0..whole.len() {
        assert!(refused(&whole[..end]).is_some(), "cut off after {end}");
    }
    let mut count = 0;
    for at in 0..whole.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut spoilt = whole.clone();
            spoilt[at] ^= flip;
            count += usize::from(refused(&spoilt).is_some());
        }
    }
    // Numbers themselves may be anything.
    assert!((whole.len()..4 * whole.len()).contains(&count), "{count} of {}", 4 * whole.len());
    let error = refused(b"x,y\n1,2\n3,4\n5,6\n").expect("text");
    assert!(error.to_string().contains("magic") && error.to_string().contains("PAR1"), "{error}");
    let error = refused(&[&whole[..whole.len() - 4], b"PARE"].concat()).expect("encrypted");
    assert!(error.to_string().contains("encrypted"), "{error}");
    let empty = bytes("optional double x; optional double y;", &[], snappy());
    assert!(matches!(read(&empty, &ReadOptions::default()), Err(DataError::Empty { .. })));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = read_parquet(folder.path(), &ReadOptions::default()).expect_err("a folder");
    assert!(error.hint().contains("join its files"), "{error}");
}

#[test]
fn descriptions_take_a_byte_for_each_part_that_is_passed_over() {
    // Field 1, an integer; field 2, a list of three integers; the end.
    assert!(footer::is_whole(&[0x15, 0x02, 0x19, 0x35, 1, 2, 3, 0]));
    assert!(!footer::is_whole(&[0x15, 0x02, 0x19, 0x45, 1, 2, 3, 0]), "one is missing");
    assert!(!footer::is_whole(&[0x15, 0x02]), "the end is missing");
    // Lists of 2^31 - 1 truths, and of as many empty lists.
    for kind in [0xf1, 0xf2, 0xf9] {
        assert!(!footer::is_whole(&[0x19, kind, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0]), "{kind:x}");
    }
}

#[test]
fn long_descriptions_of_pages_are_read() {
    // The smallest and the largest text of a page stand in its description.
    let texts = ["a".repeat(3_000), "b".repeat(70_000)].map(|text| &*text.leak());
    let columns = [Values::Doubles(some(&[1.0, 2.0])), Values::Texts(some(&texts))];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_truncate_length(None)
        .set_write_page_header_statistics(true)
        .build();
    let file = bytes("optional double x; optional binary k (STRING);", &[&columns], properties);
    assert!(file.len() > 2 * 73_000, "{} bytes: in the description of the page and in that of the file", file.len());
    let classes = ReadOptions { one_hot: true, ..asked(&["x"], &["k"]) };
    assert_eq!(read(&file, &classes).expect("whole").targets, [0.0, 1.0]);
}

/// Twelve texts that pyarrow wrote as differences, in two sections of lengths.
#[test]
fn lengths_that_stand_as_differences_are_as_many_as_the_entries() {
    let good = include_bytes!("delta.parquet").to_vec();
    let options = ReadOptions { one_hot: true, ..asked(&["x"], &["s"]) };
    let data = read(&good, &options).expect("whole");
    assert_eq!(data.classes, ["high", "low", "low and high"]);
    assert_eq!(data.targets[..6], [1.0, 0.0, 2.0, 1.0, 0.0, 2.0]);
    // A block of 128 in four parts, and twelve numbers; thirteen in either section are too many.
    let header = [0x80, 1, 4, 12];
    let places: Vec<usize> = (0..good.len() - 4).filter(|at| good[*at..].starts_with(&header)).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        let mut bad = good.clone();
        bad[at + 3] = 13;
        assert!(read(&bad, &options).expect_err("one too many").to_string().contains("damaged"));
    }
    // As many as no memory has room for.
    let page = |total: &[u8]| Page::DataPageV2 {
        buf: [&[0x80, 1, 4], total, &[0]].concat().into(),
        num_values: 1,
        encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
        num_nulls: 0,
        num_rows: 1,
        def_levels_byte_len: 0,
        rep_levels_byte_len: 0,
        is_compressed: false,
        statistics: None,
    };
    assert!(delta::is_sound(&page(&[1]), true));
    assert!(!delta::is_sound(&page(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), true));
    assert!(!delta::is_sound(&page(&[2]), true));
}
