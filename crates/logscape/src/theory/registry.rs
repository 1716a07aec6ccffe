//! The list of theories. A new one is a file that implements [`Theory`], and a line here.

use super::{DiffusionTheory, Kramers, LargeDeviation, LogLandscape, NoiseModel, Quadrature, Theory, TheoryOptions};

static ALL: &[&dyn Theory] = &[
    &Kramers,
    &DiffusionTheory { xi: 0.5 },
    &LogLandscape::Published,
    &LogLandscape::Measured,
    &LogLandscape::Refined,
    &Quadrature(NoiseModel::Frozen),
    &Quadrature(NoiseModel::Decoupled),
    &Quadrature(NoiseModel::Measured),
    &LargeDeviation,
];

/// All theories, in the order of the records.
pub fn all() -> &'static [&'static dyn Theory] {
    ALL
}

/// [`all`], with options.
pub fn with_options(options: &TheoryOptions) -> Vec<Box<dyn Theory>> {
    all().iter().map(|theory| theory.with(options)).collect()
}

/// The theory of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Theory> {
    all().iter().copied().find(|theory| theory.name() == name)
}
