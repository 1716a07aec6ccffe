//! Figures of a record as SVG, one function each; where the data do not allow one, the reason.

mod axis;
mod colour;
mod contour;
mod energy_paths;
mod escape;
mod landscape;
mod noise;
mod phase_diagram;
mod plot;
mod spectrum;
mod stationary;
mod style;
mod survival;

use crate::record::{Record, SettingRecord};
use plot::{DrawError, Panel};
use thiserror::Error;

pub(crate) use axis::number;
pub use energy_paths::energy_paths;
pub use escape::escape;
pub use landscape::landscape;
pub use noise::{noise, scaling};
pub use phase_diagram::phase_diagram;
pub use spectrum::spectrum;
pub use stationary::{excess_loss_density, stationary};
pub use survival::survival;

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

/// A figure, or its title and the reason why it is missing.
pub type Outcome = Result<Figure, (&'static str, Missing)>;

/// Every figure of a record, in the order of the report.
pub fn all(record: &Record) -> Vec<Outcome> {
    type Draw = fn(&Record) -> Result<Figure, Missing>;
    let figures: [(&'static str, Draw); 9] = [
        (landscape::TITLE, landscape),
        (energy_paths::TITLE, energy_paths),
        (spectrum::TITLE, spectrum),
        (noise::TITLE, noise),
        (noise::SCALING_TITLE, scaling),
        (stationary::TITLE, stationary),
        (survival::TITLE, survival),
        (escape::TITLE, escape),
        (phase_diagram::TITLE, phase_diagram),
    ];
    figures.into_iter().map(|(title, draw)| draw(record).map_err(|missing| (title, missing))).collect()
}

/// Most panels that one figure shows.
const PANELS: usize = 12;

fn figure(name: &'static str, title: &'static str, caption: String, panels: &[Panel]) -> Result<Figure, Missing> {
    Ok(Figure { name, title, caption, svg: plot::draw(panels)?, wide: plot::columns(panels) > 1 })
}

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
