//! The pages of a record: its figures, and `report.html`, one file that needs no other and no network.

mod dynamics;
mod escape;
mod figures;
mod findings;
mod interpolation;
mod minimum;
mod saddles;
mod sections;
mod settings;
mod stationary;
mod tables;
mod verdict;
mod what;
mod words;

use crate::asked::FigureFormat;
use crate::figures::{Outcome, all};
use crate::record::{Record, RecordError, write_pages};
use minijinja::{Environment, UndefinedBehavior};
use sections::SECTIONS;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const TEMPLATE: &str = include_str!("report.html");

/// The pages of a record as path within its folder and text.
///
/// # Errors
/// If the page cannot be made.
pub fn pages(record: &Record) -> Result<Vec<(String, String)>, RecordError> {
    let figures = all(record);
    let report = page(record, &figures)
        .map_err(|error| RecordError::Write { path: "report.html".into(), source: io::Error::other(error) })?;
    let drawn = figures.into_iter().flatten().filter(|_| record.study.output.figures.contains(&FigureFormat::Svg));
    let mut pages: Vec<_> = drawn.map(|figure| (format!("figures/{}.svg", figure.name), figure.svg)).collect();
    pages.push(("report.html".to_owned(), report));
    Ok(pages)
}

/// Draws the pages of the complete record in `folder` again; each file is replaced whole.
///
/// # Errors
/// If there is no complete record, or the system refuses.
pub fn redraw(folder: &Path) -> Result<(), RecordError> {
    let pages = pages(&Record::read(folder)?)?;
    write_pages(folder, &pages).map_err(|source| RecordError::Write { path: folder.to_path_buf(), source })
}

fn page(record: &Record, figures: &[Outcome]) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Templates named *.html escape whatever is put into them.
    environment.add_template("report.html", TEMPLATE)?;
    let views: BTreeMap<_, _> = SECTIONS.iter().map(|(name, view)| (*name, view(record, figures))).collect();
    environment.get_template("report.html")?.render(views)
}
