//! The sections of the page: the name that the template gives to what each shows.

use super::curvature::matrices;
use super::figures::FigureView;
use super::findings::findings;
use super::minimum::{parameters, quantities};
use super::overview::overview;
use super::saddles::SaddlesView;
use super::settings::settings;
use super::tables::tables;
use super::training::training;
use super::what::what;
use super::words::capital;
use crate::asked::FigureFormat;
use crate::figures::Outcome;
use crate::record::Record;
use crate::text::count;
use crate::unfinished::Missing;
use crate::warning::Warning;
use minijinja::Value;
use serde::Serialize;

/// What a page is made of.
pub(super) struct Page<'a> {
    pub(super) record: &'a Record,
    pub(super) figures: &'a [Outcome],
    /// What is missing of a run that has not ended.
    pub(super) missing: Option<&'a Missing>,
}

/// What a section shows.
type View = fn(&Page) -> Value;

/// Every section.
pub(super) const SECTIONS: [(&str, View); 18] = [
    ("name", |page| value(&page.record.study.name)),
    ("missing", |page| value(page.missing.map(|missing| capital(&missing.to_string())))),
    ("manifest", |page| value(&page.record.manifest)),
    ("threads", |page| value(count(page.record.manifest.threads, "thread"))),
    ("warnings", |page| value(page.record.manifest.warnings.iter().map(told).collect::<Vec<_>>())),
    ("findings", |page| value(findings(page.record, page.missing.is_some()))),
    ("what", |page| value(what(page.record))),
    ("toml", |page| value(toml::to_string(&page.record.study).unwrap_or_default())),
    ("training", |page| value(training(page.record))),
    ("quantities", |page| value(quantities(page.record))),
    ("parameters", |page| value(parameters(page.record))),
    ("matrices", |page| value(matrices(page.record))),
    ("saddles", |page| value(page.record.results.saddles.as_ref().map(SaddlesView::from))),
    ("overview", |page| value(overview(page.record))),
    ("settings", |page| value(settings(page.record))),
    ("figures", |page| value(page.figures.iter().map(FigureView::new).collect::<Vec<_>>())),
    ("files", |page| value(page.missing.is_none() && page.record.study.output.figures.contains(&FigureFormat::Svg))),
    ("tables", |page| value(tables(page.record))),
];

/// A warning, and what to do about it.
fn told(warning: &Warning) -> [String; 2] {
    [warning.to_string(), warning.hint()]
}

fn value(view: impl Serialize) -> Value {
    Value::from_serialize(view)
}
