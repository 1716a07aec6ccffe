//! The report of a real run: complete, self-contained, well-formed, escaped, and the same when drawn again.

use logscape::theory;
use logscape::{Estimate, Stop};
use logscape_study::record::UnstandardisedRecord;
use logscape_study::{Destination, Event, Record, figures, parse, report};
use std::fs;
use std::path::Path;

const STUDY: &str = r#"
name = "small"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 100, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = [0.05, 0.1]
batch_size = 1

[stationary]
replicas = 8
burn_in = 100
steps = 1_000

[escape]
region = "dividing-surface"
replicas = 20
max_steps = 20_000
"#;

/// Hears nothing.
fn silent(_: &Event) {}

/// Runs the small study into `place`.
fn run(place: &Path) -> Record {
    let study = parse("small.toml", STUDY, &[]).expect("a good study");
    let destination = Destination::new(place.to_path_buf());
    let run = logscape_study::run(&study, Path::new(""), &destination, &Stop::new(), &silent);
    run.expect("a run").0
}

/// Every page in `place`, by path.
fn pages(place: &Path) -> Vec<(String, Vec<u8>)> {
    let figures = fs::read_dir(place.join("figures")).expect("figures");
    let mut paths: Vec<_> = figures.map(|entry| entry.expect("an entry").path()).collect();
    paths.push(place.join("report.html"));
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).expect("a page"))).collect()
}

/// The pictures in a page.
fn pictures(page: &str) -> Vec<&str> {
    let starts = page.match_indices("<svg").map(|(start, _)| start);
    starts.map(|start| &page[start..start + page[start..].find("</svg>").expect("an end") + 6]).collect()
}

#[test]
fn a_run_leaves_a_whole_report_that_can_be_drawn_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("record");
    run(&place);
    let written = pages(&place);
    assert_eq!(written.len(), 8, "seven figures and the report");
    for (path, bytes) in written.iter().filter(|page| page.0.ends_with("svg")) {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        assert!(roxmltree::Document::parse(text).is_ok(), "{path}");
    }
    let page = fs::read_to_string(place.join("report.html")).expect("the report");
    for theory in theory::all() {
        assert!(page.contains(&format!("<td>{}</td>", theory.name())), "{}", theory.name());
    }
    // Steps are small: the mean shrinks by (1 − ηh)², and the samples differ little.
    assert!(
        page.contains("linearly stable, and stable in mean square, where each step multiplies E|θ−θ*|² by 0."),
        "{page}"
    );
    for outside in ["http", "src=", "<script", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let pictures = pictures(&page);
    assert_eq!(page.matches("<figure id=").count(), 7);
    assert_eq!(pictures.len(), 7 + 2 * theory::all().len(), "figures, and a bar for each theory in each setting");
    for picture in pictures {
        roxmltree::Document::parse(picture).expect("a well-formed picture");
    }
    let whole = page.replacen("<!DOCTYPE html>", "", 1).replace("<meta charset=\"utf-8\">", "");
    let whole = whole.replace("initial-scale=1\">", "initial-scale=1\"/>");
    roxmltree::Document::parse(&whole).expect("a well-formed page");

    fs::remove_dir_all(place.join("figures")).expect("to remove the figures");
    fs::write(place.join("report.html"), "old").expect("to spoil the report");
    report::draw(&place).expect("to draw again");
    assert!(pages(&place) == written, "the same bytes");
    assert!(report::draw(folder.path()).is_err(), "no record there");
}

#[test]
fn text_from_the_user_is_no_markup_and_what_cannot_be_drawn_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut record = run(&folder.path().join("record"));
    let data = &mut record.study.problem.as_mut().expect("a problem").data;
    data.synthetic = None;
    data.path = Some("<img onerror='x'>&.csv".into());
    record.results.geometry.outlier_rule = "<b>rule</b>".to_owned();
    record.tables.scaling.clear();
    record.results.minimum.loss = -1.0;
    let pages = report::pages(&record).expect("pages");
    let page = &pages.last().expect("the report").1;
    assert!(!page.contains("<img") && !page.contains("<b>"));
    assert!(page.contains("&lt;img") && page.contains("&lt;b&gt;"));
    let undrawn = "paths over saddles, scaling, stationary law, starts, phase diagram, training, curvature, classes";
    assert_eq!(page.matches(": not drawn, ").count(), 8, "{undrawn}");
}

