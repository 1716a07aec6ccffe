//! The pages of a record: its figures, and `report.html`, one file that needs no other and no network.

mod curvature;
mod dynamics;
mod escape;
mod figures;
mod findings;
mod interpolation;
mod minimum;
mod overview;
mod saddles;
mod sections;
mod settings;
mod stationary;
mod tables;
mod training;
mod verdict;
mod what;
mod words;

use crate::asked::FigureFormat;
use crate::figures::all;
use crate::record::{Record, RecordError, UnfinishedFolder, write_pages};
use crate::unfinished::{self, Missing, Unfinished};
use minijinja::{Environment, UndefinedBehavior};
use sections::{Page, SECTIONS};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = include_str!("report.html");

/// The pages of a record as path within its folder and text.
///
/// # Errors
/// If the page cannot be made.
pub fn pages(record: &Record) -> Result<Vec<(String, String)>, RecordError> {
    let figures = all(record);
    let report = page(&Page { record, figures: &figures, missing: None })?;
    let drawn = figures.into_iter().flatten().filter(|_| record.study.output.figures.contains(&FigureFormat::Svg));
    let mut pages: Vec<_> = drawn.map(|figure| (format!("figures/{}.svg", figure.name), figure.svg)).collect();
    pages.push(("report.html".to_owned(), report));
    Ok(pages)
}

/// A page that was drawn.
#[derive(Debug)]
pub struct Drawn {
    /// Where it is.
    pub page: PathBuf,
    /// What is missing of a run that has not ended.
    pub missing: Option<Missing>,
}

/// Draws the pages of the complete record in `folder` again; each file is replaced whole. Of an unfinished run, whose folder is
/// `folder` or whose record will be there, one page is drawn beside its folder, which may be at work and is only read.
///
/// # Errors
/// If there is neither, if the run has nothing to show yet or ends meanwhile, or if the system refuses.
pub fn draw(folder: &Path) -> Result<Drawn, RecordError> {
    if let Some(folder) = UnfinishedFolder::of(folder) {
        let Unfinished { record, missing } = unfinished::read(&folder)?;
        let figures = all(&record);
        let text = page(&Page { record: &record, figures: &figures, missing: Some(&missing) })?;
        return Ok(Drawn { page: folder.write_page(&text)?, missing: Some(missing) });
    }
    if !folder.join("study.toml").exists() {
        return Err(RecordError::NothingToReport(folder.to_path_buf()));
    }
    let pages = pages(&Record::read(folder)?)?;
    write_pages(folder, &pages).map_err(|source| RecordError::Write { path: folder.to_path_buf(), source })?;
    Ok(Drawn { page: folder.join("report.html"), missing: None })
}

fn page(page: &Page) -> Result<String, RecordError> {
    render(page).map_err(|error| RecordError::Write { path: "report.html".into(), source: io::Error::other(error) })
}

fn render(page: &Page) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Templates named *.html escape whatever is put into them.
    environment.add_template("report.html", TEMPLATE)?;
    let views: BTreeMap<_, _> = SECTIONS.iter().map(|(name, view)| (*name, view(page))).collect();
    environment.get_template("report.html")?.render(views)
}
