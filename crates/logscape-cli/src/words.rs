//! Events of a run in words.

use logscape_study::events::{Event, Progress, Unit};
use logscape_study::text::{decimal, with_interval};

/// A line of the log for an event that has one.
pub(crate) fn line(event: &Event) -> Option<String> {
    match event {
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
            if *converged { "" } else { " (above the tolerance: not a minimum yet)" },
        )),
        Event::Geometry { outliers, h_star, noise_strength, index } => Some(format!(
            "geometry: {}, h* = {}{}, index {index}",
            count(*outliers, "outlier"),
            with_interval(h_star),
            noise_strength.as_ref().map_or_else(String::new, |s| format!(", s = {}", with_interval(s))),
        )),
        Event::Saddles { summary, .. } => Some(format!("saddles: {summary}")),
        Event::Setting { number, of, sgd } => Some(format!(
            "setting {} of {of}: learning rate {}, batch size {}",
            number + 1,
            sgd.learning_rate,
            sgd.batch_size
        )),
        Event::Method { method, why, .. } => Some(format!("escape: {why}: {method}")),
        Event::Progress(progress) => progress_line(progress),
        Event::Stage { .. } | Event::SettingDone { .. } | Event::Finished { .. } => None,
    }
}

/// Ends of replicas come one by one, so that only the last makes a line; pieces of other ensembles are as long as checkpoints are
/// apart.
fn progress_line(progress: &Progress) -> Option<String> {
    let Progress { dynamics, stage, method, unit, done, expected, .. } = progress;
    let left = progress.seconds_left().filter(|_| done < expected);
    let left = left.map_or_else(String::new, |seconds| format!(", about {seconds:.0} s left"));
    match unit {
        Unit::Replicas if done == expected => Some(format!("{stage}: {expected} replicas ended")),
        Unit::Replicas => None,
        Unit::Repeats if done == expected => Some(format!("{stage}: {done} repeats of {method} ended")),
        Unit::Repeats => Some(format!("{stage}: {done} of {expected} repeats of {method}{left}")),
        Unit::Samples => {
            let share = 100.0 * *done as f64 / *expected as f64;
            Some(format!("{stage} {dynamics}: {share:.0} % of {expected} samples{left}"))
        }
    }
}

/// A number of things.
fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
