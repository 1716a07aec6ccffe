//! Events of a run in words.

use crate::remaining::Left;
use logscape::SgdSettings;
use logscape::operator::Matrix;
use logscape_study::ProductCost;
use logscape_study::events::{Event, Progress, Trained, Unit};
use logscape_study::record::DataColumns;
use logscape_study::text::{count, decimal, rounded, uncertain, with_interval};

/// The line of an event that says all of it.
pub(crate) fn line(event: &Event) -> Option<String> {
    match event {
        Event::Data { columns } => Some(taken(columns)),
        Event::Warning { warning } => Some(format!("warning: {warning}\n  hint: {}", warning.hint())),
        Event::Problem { samples, outputs, parameters } => Some(format!(
            "problem: {}, {}, {}",
            count(*parameters, "parameter"),
            count(*samples, "sample"),
            count(*outputs, "output")
        )),
        Event::Minimum { interpolating: Some(reason), .. } => Some(format!("minimum: the fit interpolates, {reason}")),
        Event::Minimum { loss, gradient_norm, converged, .. } => Some(format!(
            "minimum: L* = {}, |gradient| = {gradient_norm:.1e}{}",
            decimal(*loss, 6),
            if *converged { "" } else { " (not a minimum)" },
        )),
        Event::Geometry { outliers, h_star, noise_strength, index, complete } => Some(format!(
            "geometry: {}, h* = {}{}, index {}{index}",
            count(*outliers, "outlier"),
            with_interval(h_star),
            noise_strength.as_ref().map_or_else(String::new, |s| format!(", s = {}", with_interval(s))),
            if *complete { "" } else { "at least " },
        )),
        Event::Converged { matrix, products, largest, lowest } => Some(format!(
            "{}: stopped after {}; converged were {} {}{}",
            matrix.name(),
            count(*products, "product"),
            count(largest.len() + lowest.len(), "eigenvalue"),
            several(largest),
            if lowest.is_empty() { String::new() } else { format!("; lowest {}", several(lowest)) }
        )),
        Event::Spectrum { matrix, block, largest, lowest, uncertainty, complete, unconverged, products } => {
            Some(format!(
                "{}: {} … {}{}{}",
                of_block(*matrix, block.as_deref()),
                several(largest),
                lowest
                    .map_or_else(|| "?".to_owned(), |lowest| uncertain(&[lowest], &[*uncertainty], of_digits).concat()),
                if *complete { " (all)".to_owned() } else { format!(" in {}", count(*products, "product")) },
                if *unconverged == 0 { String::new() } else { format!("; {unconverged} have not converged") }
            ))
        }
        Event::Cost(cost) => Some(product_cost(cost)),
        Event::Saddles { summary, .. } => Some(format!("saddles: {summary}")),
        Event::Method { method, why, .. } => Some(format!("escape: {why}: {method}")),
        Event::Reading { .. }
        | Event::Stage { .. }
        | Event::Training(_)
        | Event::Setting { .. }
        | Event::Eigenvalues { .. }
        | Event::Measuring { .. }
        | Event::Products { .. }
        | Event::Progress(_)
        | Event::SettingDone { .. }
        | Event::Finished { .. } => None,
    }
}

/// What products take.
pub(crate) fn product_cost(cost: &ProductCost) -> String {
    let ProductCost { seconds, kept_share, products, spectra } = *cost;
    let kept = match kept_share {
        share if share >= 1.0 => String::new(),
        share => format!(", with {:.0} % of the passes kept in memory", 100.0 * share),
    };
    let estimates = match products {
        0 => String::new(),
        _ => format!(
            "; traces and densities take {}, about {}",
            count(products, "product"),
            duration(seconds * products as f64)
        ),
    };
    let one = if seconds < 1.0 { format!("{:.2} ms", 1e3 * seconds) } else { format!("{seconds:.1} s") };
    let spectra =
        if spectra == 1 { "its eigenvalues".to_owned() } else { format!("the eigenvalues of {spectra} matrices") };
    format!(
        "curvature: one product takes {one}{kept}{estimates}; {spectra} take some hundred more each, noise and sharpness as long as some fifty"
    )
}

/// A matrix, or its block of some parameters.
fn of_block(matrix: Matrix, block: Option<&str>) -> String {
    let name = matrix.name();
    block.map_or_else(|| name.to_owned(), |block| format!("{name} of {block}"))
}

/// With so many digits after the first.
fn of_digits(x: f64, digits: usize) -> String {
    format!("{x:.digits$e}")
}

fn several(values: &[f64]) -> String {
    values.iter().map(|&x| of_digits(x, 3)).collect::<Vec<_>>().join(", ")
}

/// How far the eigenvalues of a matrix have come.
pub(crate) fn eigenvalues(
    matrix: Matrix,
    products: usize,
    (converged, wanted): (usize, usize),
    largest: &[f64],
) -> String {
    let known = if largest.is_empty() { String::new() } else { format!(": {}", several(largest)) };
    format!("{}: {converged} of {}, {}{known}", matrix.name(), count(wanted, "eigenvalue"), count(products, "product"))
}

