//! `logscape new`: from data of one's own to a page in two commands, without a change of the study that is written.

use flate2::{Compression, write::GzEncoder};
use logscape::random::{Purpose, stream};
use rand::{Rng, RngExt};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder with data.
struct Place(TempDir);

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    words: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("writable");
    }

    /// `logscape ARGUMENTS` in the folder.
    fn logscape(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        let output =
            command.env("NO_COLOR", "1").current_dir(self.0.path()).args(arguments).output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code(), out: text(output.stdout), words: text(output.stderr) }
    }

    /// `logscape new ARGUMENTS > FILE`.
    #[track_caller]
    fn redirected(&self, arguments: &[&str], file: &str) -> String {
        let out = File::create(self.path(file)).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        command.env("NO_COLOR", "1").current_dir(self.0.path()).arg("new").args(arguments).stdout(Stdio::from(out));
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.path(file)).expect("the study")
    }

    /// Runs a study to its page; returns its results.
    #[track_caller]
    fn page(&self, study: &str) -> serde_json::Value {
        let run = self.logscape(&["run", study, "--out", "record", "--force"]);
        assert_eq!(run.code, Some(0), "{}", run.words);
        assert!(!run.words.contains("warning: "), "{}", run.words);
        let page = fs::read_to_string(self.path("record/report.html")).expect("a page");
        assert!(page.contains("<h2>What was run</h2>"));
        let results = fs::read_to_string(self.path("record/results.json")).expect("results");
        serde_json::from_str(&results).expect("JSON")
    }
}

/// A number near the standard normal law.
fn normal(random: &mut impl Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// A table as scikit-learn's of diabetes: ten columns that are centred and have the length 1, and a target between 25 and 346.
fn diabetes() -> String {
    let mut random = stream(1, Purpose::Check, 0);
    let mut text = "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,target\n".to_owned();
    let sexes = [0.050_680_118_739_818_7, -0.044_641_636_506_989];
    for _ in 0..442 {
        let common = 0.03 * normal(&mut random);
        let x: Vec<f64> = (0..10)
            .map(|k| if k == 1 { sexes[random.random_range(0..2)] } else { common + 0.037 * normal(&mut random) })
            .collect();
        let y = 152.0 + 520.0 * x[2] + 320.0 * x[3] + 600.0 * x[8] + 54.0 * normal(&mut random);
        x.iter().for_each(|x| write!(text, "{x},").expect("text"));
        writeln!(text, "{:.1}", y.round().clamp(25.0, 346.0)).expect("text");
    }
    text
}

/// A table as that of Fisher's irises, in the order of the species.
fn irises() -> String {
    let mut random = stream(2, Purpose::Check, 0);
    let mut text = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),species\n".to_owned();
    let means = [[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]];
    for (species, mean) in ["setosa", "versicolor", "virginica"].iter().zip(means) {
        for _ in 0..50 {
            let size = 0.25 * normal(&mut random);
            mean.iter()
                .for_each(|m| write!(text, "{:.1},", (m + size + 0.2 * normal(&mut random)).max(0.1)).expect("text"));
            writeln!(text, "{species}").expect("text");
        }
    }
    text
}

/// Escapes that were measured, of the settings.
fn measured(results: &serde_json::Value) -> Vec<f64> {
    let settings = results["settings"].as_array().expect("settings").iter();
    settings.filter_map(|setting| setting["escape"]["measured"]["log10_mean_steps"]["value"].as_f64()).collect()
}

/// Whether the larger learning rate takes about 1 to 5 % of 100,000 steps, as its comment says, and the smaller one longer.
fn are_within_reach(times: &[f64]) -> bool {
    matches!(times, [smaller, larger] if (2.7..4.0).contains(larger) && (*larger..6.0).contains(smaller))
}

