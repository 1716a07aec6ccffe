//! What was run.

use crate::asked::{EscapeMethod, ProblemTable, RegionText};
use crate::figures::number;
use crate::record::Record;
use crate::text::count;

/// One sentence on what was run.
pub(super) fn what(record: &Record) -> String {
    let (study, minimum) = (&record.study, &record.results.minimum);
    let own = |words: &str| words.to_owned();
    let problem = study.problem.as_ref().map_or_else(|| own("the caller's own"), |table| table.kind.replace('-', " "));
    let source = study.problem.as_ref().map_or_else(|| own("the caller's data"), source);
    let escape = study.escape.as_ref().map_or_else(String::new, |escape| {
        let region = match &escape.region {
            RegionText::DividingSurface if minimum.parameters > 1 => "beyond the planes at the saddles".to_owned(),
            RegionText::DividingSurface => "over the barrier tops".to_owned(),
            RegionText::Quench => "to where gradient descent ends in another minimum".to_owned(),
            RegionText::LossLevel(loss) => format!("through the loss {}", number(*loss)),
            RegionText::LossFactor(factor) => format!("through {} times the loss of the minimum", number(*factor)),
            RegionText::Ball(radius) => format!("to the distance {}", number(*radius)),
            RegionText::Box(_) => "out of a box".to_owned(),
        };
        let direct =
            format!("{} of SGD, each at most {}", count(escape.replicas, "replica"), count(escape.max_steps, "step"));
        let rare =
            format!("{} of {}", count(escape.rare.repeats, "repeat"), count(escape.rare.trajectories, "excursion"));
        let how = match escape.method {
            EscapeMethod::Direct => direct,
            EscapeMethod::Auto => format!("{direct}, or, where too few of them would escape, splitting, {rare}"),
            EscapeMethod::Splitting => format!("measured by splitting, {rare}"),
            EscapeMethod::ForwardFlux => format!("measured by forward flux sampling, {rare}"),
        };
        format!(" Escape means going {region}; {how}.")
    });
    format!(
        "Problem: {problem}, {}, {} of {source}. Minimum found by: {}.{escape}",
        count(minimum.parameters, "parameter"),
        count(minimum.samples, "sample"),
        minimum.method
    )
}

/// Where a problem's data come from, in words.
fn source(table: &ProblemTable) -> String {
    match (&table.data.builtin, &table.data.path, &table.data.synthetic) {
        (Some(name), ..) => format!("the built-in data “{name}”"),
        (_, Some(path), _) => format!("the data in {}", path.display()),
        (_, _, Some(table)) => {
            format!("synthetic data “{}”", table.get("kind").and_then(toml::Value::as_str).unwrap_or("?"))
        }
        _ => "data".to_owned(),
    }
}