/// What is measured of the geometry.
pub(crate) fn measuring(what: &str, done: usize, of: usize) -> String {
    if of == 1 { format!("geometry: {what}") } else { format!("geometry: {what}, {done} of {of}") }
}

/// How far other products with a matrix have come.
pub(crate) fn products(
    what: &str,
    (matrix, block): (Matrix, Option<&str>),
    (done, of): (usize, usize),
    seconds: f64,
) -> String {
    let left = left_of_stage(seconds * of.saturating_sub(done) as f64 / done.max(1) as f64);
    format!("{what} of {}: {done} of {}{left}", of_block(matrix, block), count(of, "product"))
}

/// The data are read so far.
pub(crate) fn reading(share: f64) -> String {
    format!("data: {:.0} % read", 100.0 * share)
}

/// How far a training has come.
pub(crate) fn training(training: &Trained) -> String {
    format!("training: step {} of {}{}", training.steps, training.of, loss(training))
}

/// A training has ended.
pub(crate) fn trained(training: &Trained) -> String {
    format!("training: {} of {}{}", count(training.of, "step"), training.optimiser, loss(training))
}

fn loss(training: &Trained) -> String {
    training.loss.map_or_else(String::new, |loss| format!(", loss {}", decimal(loss, 4)))
}

/// `setting 3 of 8`.
pub(crate) fn place(number: usize, of: usize) -> String {
    format!("setting {} of {of}", number + 1)
}

/// A setting begins, and the study takes so much longer, where that is known.
pub(crate) fn setting(number: usize, of: usize, sgd: &SgdSettings, time: Option<Left>) -> String {
    let left = time.map_or_else(String::new, left);
    let rate = rounded(sgd.learning_rate);
    format!("{}: learning rate {rate}, batch size {}{left}", place(number, of), sgd.batch_size)
}

/// All settings have ended.
pub(crate) fn all_done(settings: usize, seconds: f64) -> String {
    format!("{} in {}", count(settings, "setting"), duration(seconds))
}

/// An ensemble is complete.
pub(crate) fn ended(progress: &Progress) -> String {
    let Progress { dynamics, stage, method, unit, expected, .. } = progress;
    match unit {
        Unit::Replicas => format!("{stage}: {} ended", count(*expected, "replica")),
        Unit::Repeats => format!("{stage}: {} of {method} ended", count(*expected, "repeat")),
        Unit::Samples => format!("{stage} {dynamics}: {} taken", count(*expected, "sample")),
    }
}

/// How far an ensemble has come.
pub(crate) fn so_far(progress: &Progress) -> String {
    let Progress { dynamics, stage, method, unit, done, expected, .. } = progress;
    match unit {
        Unit::Replicas => format!("{stage}: {done} of {}", count(*expected, "replica")),
        Unit::Repeats => format!("{stage}: {done} of {} of {method}", count(*expected, "repeat")),
        Unit::Samples => {
            let share = 100.0 * *done as f64 / *expected as f64;
            format!("{stage} {dynamics}: {share:.0} % of {}", count(*expected, "sample"))
        }
    }
}

/// The time that the study takes yet.
pub(crate) fn left(time: Left) -> String {
    format!("; {} {} left", if time.at_least { "more than" } else { "about" }, duration(time.seconds))
}

/// The time that a stage takes yet, where no more is known.
pub(crate) fn left_of_stage(seconds: f64) -> String {
    format!("; about {} left of this stage", duration(seconds))
}

/// A time, as exactly as anyone waits for it.
pub(crate) fn duration(seconds: f64) -> String {
    let (minute, hour, day) = (60.0, 3600.0, 86400.0);
    if seconds < 99.5 {
        format!("{:.0} s", seconds.ceil())
    } else if seconds < 99.5 * minute {
        format!("{:.0} min", seconds / minute)
    } else if seconds < 48.0 * hour {
        format!("{:.0} h", seconds / hour)
    } else {
        format!("{:.0} days", seconds / day)
    }
}

/// Names that are told one by one; of more the first and the last are.
const TOLD: usize = 12;

/// Which columns were taken as what.
fn taken(columns: &DataColumns) -> String {
    let list = |names: &[String]| match names {
        [first, second, .., last] if names.len() > TOLD => {
            format!("{first}, {second}, …, {last} ({} in all)", names.len())
        }
        names => names.join(", "),
    };
    let parts = [("inputs", &columns.inputs), ("targets", &columns.targets), ("classes", &columns.classes)];
    let told = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let told = told.map(|(what, names)| format!("{what} {}", list(names)));
    let standardised = (!columns.standardised.is_empty()).then(|| "inputs are standardised".to_owned());
    format!("data: {}", told.chain(standardised).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_digits() {
        let written = [0.0, 0.2, 59.0, 99.0, 100.0, 5900.0, 6000.0, 100_000.0, 200_000.0].map(duration);
        assert_eq!(written, ["0 s", "1 s", "59 s", "99 s", "2 min", "98 min", "2 h", "28 h", "2 days"]);
    }

    #[test]
    fn a_bound_on_the_time_left_is_told_as_one() {
        let words = [false, true].map(|at_least| left(Left { seconds: 240.0, at_least }));
        assert_eq!(words, ["; about 4 min left", "; more than 4 min left"]);
    }
}