#[test]
fn a_table_of_numbers_comes_to_a_page_in_two_commands() {
    let place = Place::new();
    place.write("diabetes.csv", diabetes());
    let study = place.redirected(&["diabetes.csv"], "study.toml");
    for part in
        ["Inputs: age, sex, bmi, bp, s1, s2, s3, s4, s5, s6.", "Target: target.", "linear regression with an intercept"]
    {
        assert!(study.to_lowercase().contains(&part.to_lowercase()), "{part} is missing in\n{study}");
    }
    let results = place.page("study.toml");
    // Least squares leaves the error's variance, half of 54².
    let loss = results["minimum"]["loss"].as_f64().expect("a loss");
    assert!((1200.0..1600.0).contains(&loss), "{loss}");
    assert_eq!(results["minimum"]["converged"], true);
    let times = measured(&results);
    assert!(are_within_reach(&times), "{times:?}");
}

#[test]
fn a_table_of_classes_comes_to_a_page_in_two_commands() {
    let place = Place::new();
    place.write("iris.csv", irises());
    let study = place.redirected(&["iris.csv"], "study.toml");
    for part in
        ["Classes: setosa, versicolor, virginica.", "one_hot = true", "kind = \"mlp\"", "targets = [\"species\"]"]
    {
        assert!(study.contains(part), "{part} is missing in\n{study}");
    }
    let results = place.page("study.toml");
    assert_eq!((&results["minimum"]["converged"], &results["minimum"]["index"]), (&true.into(), &0.into()));
    // A third of ½(1 − 1/3) for each class is what the best constant leaves.
    assert!(results["minimum"]["loss"].as_f64().expect("a loss") < 0.2);
    let times = measured(&results);
    assert!(are_within_reach(&times), "{times:?}");
}

#[test]
fn columns_that_cannot_be_meant_are_left_out_and_named() {
    let place = Place::new();
    let mut random = stream(3, Purpose::Check, 0);
    let mut text = "id,city,size,again,one,price\n".to_owned();
    for k in 0..60 {
        let size = normal(&mut random);
        let city = ["Bern", "Rome"][k % 2];
        writeln!(text, "{k},{city},{size},{size},1,{}", 2.0 * size + normal(&mut random)).expect("text");
    }
    place.write("houses.csv", text);
    let study = place.redirected(&["houses.csv"], "study.toml");
    let flat = study.replace("\n#", "");
    for part in [
        "`city` (text)",
        "`id` (has the name and the whole numbers of an identifier)",
        "`one` (1 in every sample)",
        "`again` (the same as `size`)",
        "inputs = [\"size\"]",
    ] {
        assert!(flat.contains(part), "{part} is missing in\n{study}");
    }
    // The run tells of nothing, and the least squares have the slope that the table was made with.
    let results = place.page("study.toml");
    let slope = results["minimum"]["theta"][0].as_f64().expect("a parameter");
    assert!((slope - 2.0).abs() < 4.0 / 60f64.sqrt(), "{slope}");
    // Asked for, it is taken, and the run says so.
    let study = place.redirected(&["houses.csv", "--input", "id", "--input", "size"], "study.toml");
    assert!(study.contains("inputs = [\"id\", \"size\"]") && study.contains("warning: input `id`"), "{study}");
}

/// A data frame of pandas: its column of text is left out, or is the target; its index is neither.
#[test]
fn a_parquet_table_is_read_as_a_csv_table_is() {
    let place = Place::new();
    let table = include_bytes!("../../../logscape/src/data/parquet/pandas.parquet");
    place.write("frame.parquet", table);
    let study = place.redirected(&["frame.parquet"], "study.toml").replace("\n#", "");
    assert!(study.contains("`kind` (text)") && study.contains("targets = [\"x\"]"), "{study}");
    assert!(study.contains("inputs = [\"size\"]") && !study.contains("__index"), "{study}");
    let study = place.redirected(&["frame.parquet", "--target", "kind"], "study.toml");
    assert!(study.contains("one_hot = true") && study.contains("Inputs: size, x"), "{study}");
    assert_eq!(place.logscape(&["check", "study.toml"]).code, Some(0));
}

