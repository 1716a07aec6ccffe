//! Checks the reader of tables against small texts.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::super::Column;
use super::*;

fn asked(inputs: &[&str], targets: &[&str]) -> ReadOptions<'static> {
    let columns = |names: &[&str]| {
        names.iter().map(|name| name.parse().map_or_else(|_| Column::Name((*name).into()), Column::Position)).collect()
    };
    ReadOptions { inputs: columns(inputs), targets: columns(targets), ..ReadOptions::default() }
}

fn parse(text: &str) -> Result<Dataset, DataError> {
    parse_csv("a.csv", text.as_bytes(), &ReadOptions::default())
}

#[track_caller]
fn refuses(text: &str, parts: &[&str]) {
    let message = parse(text).expect_err("must be refused").to_string();
    for part in parts.iter().chain(&["a.csv"]) {
        assert!(message.contains(part), "`{message}` lacks `{part}`");
    }
}

#[test]
fn columns_are_found_by_name() {
    let data = parse("y,x1,note,x2\n1,2,a,-3e1\n\n 4 , 5,\"b, c\",6.5\n").expect("valid");
    assert_eq!((data.input_dim, data.target_dim, data.len()), (2, 1, 2));
    assert_eq!((data.inputs, data.targets), (vec![2.0, -30.0, 5.0, 6.5], vec![1.0, 4.0]));
    let one = parse("\u{feff}x,y1,y2\r\n1,2,3\r\n").expect("byte-order mark and CRLF");
    assert_eq!((one.inputs, one.targets), (vec![1.0], vec![2.0, 3.0]));
}

#[test]
fn chosen_columns_keep_the_order_asked_for() {
    let columns = asked(&["b", "a*"], &["c"]);
    let data = parse_csv("a.csv", "a1,b,a2,c\n1,2,3,4\n".as_bytes(), &columns).expect("valid");
    assert_eq!((data.inputs, data.targets), (vec![2.0, 1.0, 3.0], vec![4.0]));
}

#[test]
fn bad_entries_are_named_by_line_and_column() {
    refuses("x,y\n1,2\n,4\n", &["line 3", "`x`", "hole"]);
    refuses("x,y\n1,two\n", &["line 2", "`y`", "`two`"]);
    refuses("x,y\n1,2\n\n3,NaN\n", &["line 4", "`y`", "`NaN`"]);
    refuses("x,y\r\n1,2\r\n\r\n3,\r\n", &["line 4", "`y`", "hole"]);
    refuses("x,y\n-inf,2\n", &["line 2", "`x`", "`-inf`"]);
}

#[test]
fn of_a_long_entry_the_start_is_shown() {
    let entry = format!("\x1b[2J{}", "a".repeat(1 << 20));
    let message = parse(&format!("x,y\n1,{entry}\n")).expect_err("must be refused").to_string();
    assert!(message.contains("`\\u{1b}[2Jaaa") && message.contains("aaa…`") && message.len() < 250, "{message}");
}

#[test]
fn ragged_lines_are_named() {
    refuses("x1,x2,y\n1,2,3\n4,5\n", &["line 3", "2 fields", "`y` is missing"]);
    refuses("x,y\n1,2,3\n", &["line 2", "3 fields", "after the last column, `y`"]);
}

#[test]
fn missing_and_doubled_columns_are_named() {
    let missing = parse_csv("a.csv", "x,z\n1,2\n".as_bytes(), &asked(&[], &["y"])).expect_err("no `y`").to_string();
    assert!(missing.contains("`y`; there is `x`, `z`"), "{missing}");
    refuses("x,y,x\n1,2,3\n", &["`x`", "twice"]);
    let both = asked(&["x"], &["x"]);
    let error = parse_csv("a.csv", "x\n1\n".as_bytes(), &both).expect_err("both");
    assert!(error.to_string().contains("both as input and as target"), "{error}");
    let inner = asked(&["*x"], &[]);
    assert!(matches!(parse_csv("a.csv", "x,y\n1,2\n".as_bytes(), &inner), Err(DataError::Column { .. })));
}