#[test]
fn a_grid_has_a_phase_diagram() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("record");
    let text = STUDY.replace("batch_size = 1", "batch_size = [1, 2]");
    let study = parse("grid.toml", &text, &[]).expect("a good study");
    let destination = Destination::new(place.clone());
    let run = logscape_study::run(&study, Path::new(""), &destination, &Stop::new(), &silent);
    let mut record = run.expect("a run").0;
    assert_eq!(Record::read(&place).expect("a record").tables, record.tables);

    // The plane goes on by a factor of two on every side, and holds the settings: there it says what the settings' records do.
    let rows = &record.tables.phase_diagram;
    let ends =
        rows.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), row| (l.min(row.learning_rate), h.max(row.learning_rate)));
    assert!((ends.0 - 0.025).abs() < 1e-12 && (ends.1 - 0.2).abs() < 1e-12, "{ends:?}");
    let mut compared = 0;
    for setting in &record.results.settings {
        let here = rows.iter().filter(|row| {
            (row.learning_rate / setting.sgd.learning_rate - 1.0).abs() < 1e-9
                && row.batch_size == setting.sgd.batch_size as u64
        });
        for row in here {
            let escape = setting.escape.as_ref().expect("an escape");
            let expected = match row.quantity.as_str() {
                "log10_mean_steps" => escape.predictions[&row.theory].log10_mean_steps,
                "critical_dimension_measured" => setting.law.critical_dimension_measured,
                "mean_square_growth" => setting.law.mean_square_growth,
                other => panic!("{other}"),
            };
            assert!((row.value / expected.expect("a number") - 1.0).abs() < 1e-6, "{row:?} {expected:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * 3);

    let diagram = figures::by_name("phase-diagram").expect("it is listed");
    let drawn = diagram.of(&record).expect("a figure");
    roxmltree::Document::parse(&drawn.svg).expect("a well-formed picture");
    assert!(
        !drawn.svg.contains("lower bound") && drawn.caption.contains("Outside of the picture: "),
        "{}",
        drawn.caption
    );
    let escape = record.results.settings[0].escape.as_mut().expect("an escape");
    (escape.measured.mean_steps, escape.measured.log10_mean_steps) = (None, None);
    assert!(diagram.of(&record).expect("a figure").svg.contains("lower bound"));
    record.tables.phase_diagram.clear();
    assert!(diagram.of(&record).is_err());
}

#[test]
fn the_escape_figure_of_a_sweep_draws_each_batch_size_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = STUDY.replace("[0.05, 0.1]", "[0.05, 0.1, 0.15, 0.2]").replace("batch_size = 1", "batch_size = [1, 2]");
    let study = parse("sweep.toml", &text, &[]).expect("a good study");
    let destination = Destination::new(folder.path().join("record"));
    let run = logscape_study::run(&study, Path::new(""), &destination, &Stop::new(), &silent);
    let mut record = run.expect("a run").0;
    // Panels of times and of errors, when nothing escaped at the first of the learning rates with a batch of two.
    for (silent, of_two) in [(0, 2), (2, 2), (3, 0)] {
        let of_two_settings = record.results.settings.iter_mut().filter(|setting| setting.sgd.batch_size == 2);
        for escape in of_two_settings.take(silent).filter_map(|setting| setting.escape.as_mut()) {
            escape.measured.log10_mean_steps = None;
        }
        let figure = figures::by_name("escape").expect("it is listed").of(&record).expect("a figure");
        let picture = roxmltree::Document::parse(&figure.svg).expect("a well-formed picture");
        let words = picture.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
        let words: Vec<&str> = words.map(str::trim).collect();
        let panels = |title: &str| words.iter().filter(|word| **word == title).count();
        assert_eq!([panels("B = 1"), panels("B = 2")], [2, of_two], "{words:?}");
        assert_eq!(figure.caption.contains("at one learning rate alone: B = 2."), of_two == 0, "{}", figure.caption);
    }
}

/// A record that was edited has fewer parameters for inputs as they are in the data than it has parameters.
#[test]
fn parameters_that_were_taken_out_of_a_record_are_left_out_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut record = run(&folder.path().join("record"));
    record.results.minimum.unstandardised = Some(UnstandardisedRecord { theta: Vec::new(), offset: 1.5 });
    let pages = report::pages(&record).expect("pages");
    let (_, page) = pages.iter().find(|(name, _)| name == "report.html").expect("a page");
    assert!(page.contains("<td>offset</td>"), "{page}");
}

