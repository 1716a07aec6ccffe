//! Study files: what is accepted, and what each mistake is told.

use logscape::data::Column;
use logscape_study::{Study, StudyError, load, parse};
use miette::Diagnostic;
use std::path::Path;

const GOOD: &str = r#"
name = "sinusoid"
seed = 7

[problem]
kind = "sinusoid"
data = { path = "sinusoid.csv" }

[minimum]
start = [5.5]

[sgd]
learning_rate = [0.05, 0.1]
batch_size = "1:16:3log"

[escape]
region = { loss-factor = 2.0 }
"#;

fn good(overrides: &[&str]) -> Result<Study, StudyError> {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    parse("good.toml", GOOD, &overrides)
}

/// Message, hint and the text that the label points at.
fn told(text: &str) -> (String, String, String) {
    let error = parse("study.toml", text, &[]).expect_err("the study is wrong");
    let hint = error.help().map(|hint| hint.to_string()).unwrap_or_default();
    let place = error
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|label| text[label.offset()..label.offset() + label.len()].to_owned())
        .unwrap_or_default();
    (error.to_string(), hint, place)
}

#[test]
fn grids_are_spelt_out() {
    let study = good(&[]).expect("a good study");
    assert_eq!(study.sgd.learning_rate.0, [0.05, 0.1]);
    assert_eq!(study.sgd.batch_size.0, [1, 4, 16]);
}

#[test]
fn the_resolved_study_reads_back_as_itself() {
    let study = good(&[]).expect("a good study");
    let text = toml::to_string(&study).expect("a study is TOML");
    assert!(text.contains("max_steps = 10000000"), "defaults are written out:\n{text}");
    assert_eq!(parse("resolved.toml", &text, &[]).expect("resolved study"), study);
}

#[test]
fn overrides_replace_and_add() {
    let study = good(&["sgd.batch_size=8", "problem.data.scale=0.5", "escape.max_steps=5"]).expect("a good study");
    assert_eq!(study.sgd.batch_size.0, [8]);
    assert_eq!(study.problem.expect("a problem").data.scale, Some(0.5));
    assert_eq!(study.escape.map(|escape| escape.max_steps), Some(5));
}

#[test]
fn fields_are_set_beside_a_path_alone() {
    let short = GOOD.replace("{ path = \"sinusoid.csv\" }", "\"sinusoid.csv\"");
    assert_ne!(short, GOOD);
    let data = |text: &str, overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        parse("short.toml", text, &overrides).expect("a good study").problem.expect("a problem").data
    };
    for overrides in [&["problem.data.scale=0.5"][..], &["problem.data.path=other.csv", "problem.data.limit=3"]] {
        assert_eq!(data(&short, overrides), data(GOOD, overrides));
    }
    let both = data(GOOD, &["problem.data=other.csv", "problem.data.targets=2"]);
    assert!(both.path.is_some_and(|path| path.is_absolute() && path.ends_with("other.csv")) && both.targets.len() == 1);
}

#[test]
fn overrides_that_are_no_assignments_are_refused() {
    for wrong in ["sgd.batch_size", ".=1", "name.x=1", "sgd.batchsize=3", "sgd.batch_size=0"] {
        assert!(good(&[wrong]).is_err(), "--set {wrong}");
    }
}

#[test]
fn a_wrong_override_is_not_blamed_on_the_file() {
    let error = good(&["sgd.batch_size=0"]).expect_err("a batch of 0");
    assert!(error.to_string().starts_with("sgd.batch_size"), "{error}");
    assert!(error.to_string().ends_with("(in good.toml with --set)"), "{error}");
    assert!(error.labels().and_then(|mut labels| labels.next()).is_none());
}

#[test]
fn a_misspelt_field_is_named_with_its_place_and_a_suggestion() {
    let (message, hint, place) = told(&GOOD.replace("learning_rate", "learning_rte"));
    assert!(message.contains("learning_rte"), "{message}");
    assert_eq!(hint, "did you mean `learning_rate`?");
    assert_eq!(place, "learning_rte");
    let (_, hint, place) = told(&GOOD.replace("\"sinusoid\"\ndata", "\"sinusiod\"\ndata"));
    assert_eq!((hint.as_str(), place.as_str()), ("did you mean `sinusoid`?", "\"sinusiod\""));
}

