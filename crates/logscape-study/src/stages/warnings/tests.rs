//! Each warning names its column, and data that are read as its hint says give none.

use super::*;
use crate::asked::DataTable;
use crate::stages::dataset;
use logscape::data::Watch;
use logscape::problem::{LinearRegression, Mlp, Sinusoid};
use std::fmt::Write as _;

/// A table with these names, and the entries of `row` in each of so many rows.
fn table(names: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let mut text = format!("{names}\n");
    (0..rows).for_each(|k| writeln!(text, "{}", row(k)).expect("text"));
    text
}

/// Whole numbers without an order.
fn noise(k: usize) -> usize {
    (k * k * 7 + 3 * k) % 11
}

/// What is told of a table for a problem, read by these lines of `[problem.data]`.
fn told(text: &str, kind: &str, lines: &str) -> Vec<Warning> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), text).expect("writable");
    let asked: DataTable = toml::from_str(&format!("path = \"a.csv\"\n{lines}\n")).expect("a table of data");
    of_data(&dataset(&asked, folder.path(), 0, &Watch::default()).expect("data"), kind)
}

/// The table gives one warning with these words and this hint.
#[track_caller]
fn warns(text: &str, lines: &str, words: &str, hint: &str) -> Warning {
    let mut warnings = told(text, Mlp::NAME, lines);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().contains(words), "{}", warnings[0]);
    assert!(warnings[0].hint().contains(hint), "{}", warnings[0].hint());
    warnings.remove(0)
}

/// The warning's hint has a line for `[problem.data]`, and with that nothing is told.
#[track_caller]
fn warns_and_is_mended(text: &str, words: &str, line: &str) {
    let warning = warns(text, "", words, &format!("`{line}` in [problem.data]"));
    assert_eq!(told(text, Mlp::NAME, line), [], "{warning}");
}

#[test]
fn inputs_that_tell_nothing_are_left_out_as_the_hint_says() {
    let constant = table("a,one,y", 20, |k| format!("{},1,{}", noise(k), k % 5));
    warns_and_is_mended(&constant, "input `one` is 1 in every sample", "inputs = [\"a\"]");
    let same = table("a,b,y", 20, |k| format!("{0},{0},{1}", noise(k), k % 5));
    warns_and_is_mended(&same, "input `b` is the same as `a` in every sample", "inputs = [\"a\"]");
    // In a linear regression a constant is the intercept, and a second one, or one of zeros, is none.
    assert_eq!(told(&constant, LinearRegression::NAME, ""), []);
    for (number, told_of) in [(1, 1), (0, 1)] {
        let two = table("one,other,y", 20, |k| format!("1,{number},{}", k % 5));
        assert_eq!(told(&two, LinearRegression::NAME, "").len(), told_of);
    }
    let many = table("a,b,c,d,e,f,g,h,i,one,y", 20, |k| {
        format!("{0},{0}.1,{0}.2,{0}.3,{0}.4,{0}.5,{0}.6,{0}.7,{0}.8,1,{1}", noise(k), k % 5)
    });
    warns(&many, "", "input `one`", "name the other columns by `inputs = [...]`");
}

#[test]
fn numbers_of_rows_are_left_out_as_the_hint_says() {
    for (name, looks) in [
        ("id", "an identifier"),
        ("Row Number", "an identifier"),
        ("Unnamed: 0", "an identifier"),
        ("customer_id", "an identifier"),
        ("year", "a year"),
    ] {
        let names = format!("{name},a,b c,y");
        let text = table(&names, 20, |k| format!("{},{},{},{}", 3 * noise(k), noise(k + 1), k % 7, k % 5));
        let words = format!("input `{name}` has the name and the whole numbers of {looks}");
        warns_and_is_mended(&text, &words, "inputs = [\"a\", \"b c\"]");
        // With other numbers than whole ones it is something else.
        let text = table(&names, 20, |k| format!("{}.5,{},{},{}", noise(k), noise(k + 1), k % 7, k % 5));
        assert_eq!(told(&text, Mlp::NAME, ""), []);
    }
    let rises = table("time,a,y", 20, |k| format!("{},{},{}", k + 5, noise(k), k % 5));
    warns_and_is_mended(&rises, "input `time` rises by 1 from row to row", "inputs = [\"a\"]");
    // The only input is what there is, few rows may rise by chance, and a matrix has numbers of rows and columns.
    assert_eq!(told(&table("time,y", 20, |k| format!("{k},{}", noise(k))), Sinusoid::NAME, ""), []);
    assert_eq!(told(&table("time,a,y", 7, |k| format!("{k},{},{}", noise(k), k % 5)), Mlp::NAME, ""), []);
    let entries = table("user_id,item_id,y", 20, |k| format!("{},{},{}", k / 4, k % 4, noise(k)));
    assert_eq!(told(&entries, MatrixFactorisation::NAME, ""), []);
    // What a data frame writes as the first column has no name, and is not read.
    assert_eq!(told(&table(",a,y", 20, |k| format!("{k},{},{}", noise(k), k % 5)), Mlp::NAME, ""), []);
}