#[test]
fn empty_and_unreadable_files_are_refused() {
    refuses("", &["no samples"]);
    refuses("x,y\n", &["no samples"]);
    let error = parse_csv("a.csv", &b"x,y\n1,\xff\n"[..], &ReadOptions::default()).expect_err("not UTF-8");
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = read_csv(Path::new("/nowhere/a.csv"), &ReadOptions::default()).expect_err("no such file");
    assert!(error.to_string().contains("/nowhere/a.csv") && !error.hint().is_empty(), "{error}");
}

/// The table that every dialect below holds.
const PLAIN: &str = "x1,x2,y\n1.5,-2,3\n4,5.25,6\n";

#[test]
fn every_dialect_reads_to_the_plain_table() {
    let plain = parse(PLAIN).expect("plain");
    assert_eq!((&plain.inputs[..], &plain.targets[..]), (&[1.5, -2.0, 4.0, 5.25][..], &[3.0, 6.0][..]));
    for text in [
        PLAIN.replace('\n', "\r\n"),
        PLAIN.replace('\n', "\r"),
        PLAIN.replace(',', ";"),
        PLAIN.replace(',', "\t"),
        PLAIN.replace(',', ";").replace('.', ","),
        PLAIN.replace(',', " , "),
        PLAIN.replace('\n', ",,\n"),
        PLAIN.replace("6\n", "6,\n"),
        PLAIN.trim_end().to_owned(),
        format!("\u{feff}{PLAIN}"),
        format!("\u{feff}sep=;\r\n{}", PLAIN.replace(',', ";")),
        format!("sep=,\n{PLAIN}"),
        format!("# made by hand; at noon\n\n{PLAIN}# the end\n"),
        format!("{PLAIN}\n  \n"),
        format!("{PLAIN},,\n,,\n"),
        "\"x1\",\"x2\",\"y\"\n\"1.5\",\"-2\",\"3\"\n\"4\",\"5.25\",\"6\"\n".to_owned(),
        ",x1,x2,y\n0,1.5,-2,3\n1,4,5.25,6\n".to_owned(),
        "x1,x2,y,year\n+1.5e0,-2,3,2020\n4,525e-2,6,2021\n".to_owned(),
    ] {
        assert_eq!(parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}")), plain, "{text:?}");
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(PLAIN.as_bytes()).expect("in memory");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in [("a.csv.gz", packed.finish().expect("in memory")), ("a.TSV", PLAIN.into())] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        assert!(Csv.reads(&path), "{name}");
        let read = read_csv(&path, &ReadOptions::default()).expect(name);
        assert_eq!((read.inputs, read.targets), (plain.inputs.clone(), plain.targets.clone()), "{name}");
    }
}

#[test]
fn without_names_of_letters_the_last_column_is_the_target() {
    let text = ",size,xray,years,price\n0,1,2,3,4\n1,5,6,7,8\n";
    let names = |options: &ReadOptions| {
        let data = parse_csv("a.csv", text.as_bytes(), options).expect("valid");
        (data.input_names.join(" "), data.target_names.join(" "), data.targets)
    };
    assert_eq!(names(&asked(&[], &[])), ("size xray years".into(), "price".into(), vec![4.0, 8.0]));
    assert_eq!(names(&asked(&[], &["size"])), ("xray years price".into(), "size".into(), vec![1.0, 5.0]));
    assert_eq!(names(&asked(&["price", "3"], &[])), ("price xray".into(), "years".into(), vec![3.0, 7.0]));
    assert_eq!(names(&asked(&["2"], &["5", "4"])).1, "price years");
    let error = parse_csv("a.csv", text.as_bytes(), &asked(&[], &["6"])).expect_err("five columns");
    assert!(error.to_string().contains("nothing is named `6`"), "{error}");
}