#[test]
fn values_out_of_range_are_named_with_their_place() {
    let range = "\"1:16:3log\"";
    for (from, to, field, place) in [
        (range, "0", "sgd.batch_size", "0"),
        ("[0.05, 0.1]", "[0.05, -0.1]", "sgd.learning_rate", "[0.05, -0.1]"),
        ("[0.05, 0.1]", "nan", "sgd.learning_rate", "nan"),
        ("[5.5]", "[inf]", "minimum.start", "[inf]"),
        ("{ loss-factor = 2.0 }", "{ loss-factor = 0.5 }", "escape.region", "{ loss-factor = 0.5 }"),
        ("{ path = \"sinusoid.csv\" }", "{}", "problem.data", "{}"),
        ("name = \"sinusoid\"", "name = \"../up\"", "name", "\"../up\""),
    ] {
        let (message, hint, at) = told(&GOOD.replacen(from, to, 1));
        assert!(message.starts_with(field), "{to}: {message}");
        assert!(!hint.is_empty(), "{to} has no hint");
        assert_eq!(at, place);
    }
}

#[test]
fn wrong_types_and_ranges_are_refused_with_a_place() {
    let range = "\"1:16:3log\"";
    for wrong in ["-1", "1.5", "true", "[]", "\"1:16\"", "\"16:1:3\"", "\"0:1:3log\"", "\"1:2:999999\""] {
        let (message, _, place) = told(&GOOD.replacen(range, wrong, 1));
        assert!(!message.is_empty());
        assert_eq!(place, wrong, "{message}");
    }
}

#[test]
fn broken_toml_points_at_the_place() {
    let text = "name = \"a\"\nseed = 1 2\n";
    let error = parse("study.toml", text, &[]).expect_err("the text is no TOML");
    let label = error.labels().and_then(|mut labels| labels.next()).expect("a place");
    assert_eq!(text[..label.offset()].lines().count(), 2, "the mistake is in the second line: {label:?}");
}

/// Lines of that length are shown by no terminal, and whoever draws them cannot.
#[test]
fn a_mistake_in_a_long_line_is_told_by_its_line() {
    let text = format!("name = \"a\"\n{} = 1 2\n", "x".repeat(70_000));
    let (message, _, place) = told(&text);
    assert!(message.ends_with("(in study.toml, line 2)") && place.is_empty(), "{}", &message[message.len() - 100..]);
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Path::new("no-such-study.toml"), &[]).expect_err("there is no such file");
    assert!(error.to_string().contains("no-such-study.toml"), "{error}");
}