#[test]
fn targets_that_cannot_be_meant_are_named() {
    let constant = table("a,b,y", 20, |k| format!("{},{},3", noise(k), k % 5));
    warns(&constant, "", "target `y` is 3 in every sample", "`targets = \"...\"`");
    // The constant is an input then.
    assert!(matches!(told(&constant, Mlp::NAME, "targets = \"b\"")[..], [Warning::ConstantInput { .. }]));
    assert_eq!(told(&constant, Mlp::NAME, "targets = \"b\"\ninputs = \"a\""), []);
    let year = table("a,b,year", 20, |k| format!("{},{},{}", noise(k), k % 5, 1990 + k % 9));
    warns(&year, "", "target `year` has the name and the whole numbers of a year", "`targets = \"...\"`");
    assert_eq!(told(&year, Mlp::NAME, "inputs = \"a\"\ntargets = \"b\""), []);
    let rises = table("a,b,n", 20, |k| format!("{},{},{}", noise(k), k % 5, k));
    warns(&rises, "", "target `n` rises by 1", "`targets = \"...\"`");
    let one = table("a,kind", 20, |k| format!("{},cat", noise(k)));
    warns(&one, "one_hot = true", "target `kind` is cat in every sample", "`targets = \"...\"`");
}

#[test]
fn classes_of_one_sample_are_named() {
    let text = table("a,kind", 20, |k| format!("{},{}", noise(k), if k == 7 { "owl" } else { ["cat", "dog"][k % 2] }));
    let warning =
        warns(&text, "one_hot = true", "1 class of `kind` has fewer than two samples: `owl`", "join rare ones");
    assert!(warning.hint().contains("give each class more samples"));
    assert_eq!(told(&text.replace("owl", "dog"), Mlp::NAME, "one_hot = true"), []);
    let two = text.replacen("cat", "emu", 1);
    warns(&two, "one_hot = true", "2 classes of `kind` have fewer than two samples: `emu`, `owl`", "");
}

#[test]
fn columns_of_unlike_scale_are_named() {
    let of = |scale: f64| table("a,b,y", 20, |k| format!("{},{},{}", noise(k), scale * noise(k + 2) as f64, k % 5));
    let words = "`b` has a root mean square of";
    warns(&of(1000.0), "", words, "set `standardise = true` in [problem.data]");
    assert_eq!(told(&of(20.0), Mlp::NAME, ""), []);
    // A constant, or what is better left out, is told of itself.
    let id = table("id,a,b,y", 20, |k| format!("{},{},{},{}", 1000 * noise(k), noise(k + 2), noise(k + 1), k % 5));
    warns(&id, "", "input `id`", "leave it out");
}

#[test]
fn arrays_have_no_columns_to_tell_of() {
    let mut inputs = vec![0.0; 60];
    (0..20).for_each(|k| inputs[3 * k + 1] = noise(k) as f64);
    let targets = (0..20).map(|k| noise(k + 3) as f64).collect();
    let mut images = Dataset::new("images", inputs, 3, targets, 1, None).expect("a data set");
    images.input_names = vec!["x".to_owned()];
    assert_eq!(of_data(&images, Mlp::NAME), []);
}

#[test]
fn a_root_mean_square_is_that_of_any_size() {
    for scale in [1.0, 1e-200, 1e200] {
        let found = root_mean_square([3.0, -4.0, 0.0, 5.0].map(|x| x * scale).into_iter());
        assert!((found / (scale * 12.5_f64.sqrt()) - 1.0).abs() < 1e-12, "{found}");
    }
}

#[test]
fn many_warnings_about_inputs_are_counted() {
    let names: Vec<String> = (0..30).map(|k| format!("pixel{k}")).collect();
    let text = table(&format!("{},y", names.join(",")), 20, |k| format!("{}{},{}", "0,".repeat(29), noise(k), k % 5));
    let all = told(&text, Mlp::NAME, "");
    assert_eq!(all.len(), 29);
    let short = shortened(all.clone());
    assert_eq!((&short[..8], short.len()), (&all[..8], 9));
    assert_eq!(short[8].to_string(), "21 more inputs are like these");
    assert_eq!(told(&text, Mlp::NAME, "inputs = \"pixel29\""), []);
    // Nothing is hidden behind one more.
    assert_eq!(shortened(all[..8].to_vec()), all[..8]);
}
