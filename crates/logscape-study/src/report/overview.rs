//! Many settings at a glance: one row each, and what they come to together.

use super::words::{interval, setting_name};
use crate::figures::number;
use crate::record::{EscapeRecord, Record, SettingRecord};
use crate::summary::FEW;
use crate::text::count;
use serde::Serialize;
use std::collections::BTreeMap;

/// One setting in one row.
#[derive(Serialize)]
pub(super) struct OverviewRow {
    learning_rate: String,
    batch_size: String,
    law: String,
    escape: String,
    theory: String,
}

/// The rows, where there are more settings than can be read one by one.
pub(super) fn overview(record: &Record) -> Vec<OverviewRow> {
    let settings = &record.results.settings;
    if settings.len() <= FEW { Vec::new() } else { settings.iter().map(row).collect() }
}

fn row(setting: &SettingRecord) -> OverviewRow {
    let law = match (&setting.interpolation, &setting.stationary) {
        (Some(near), _) => near
            .products
            .lyapunov
            .as_ref()
            .map_or_else(|| "λ = −∞".to_owned(), |rate| format!("λ = {}", interval(rate))),
        (None, None) => "not asked for".to_owned(),
        (None, Some(law)) => match &law.tail_exponent {
            _ if law.is_poor() => "no power law".to_owned(),
            Some(phi) => format!("φ = {}", interval(phi)),
            None => "no fit".to_owned(),
        },
    };
    let (escape, theory) = setting.escape.as_ref().map_or_else(
        || ("not asked for".to_owned(), "nothing to compare".to_owned()),
        |escape| (steps(escape), theory(escape)),
    );
    OverviewRow {
        learning_rate: number(setting.sgd.learning_rate),
        batch_size: setting.sgd.batch_size.to_string(),
        law,
        escape,
        theory,
    }
}

fn steps(escape: &EscapeRecord) -> String {
    match (&escape.impossible, &escape.measured.mean_steps) {
        (Some(_), _) => "impossible".to_owned(),
        (None, Some(steps)) => interval(steps),
        (None, None) => format!("not seen, {}", escape.measured.bound()),
    }
}

fn theory(escape: &EscapeRecord) -> String {
    match (&escape.verdict.trusted, escape.verdict.agrees.first()) {
        (Some(theory), _) => format!("{theory}, trusted"),
        (None, Some(theory)) => format!("{theory} agrees, none trusted"),
        (None, None) => "none is known to hold".to_owned(),
    }
}

/// What the escapes of many settings come to, in plain words.
pub(super) fn of_many(settings: &[SettingRecord]) -> Vec<String> {
    let escapes: Vec<_> = settings.iter().filter_map(|setting| Some((setting, setting.escape.as_ref()?))).collect();
    if escapes.is_empty() {
        return Vec::new();
    }
    let impossible = escapes.iter().filter(|(_, escape)| escape.impossible.is_some()).count();
    let possible = escapes.iter().filter(|(_, escape)| escape.impossible.is_none());
    let mut seen: Vec<_> =
        possible.filter_map(|(setting, escape)| Some((setting, escape.measured.mean_steps?))).collect();
    seen.sort_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
    let unseen = escapes.len() - impossible - seen.len();
    let mut parts = vec![format!("is measured in {}", seen.len())];
    if unseen > 0 {
        parts.push(format!("is not seen in {unseen}, which have a lower bound"));
    }
    if impossible > 0 {
        parts.push(format!("is impossible in {impossible}"));
    }
    let mut lines = vec![format!("Of {}, escape {}.", count(escapes.len(), "setting"), parts.join(", "))];
    let told = |word: &str, (setting, steps): &(&&SettingRecord, logscape::Estimate)| {
        format!("{}: the {word} escape that is measured, {} steps.", setting_name(setting), interval(steps))
    };
    lines.extend(seen.first().map(|first| told("fastest", first)));
    lines.extend(seen.get(1..).and_then(<[_]>::last).map(|last| told("slowest", last)));
    let verdicts = || escapes.iter().map(|(_, escape)| &escape.verdict);
    lines.push(named("Trusted", verdicts().filter_map(|verdict| verdict.trusted.as_ref())));
    lines.push(named("Within the measurement, trusted or not", verdicts().flat_map(|verdict| &verdict.agrees)));
    lines
}

/// Theories with the number of settings that name them, most first.
fn named<'a>(what: &str, theories: impl Iterator<Item = &'a String>) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    theories.for_each(|theory| *counts.entry(theory).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, settings)| std::cmp::Reverse(*settings));
    let words: Vec<String> =
        counts.iter().map(|(theory, settings)| format!("{theory} in {}", count(*settings, "setting"))).collect();
    format!("{what}: {}.", if words.is_empty() { "no theory in any setting".to_owned() } else { words.join(", ") })
}
