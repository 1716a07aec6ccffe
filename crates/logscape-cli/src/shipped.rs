//! The studies inside the binary, and running them against what they say that they show.

use crate::outcome::{BAD_INPUT, DONE, FAILED, fail, print, tell};
use crate::progress::Terminal;
use logscape::{Stop, problem};
use logscape_study::expect::{Finding, findings};
use logscape_study::text::count;
use logscape_study::{Destination, Study};
use miette::Report;
use std::fmt::Write;
use std::path::Path;

/// The shipped studies by name; the first is what `logscape run` takes without one.
pub(crate) const STUDIES: [(&str, &str); 7] = [
    ("digits", include_str!("../../../studies/digits.toml")),
    ("linear", include_str!("../../../studies/linear.toml")),
    ("sinusoid", include_str!("../../../studies/sinusoid.toml")),
    ("sinusoid-deep", include_str!("../../../studies/sinusoid-deep.toml")),
    ("phase-retrieval", include_str!("../../../studies/phase-retrieval.toml")),
    ("teacher-student", include_str!("../../../studies/teacher-student.toml")),
    ("mnist", include_str!("../../../studies/mnist.toml")),
];

/// Names of the shipped studies, and of the problems that none of them is named after.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names = STUDIES.map(|(name, _)| name).to_vec();
    let kinds = problem::all().iter().map(|kind| kind.name);
    let more: Vec<_> = kinds.filter(|kind| !names.contains(kind)).collect();
    names.extend(more);
    names
}

/// The text of the shipped study of that name.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    STUDIES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Runs a shipped study, or without a name each that needs no data of the user's, and prints what it found beside
/// what the study expects. Records replace older ones in `out`.
pub(crate) fn reproduce(name: Option<&str>, overrides: &[String], out: &Path, stop: &Stop) -> u8 {
    let (mut checked, mut missed) = (0, 0);
    for (known, text) in STUDIES.iter().filter(|(known, _)| name.is_none_or(|name| name == *known)) {
        let study = match logscape_study::parse(&format!("{known} (embedded)"), text, overrides) {
            Ok(study) => study,
            Err(error) => {
                tell(&format!("{:?}", Report::new(error)));
                return BAD_INPUT;
            }
        };
        if name.is_none() && study.problem.as_ref().is_some_and(|problem| problem.data.path.is_some()) {
            tell(&format!("{known}: left out, since it needs data; name it and give --set problem.data.path=PATH"));
            continue;
        }
        tell(&format!("{known}:"));
        let place = out.join(known);
        match run(&study, &place, stop) {
            Ok(report) => {
                checked += study.expect.len();
                missed += report.missed;
                if print(&report.text) != DONE {
                    return FAILED;
                }
            }
            Err((words, code)) => return fail(&format!("{known}: {words}"), code),
        }
    }
    tell(&format!("{} of {} met", checked - missed, count(checked, "expectation")));
    if missed == 0 { DONE } else { FAILED }
}

/// What one study showed.
struct Shown {
    text: String,
    missed: usize,
}

fn run(study: &Study, place: &Path, stop: &Stop) -> Result<Shown, (String, u8)> {
    let destination = Destination { force: true, ..Destination::new(place.to_path_buf()) };
    let run = logscape_study::run(study, Path::new(""), &destination, stop, &Terminal::of(&study.sgd.grid()));
    let (record, place) =
        run.map_err(|error| (error.to_string(), if error.is_bad_input() { BAD_INPUT } else { FAILED }))?;
    let findings = findings(study, &record.results).map_err(|error| (error.to_string(), FAILED))?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    for finding in &findings {
        let _ = writeln!(text, "{}", line(&study.name, finding));
    }
    let _ = writeln!(text, "{}: report in {}", study.name, place.join("report.html").display());
    Ok(Shown { text, missed: findings.iter().filter(|finding| !finding.is_met()).count() })
}

fn line(study: &str, finding: &Finding) -> String {
    let [low, high] = finding.expectation.between;
    let found = finding.value.map_or_else(|| "no number".to_owned(), |value| format!("{value:.4}"));
    format!(
        "{study}: {} {} = {found}, expected {low} to {high}: {}",
        if finding.is_met() { "met   " } else { "MISSED" },
        finding.expectation.what,
        finding.expectation.because
    )
}
