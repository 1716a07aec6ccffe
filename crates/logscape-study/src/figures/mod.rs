//! Figures of a record as SVG, one file each; where the data do not allow one, the reason.

mod axis;
mod classes;
mod colour;
mod contour;
mod curvature;
mod energy_paths;
mod escape;
mod landscape;
mod noise;
mod phase_diagram;
mod plot;
mod registry;
mod scaling;
mod spectrum;
mod starts;
mod stationary;
mod style;
mod survival;
mod training;

use crate::record::{Record, SettingRecord};
use plot::{DrawError, Panel};
use thiserror::Error;

pub(crate) use axis::{number, power_of_ten};
pub use registry::{FIGURES, all, by_name};
pub use stationary::excess_loss_density;

/// A figure that records may have.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    /// Name of its file without `.svg`.
    pub name: &'static str,
    /// Title.
    pub title: &'static str,
    /// Whether the record has what it shows; else why not.
    when: fn(&Record) -> Result<(), Missing>,
    draw: fn(&Record) -> Result<Drawing, Missing>,
}

impl Design {
    /// The figure of a record.
    ///
    /// # Errors
    /// If the record has no data for it, or the picture cannot be drawn.
    pub fn of(&self, record: &Record) -> Result<Figure, Missing> {
        (self.when)(record)?;
        let Drawing { caption, panels } = (self.draw)(record)?;
        let (svg, wide) = (plot::draw(&panels)?, plot::columns(&panels) > 1);
        Ok(Figure { name: self.name, title: self.title, caption, svg, wide })
    }
}

/// What a figure shows, and its words.
#[derive(Debug)]
struct Drawing {
    caption: String,
    panels: Vec<Panel>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name of its file without `.svg`.
    pub name: &'static str,
    /// Title.
    pub title: &'static str,
    /// What it shows, in words.
    pub caption: String,
    /// The picture, a whole SVG document.
    pub svg: String,
    /// Whether it has two columns of panels.
    pub wide: bool,
}

/// Why there is no figure.
#[derive(Debug, Error)]
pub enum Missing {
    /// The study did not ask for it, or it has no meaning here.
    #[error("{0}")]
    NoData(&'static str),
    /// A logarithmic axis needs positive numbers.
    #[error("{0} is nowhere positive, so that logarithmic axes show nothing")]
    NotPositive(&'static str),
    /// The picture could not be drawn.
    #[error("it could not be drawn: {0}")]
    Drawing(#[from] DrawError),
}

impl Missing {
    /// No data, for this reason, unless there are some.
    fn unless(some: bool, why: &'static str) -> Result<(), Self> {
        if some { Ok(()) } else { Err(Self::NoData(why)) }
    }
}

/// A figure, or its title and the reason why it is missing.
pub type Outcome = Result<Figure, (&'static str, Missing)>;

/// Why there is no figure of noise at the minimum.
const INTERPOLATING: &str = "the fit interpolates, so that there is no noise at the minimum and no law around it";

/// Most panels that one figure shows.
const PANELS: usize = 12;

/// `η = 0.05, B = 1`.
fn setting_name(setting: &SettingRecord) -> String {
    format!("η = {}, B = {}", number(setting.sgd.learning_rate), setting.sgd.batch_size)
}

/// Words on settings that a figure leaves out.
fn left_out(count: usize, why: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!(" One setting is left out: {why}."),
        _ => format!(" {count} settings are left out: {why}."),
    }
}