/// Another data frame, in Arrow's format; it comes to a page.
#[test]
fn an_arrow_table_is_read_as_a_csv_table_is() {
    let place = Place::new();
    place.write("table.feather", include_bytes!("../../../logscape/src/data/arrow/pandas.feather"));
    let study = place.redirected(&["table.feather"], "study.toml").replace("\n#", "");
    assert!(study.contains("`kind` (text)") && study.contains("targets = [\"x\"]"), "{study}");
    assert!(study.contains("inputs = [\"size\"]"), "{study}");
    // Each number is half the size, and at most 0.4 more.
    let slope = place.page("study.toml")["minimum"]["theta"][0].as_f64().expect("a parameter");
    assert!((slope - 0.5).abs() < 0.05, "{slope}");
}

#[test]
fn the_target_and_the_problem_can_be_named() {
    let place = Place::new();
    place.write("diabetes.csv", diabetes());
    let study = place.redirected(&["diabetes.csv", "--target", "bmi", "--kind", "linear-regression"], "study.toml");
    assert!(study.contains("kind = \"linear-regression\"") && study.contains("targets = [\"bmi\"]"), "{study}");
    assert!(study.contains("Inputs: age, sex, bp,"), "{study}");
    let said = place.logscape(&["check", "study.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.words);
    let said = place.logscape(&["new", "diabetes.csv", "--kind", "matrix-factorisation"]);
    assert!(said.code == Some(2) && said.out.is_empty(), "{}", said.words);
    assert!(
        said.words.contains("an entry of a matrix has 2 inputs, not 10\n  hint: give row and column"),
        "{}",
        said.words
    );
}

#[test]
fn the_path_holds_wherever_the_study_goes() {
    let place = Place::new();
    fs::create_dir_all(place.path("data/here")).expect("a folder");
    fs::create_dir_all(place.path("studies")).expect("a folder");
    place.write("data/here/it's a table.csv", "x,y\n1,1.1\n2,1.8\n3,3.2\n-1,-0.7\n-2,-2.1\n");
    let table = "data/here/it's a table.csv";
    let relative = |file: &str| {
        let said = place.logscape(&["new", table, "--out", file]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.words);
        fs::read_to_string(place.path(file)).expect("the study")
    };
    assert!(relative("data/study.toml").contains("path = \"here/it's a table.csv\""));
    assert!(relative("study.toml").contains("path = \"data/here/it's a table.csv\""));
    relative("studies/written.toml");
    place.redirected(&[table], "studies/redirected.toml");
    for study in ["data/study.toml", "study.toml", "studies/written.toml", "studies/redirected.toml"] {
        let said = place.logscape(&["run", study, "--dry-run"]);
        assert_eq!(said.code, Some(0), "{study}: {}", said.words);
    }
    place.page("studies/redirected.toml");
    // Nothing is written over.
    let before = fs::read(place.path("study.toml")).expect("the study");
    let said = place.logscape(&["new", table, "--out", "study.toml"]);
    assert!(
        said.code == Some(2) && said.words.contains("is there already\n  hint: give another --out"),
        "{}",
        said.words
    );
    assert_eq!(fs::read(place.path("study.toml")).expect("the study"), before);
    let said = place.logscape(&["new", table, "--out", "nowhere/study.toml"]);
    assert!(said.code == Some(1) && said.words.contains("hint: is the folder there"), "{}", said.words);
}

/// An NPY file of bytes.
fn npy(shape: &str, bytes: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), bytes].concat()
}