/// Whatever a record does not know, its page and its summary say why.
#[test]
fn what_is_not_known_has_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut record = run(&folder.path().join("record"));
    let settings = &mut record.results.settings;
    let law = &mut settings[0].law;
    (law.temperature, law.phi, law.critical_dimension, law.mean_square_growth) = (None, None, None, None);
    for setting in settings.iter_mut() {
        let law = &mut setting.law;
        (law.temperature_measured, law.phi_measured, law.critical_dimension_measured) = (None, None, None);
        let stationary = setting.stationary.as_mut().expect("asked for");
        stationary.statistics.values_mut().for_each(|series| *series = None);
        let escape = setting.escape.as_mut().expect("asked for");
        for (name, prediction) in &mut escape.predictions {
            (prediction.log10_mean_steps, prediction.log10_committed_steps) = (None, None);
            let judgement = escape.verdict.theories.get_mut(name).expect("judged");
            (judgement.at_least, judgement.at_most, judgement.holds) = (None, None, None);
        }
        escape.verdict.error_decades.values_mut().for_each(|error| *error = None);
    }
    let pages = report::pages(&record).expect("pages");
    let (_, page) = pages.iter().find(|(name, _)| name == "report.html").expect("a page");
    let page = page.replace("&#x2f;", "/");
    let summary = logscape_study::summary::summary(&record.results);
    for text in [&page, &summary] {
        assert!(!text.contains(['—', '∞']) && !text.contains("NaN") && !text.contains("null"), "{text}");
    }
    for reason in [
        "No temperature, φ or critical dimension, as η h*/B is no positive number",
        "none with the measured s, as η s h*/B is no positive number",
        "not known: no spread between samples, or too few replicas",
        "nothing to compare",
        "no bulk",
    ] {
        assert!(page.contains(reason), "{reason}");
    }
    for reason in [
        "no phi or n_c, as eta h*/B is no positive number",
        "none with measured s, as eta s h*/B is no positive number",
    ] {
        assert!(summary.contains(reason), "{reason}: {summary}");
    }
}

/// As the table of coverage in the book has it.
#[test]
fn a_tail_that_leaves_a_deviation_without_an_upper_end_is_said_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = run(&folder.path().join("record"));
    let says = |upper: f64| {
        let mut record = record.clone();
        for setting in &mut record.results.settings {
            let law = setting.stationary.as_mut().expect("asked for");
            law.distance = None;
            let loss = law.statistics.get_mut("excess_loss").and_then(Option::as_mut).expect("a spread");
            loss.deviation = Estimate::new(1.0, 0.5, upper);
        }
        let pages = report::pages(&record).expect("pages");
        let page = pages.into_iter().find(|(name, _)| name == "report.html").expect("a page").1;
        page.contains("leaves the standard deviation of the loss without an upper end")
    };
    assert_eq!([2.0, f64::INFINITY].map(says), [false, true]);
}
