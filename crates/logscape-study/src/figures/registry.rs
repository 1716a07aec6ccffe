//! Which figures there are, in the order of the report.

use super::{Design, Outcome};
use super::{
    classes, curvature, energy_paths, escape, landscape, noise, phase_diagram, scaling, spectrum, starts, stationary,
    survival, training,
};
use crate::record::Record;

/// Every figure.
pub const FIGURES: [Design; 13] = [
    training::TRAINING,
    landscape::LANDSCAPE,
    energy_paths::ENERGY_PATHS,
    spectrum::SPECTRUM,
    curvature::CURVATURE,
    noise::NOISE,
    classes::CLASSES,
    scaling::SCALING,
    stationary::STATIONARY,
    starts::STARTS,
    survival::SURVIVAL,
    escape::ESCAPE,
    phase_diagram::PHASE_DIAGRAM,
];

/// The figure of that name.
pub fn by_name(name: &str) -> Option<Design> {
    FIGURES.into_iter().find(|figure| figure.name == name)
}

/// Every figure of a record, or why it is missing.
pub fn all(record: &Record) -> Vec<Outcome> {
    FIGURES.iter().map(|figure| figure.of(record).map_err(|missing| (figure.title, missing))).collect()
}