#[test]
fn whatever_the_reader_opens_comes_to_a_study_that_is_checked() {
    let place = Place::new();
    let mut random = stream(4, Purpose::Check, 0);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(irises().as_bytes()).expect("in memory");
    place.write("packed.csv.gz", packed.finish().expect("in memory"));
    place.write("tabs.TSV", diabetes().replace(',', "\t"));
    let (pixels, labels): (Vec<u8>, Vec<u8>) =
        ((0..60 * 4).map(|_| random.random()).collect(), (0..60).map(|k| k % 3).collect());
    place.write("x.npy", npy("(60, 4)", &pixels));
    place.write("y.npy", npy("(60,)", &labels));
    fs::create_dir(place.path("images")).expect("a folder");
    place.write(
        "images/train-images-idx3-ubyte",
        [&[0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 2], &pixels[..]].concat(),
    );
    place.write("images/train-labels-idx1-ubyte", [&[0, 0, 8, 1, 0, 0, 0, 60], &labels[..]].concat());
    for (data, parts) in [
        ("packed.csv.gz", ["one_hot = true", "name = \"packed\""]),
        ("tabs.TSV", ["targets = [\"target\"]", "name = \"tabs\""]),
        ("x.npy", ["one_hot = true", "60 samples, 4 inputs, 3 targets"]),
        ("images", ["kind = \"mlp\"", "60 samples, 4 inputs, 3 targets"]),
    ] {
        let study = place.redirected(&[data], "study.toml");
        for part in parts {
            assert!(study.contains(part), "{part} is missing in\n{study}");
        }
        let said = place.logscape(&["check", "study.toml"]);
        assert_eq!(said.code, Some(0), "{data}: {}", said.words);
    }
}

#[test]
fn what_is_wrong_is_told_as_by_check() {
    let place = Place::new();
    let tell = |table: &str, arguments: &[&str]| {
        place.write("a.csv", table);
        let said = place.logscape(&[&["new", "a.csv"], arguments].concat());
        assert!(said.code == Some(2) && said.out.is_empty(), "{}", said.words);
        said.words
    };
    let hole = tell("x,y\n1,2\n,3\n", &[]);
    assert!(
        hole.contains("a.csv: line 3, column `x`: found ``") && hole.contains("hint: fill in or drop the line"),
        "{hole}"
    );
    place.write("study.toml", "name = \"a\"\n[problem]\nkind = \"linear-regression\"\ndata = \"a.csv\"\n[sgd]\nlearning_rate = 0.1\nbatch_size = 1\n");
    let run = place.logscape(&["run", "study.toml", "--out", "out"]);
    assert_eq!(run.words, hole, "{}", run.words);
    let mixed = tell("x,y\n1,2\nNA,3\n", &[]);
    assert!(mixed.contains("line 3, column `x`: found `NA`"), "{mixed}");
    let names = tell("x,z,name\n1,3,ann\n2,5,bob\n3,1,eve\n", &[]);
    assert!(
        names.contains("`name` holds 3 different texts in 3 samples") && names.contains("by --target COLUMN"),
        "{names}"
    );
    let constant = tell("x,z\n1,3\n2,3\n3,3\n", &[]);
    assert!(
        constant.contains("target `z` is 3 in every sample") && constant.contains("by --target COLUMN"),
        "{constant}"
    );
    place.write("a.csv", "x,z,name\n1,3,ann\n2,5,bob\n3,1,eve\n");
    assert!(place.redirected(&["a.csv", "--target", "x"], "b.toml").contains("inputs = [\"z\"]"));
}

#[test]
fn a_name_that_is_nothing_gets_the_nearest() {
    let place = Place::new();
    let said = place.logscape(&["new", "sinusoide"]);
    assert!(said.code == Some(2) && said.words.contains("did you mean `sinusoid`?"), "{}", said.words);
    let said = place.logscape(&["new", "none.csv"]);
    assert!(said.code == Some(2) && said.words.contains("none.csv: cannot be read"), "{}", said.words);
}

