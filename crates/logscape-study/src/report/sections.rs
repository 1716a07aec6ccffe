//! The sections of the page: the name that the template gives to what each shows.

use super::figures::FigureView;
use super::findings::findings;
use super::minimum::quantities;
use super::saddles::SaddlesView;
use super::settings::settings;
use super::tables::tables;
use super::what::what;
use crate::asked::FigureFormat;
use crate::figures::Outcome;
use crate::record::Record;
use crate::text::count;
use crate::warning::Warning;
use minijinja::Value;
use serde::Serialize;

/// What a section shows of a record and its figures.
type View = fn(&Record, &[Outcome]) -> Value;

/// Every section.
pub(super) const SECTIONS: [(&str, View); 13] = [
    ("name", |record, _| value(&record.study.name)),
    ("manifest", |record, _| value(&record.manifest)),
    ("threads", |record, _| value(count(record.manifest.threads, "thread"))),
    ("warnings", |record, _| value(record.manifest.warnings.iter().map(told).collect::<Vec<_>>())),
    ("findings", |record, _| value(findings(record))),
    ("what", |record, _| value(what(record))),
    ("toml", |record, _| value(toml::to_string(&record.study).unwrap_or_default())),
    ("quantities", |record, _| value(quantities(record))),
    ("saddles", |record, _| value(record.results.saddles.as_ref().map(SaddlesView::from))),
    ("settings", |record, _| value(settings(record))),
    ("figures", |_, figures| value(figures.iter().map(FigureView::new).collect::<Vec<_>>())),
    ("files", |record, _| value(record.study.output.figures.contains(&FigureFormat::Svg))),
    ("tables", |record, _| value(tables(record))),
];

/// A warning, and what to do about it.
fn told(warning: &Warning) -> [String; 2] {
    [warning.to_string(), warning.hint()]
}

fn value(view: impl Serialize) -> Value {
    Value::from_serialize(view)
}