/// Each refusal names its place and a way out, and the text mended so is read.
#[test]
fn hints_work_when_followed() {
    for (text, place, hint, mended) in [
        ("1,2\n3,4\n", "line 1", "a line before it that names the columns, such as x1,x2,y", "x1,y\n1,2\n3,4\n"),
        ("x,y\n1,2\n,4\n", "line 3, column `x`", "fill in or drop the line", "x,y\n1,2\n"),
        ("x,y\n1,2\n,\n3,4\n", "line 3, column `x`", "fill in or drop the line", "x,y\n1,2\n3,4\n"),
        ("x,y\r1,2\r\r# a\roops,3\r", "line 5, column `x`", "correct or drop the line", "x,y\r1,2\r"),
        ("x,y\n\"1,234\",2\n", "line 2, column `x`", "without marks between thousands", "x,y\n1234,2\n"),
        ("x;y\n1,5;2\n1.234;3\n", "line 3, column `x`", "without marks between thousands", "x;y\n1,5;2\n1234;3\n"),
        ("x\ty\n1,234\t2\n", "line 2, column `x`", "without marks between thousands", "x\ty\n1234\t2\n"),
        ("x,y\n1.5D-03,2\n", "line 2, column `x`", "exponents with `e`", "x,y\n1.5e-03,2\n"),
        ("x\n1\n", "columns: none is left", "two columns or more", "x,y\n1,2\n"),
        ("x,y,x\n1,2,3\n", "column `x` is named twice", "give every column its own name", "x1,y,x2\n1,2,3\n"),
        ("x|y\n1|2\n", "columns: none is left", "separated by `,`, `;` or a tab", "x;y\n1;2\n"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.to_string().contains(place) && error.hint().contains(hint), "{error}: {}", error.hint());
        parse(mended).unwrap_or_else(|error| panic!("{mended:?}: {error}"));
    }
    let utf16: Vec<u8> = PLAIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&[b"\xff\xfe", &utf16[..]].concat()[..], &utf16] {
        let error = parse_csv("a.csv", bytes, &ReadOptions::default()).expect_err("UTF-16");
        assert!(error.hint().contains("save it as UTF-8"), "{error}");
    }
}

#[test]
fn classes_are_whole_numbers_or_text_in_order() {
    let hot = |text: &str| {
        let data = parse_csv("a.csv", text.as_bytes(), &ReadOptions { one_hot: true, ..ReadOptions::default() });
        data?.one_hot()
    };
    let text = hot("length,kind\n1,b\n2,\"a, c\"\n3,b\n").expect("text");
    assert_eq!(text.classes, ["a, c", "b"]);
    assert_eq!(text.targets, [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    let numbers = hot("length,kind\n1,10\n2,9.0\n3,9\n").expect("whole numbers");
    assert_eq!((numbers.classes, numbers.target_dim), (vec!["9".to_owned(), "10".to_owned()], 2));
    assert_eq!(numbers.labels, Some(vec![1, 0, 0]));
    let error = hot("length,kind\n1,0.5\n").expect_err("a real number");
    assert!(error.to_string().contains("line 2, column `kind`: found `0.5`"), "{error}");
    assert!(hot("length,kind\n1,\n").expect_err("a hole").to_string().contains("hole"));
    // The hint of text among numbers says how it is taken.
    let error = parse("length,kind\n1,b\n").expect_err("text");
    assert!(error.hint().contains("one_hot = true"), "{error}");
}

#[test]
fn a_survey_counts_what_each_column_holds() {
    let of = |text: &str, options: &ReadOptions| Table::new("a.csv", text.as_bytes())?.survey(options);
    let table = ",city,size,note,price\n0,Bern,1.5,,3\n1,Rome,NA,,4\n,,,,\n";
    let survey = of(table, &ReadOptions::default()).expect("a table");
    let named = survey.names.iter().zip(&survey.entries);
    let held: Vec<_> = named.map(|(name, held)| (name.as_str(), held.numbers, held.texts, held.holes)).collect();
    assert_eq!(held, [("", 2, 0, 0), ("city", 0, 2, 0), ("size", 1, 1, 0), ("note", 0, 0, 2), ("price", 2, 0, 0)]);
    assert_eq!((survey.inputs, survey.targets), (vec![1, 2, 3], vec![4]));
    let chosen = of(table, &asked(&["size"], &["city"])).expect("a table");
    assert_eq!((chosen.inputs, chosen.targets), (vec![2], vec![1]));
    let semicolons = of("a;b\n1,5;x\n2,5;y\n", &ReadOptions::default()).expect("a table");
    assert_eq!(semicolons.entries.iter().map(|held| held.numbers).collect::<Vec<_>>(), [2, 0]);
    assert!(matches!(of("a,b\n1\n", &ReadOptions::default()), Err(DataError::Ragged { .. })));
}