#[test]
fn the_study_of_every_problem_runs_to_its_end() {
    let place = Place::new();
    for kind in logscape::problem::all() {
        let study = place.redirected(&[kind.name], "study.toml");
        let small = ["--set", "escape.replicas=4", "--set", "stationary.replicas=4", "--set", "stationary.steps=1000"];
        let fewer =
            ["--set", "stationary.burn_in=100", "--set", "escape.max_steps=2000", "--set", "escape.method=direct"];
        let said = place.logscape(&[&["run", "study.toml", "--out", kind.name], &small[..], &fewer].concat());
        assert_eq!(said.code, Some(0), "{}: {}\n{study}", kind.name, said.words);
        assert!(is_page(&place.path(kind.name)), "{}", kind.name);
    }
}

fn is_page(record: &Path) -> bool {
    fs::read_to_string(record.join("report.html")).is_ok_and(|page| page.contains("</html>"))
}

/// Inputs in units that differ by a million are standardised, and then nothing depends on their units.
#[test]
fn inputs_of_unlike_scale_are_standardised() {
    let place = Place::new();
    let table = |units: [f64; 2]| {
        let mut random = stream(6, Purpose::Check, 0);
        let mut text = "size,price,y\n".to_owned();
        for _ in 0..80 {
            let [a, b] = [normal(&mut random), normal(&mut random) + 2.0];
            let y = a - 0.5 * b + 1.0 + 0.5 * normal(&mut random);
            writeln!(text, "{:e},{:e},{y}", units[0] * a, units[1] * b).expect("text");
        }
        text
    };
    place.write("plain.csv", table([1.0, 1.0]));
    place.write("units.csv", table([1e-3, 1e3]));
    let plain = place.redirected(&["plain.csv"], "plain.toml");
    assert!(!plain.contains("standardise"), "{plain}");
    let units = place.redirected(&["units.csv"], "units.toml");
    assert!(units.contains("\nstandardise = true\n"), "{units}");
    // The hint of the warning is followed.
    let without = units.replace("\nstandardise = true\n", "\n");
    place.write("without.toml", without);
    let warned = place.logscape(&["check", "without.toml"]);
    assert!(warned.words.contains("set `standardise = true` in [problem.data]"), "{}", warned.words);
    let results = place.page("units.toml");
    let manifest = fs::read_to_string(place.path("record/manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let taken = |at: usize, name: &str| {
        manifest["origin"]["columns"]["standardised"][at][name].as_f64().expect("what was taken")
    };
    assert!((taken(0, "deviation") / 1e-3 - 1.0).abs() < 0.3 && (taken(1, "mean") / 2e3 - 1.0).abs() < 0.2);
    let study = fs::read_to_string(place.path("units.toml")).expect("the study");
    place.write("same.toml", study.replace("units.csv", "plain.csv"));
    let same = place.page("same.toml");
    let spectrum = |results: &serde_json::Value| -> Vec<f64> {
        let values = results["geometry"]["eigenvalues"].as_array().expect("a spectrum").iter();
        values.map(|value| value.as_f64().expect("a number")).collect()
    };
    let (found, want) = (spectrum(&results), spectrum(&same));
    assert_eq!(found.len(), want.len());
    assert!(found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs()), "{found:?}, {want:?}");
    // In the units of the file the weights are those of the line that made it, 1, -0.5 and 1, within four of its errors.
    let weights = |results: &serde_json::Value| -> Vec<f64> {
        let found = &results["minimum"]["unstandardised"];
        let values = found["theta"].as_array().expect("weights").iter().chain([&found["offset"]]);
        values.map(|value| value.as_f64().expect("a number")).collect()
    };
    let (found, want) = (weights(&results), weights(&same));
    for (at, (unit, made, errors)) in [(1e-3, 1.0, 0.25), (1e3, -0.5, 0.25), (1.0, 1.0, 0.5)].into_iter().enumerate() {
        assert!((found[at] * unit / want[at] - 1.0).abs() < 1e-6, "{found:?}, {want:?}");
        assert!((want[at] - made).abs() < errors, "{want:?}");
    }
    let page = fs::read_to_string(place.path("record/report.html")).expect("a page");
    assert!(page.contains("for inputs as they are<br/>in the data"), "the parameters are on the page");
}