#[test]
fn theories_are_all_or_named() {
    let names = |study: &Study| -> Vec<&str> {
        let table = study.escape.as_ref().expect("an escape section");
        table.theories.chosen(table.xi).map(|theory| theory.name()).collect()
    };
    let all = good(&[]).expect("a good study");
    assert_eq!(names(&all).len(), 9);
    assert_eq!(names(&good(&["escape.theories=all"]).expect("all")), names(&all));
    let two = good(&["escape.theories=[\"large-deviation\", \"kramers\"]"]).expect("two");
    assert_eq!(names(&two), ["kramers", "large-deviation"]);
    let text = toml::to_string(&two).expect("TOML");
    assert_eq!(parse("again", &text, &[]).expect("it reads back"), two);
    for (wrong, word) in [("[\"kramer\"]", "no theory `kramer`"), ("[]", "no theory"), ("3", "expected \"all\"")] {
        let error = good(&[&format!("escape.theories={wrong}")]).expect_err("it is wrong");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn data_is_a_path_alone_or_a_table_with_columns() {
    let data = |value: &str| {
        let text = GOOD.replacen("{ path = \"sinusoid.csv\" }", value, 1);
        parse("study.toml", &text, &[]).map(|study| study.problem.expect("a problem").data)
    };
    let table = data("{ path = \"sinusoid.csv\" }").expect("a table");
    assert_eq!(data("\"sinusoid.csv\"").expect("a path alone"), table);
    let named = data("{ path = \"a.csv\", inputs = [\"size\", 3], targets = \"price\" }").expect("columns");
    assert_eq!(named.inputs, [Column::Name("size".into()), Column::Position(3)]);
    assert_eq!(named.targets, [Column::Name("price".into())]);
    for (wrong, word) in [
        ("{ path = \"a.csv\", inputs = 0 }", "position from 1"),
        ("{ path = \"a.csv\", inputs = 1.5 }", "position from 1"),
        ("{ builtin = \"digits\", targets = 1 }", "only data from a file"),
        ("3", "the path of a file"),
    ] {
        let error = data(wrong).expect_err(wrong);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_path_on_the_command_line_starts_where_the_user_is() {
    let path = |study: Study| study.problem.expect("a problem").data.path.expect("a path");
    assert_eq!(path(good(&[]).expect("a good study")), Path::new("sinusoid.csv"));
    let here = std::env::current_dir().expect("a folder");
    for given in ["problem.data.path=other.csv", "problem.data={ path = \"other.csv\" }", "problem.data=other.csv"] {
        assert_eq!(path(good(&[given]).expect("a good study")), here.join("other.csv"));
    }
}

#[test]
fn an_expectation_needs_bounds_in_order() {
    let text = format!("{GOOD}\n[[expect]]\nwhat = \"minimum.loss\"\nbetween = [2, 1]\nbecause = \"none\"\n");
    let (message, hint, _) = told(&text);
    assert!(message.contains("between 2 and 1") && hint.contains("[low, high]"), "{message} {hint}");
}

#[test]
fn the_path_parameter_and_the_search_for_saddles_have_their_ranges() {
    let study = good(&["escape.xi=0.25", "saddle.searches=3"]).expect("a good study");
    assert_eq!(study.escape.as_ref().map(|table| table.xi), Some(0.25));
    assert_eq!(study.saddle.as_ref().map(|table| (table.searches, table.directions)), Some((3, 4)));
    let text = toml::to_string(&study).expect("TOML");
    assert_eq!(parse("again", &text, &[]).expect("it reads back"), study);
    for (wrong, word) in [
        ("escape.xi=0", "escape.xi"),
        ("escape.xi=1.0", "escape.xi"),
        ("saddle.reach=-1.0", "saddle.reach"),
        ("saddle.range=inf", "saddle.range"),
        ("saddle.other_minimum=[[nan]]", "saddle.other_minimum"),
        ("saddle.serches=3", "serches"),
    ] {
        let error = good(&[wrong]).expect_err("it is wrong");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn dynamics_are_known_and_have_the_options_that_are_given() {
    let with = |text: &str| format!("{GOOD}\n[[dynamics]]\n{text}\n");
    let study = parse("study.toml", &with("kind = \"heavy-ball\"\nmomentum = 0.5"), &[]).expect("a good study");
    assert_eq!((study.dynamics[0].name.as_str(), study.dynamics[0].options.momentum), ("heavy-ball", Some(0.5)));
    let text = toml::to_string(&study).expect("TOML");
    assert_eq!(parse("again", &text, &[]).expect("it reads back"), study);
    let given = good(&["dynamics=[{ kind = \"sgld\", temperature = 0.1 }]"]).expect("a good study");
    assert_eq!(given.dynamics[0].kind, "sgld");
    // 2 learning rates and 3 batch sizes, 1000 replicas, SGD and an SDE with ten steps for each of its own.
    let most = parse("study.toml", &with("kind = \"measured-noise-sde\""), &[]).expect("a good study").most_steps();
    // `auto` may do both: all replicas, and a pilot and 20 repeats of splitting with a twentieth of their steps each.
    assert_eq!(most, 6.0 * 11.0 * (1e3 * 1e7 + 21.0 * 5e8));
    let direct = with("kind = \"measured-noise-sde\"").replace("[escape]\n", "[escape]\nmethod = \"direct\"\n");
    let steps = |text: &str| parse("study.toml", text, &[]).expect("a good study").most_steps();
    assert_eq!(steps(&direct), 6.0 * 11.0 * 1e3 * 1e7);
    // Committed escapes take one more ensemble of SGD in each setting, and of nothing beside it.
    let committed = direct
        .replace("method = \"direct\"\n", "method = \"direct\"\ncommitted = true\n")
        .replace("{ loss-factor = 2.0 }", "\"dividing-surface\"");
    assert_eq!(steps(&committed), 6.0 * 12.0 * 1e3 * 1e7);
    for (wrong, words) in [
        ("kind = \"heavy-bal\"", "the nearest is `heavy-ball`"),
        ("kind = \"sgd\"", "two of the name `sgd`"),
        ("kind = \"sgld\"\nmomentum = 0.5", "no option `momentum`; it has temperature"),
        ("kind = \"heavy-ball\"\nbetas = [0.9, 0.9]", "no option `betas`; it has momentum, weight_decay, sampling"),
        ("kind = \"adamw\"\nmomentum = 0.9", "no option `momentum`; it has betas, epsilon, weight_decay, sampling"),
        ("kind = \"sgld\"\ntemperatur = 0.5", "unknown field `temperatur`"),
        ("kind = \"gaussian-full\"\nscheme = \"milstien\"", "unknown variant `milstien`"),
        ("momentum = 0.5", "missing field `kind`"),
        ("kind = \"sgld\"\nname = \"../up\"", "no usable name"),
        ("kind = 3", "`kind` is text"),
    ] {
        let (message, hint, _) = told(&with(wrong));
        assert!(message.contains(words) && !hint.is_empty(), "{wrong}: {message} ({hint})");
    }
}

#[test]
fn trajectories_have_a_limit() {
    let study = good(&["output.trajectories={ every = 10 }"]).expect("a good study");
    assert_eq!(study.output.trajectories.map(|table| (table.replicas, table.steps)), Some((4, 100_000)));
    for (wrong, words) in [("{ every = 0 }", "a number is 0"), ("{ every = 1, replicas = 100 }", "10^6")] {
        let error = good(&[&format!("output.trajectories={wrong}")]).expect_err("it is wrong");
        assert!(error.to_string().contains(words), "{error}");
    }
}
