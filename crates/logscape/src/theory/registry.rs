//! The list of theories.

use super::{DiffusionTheory, Kramers, LargeDeviation, LogLandscape, Quadrature, Theory};
use crate::model::NoiseModel;
use std::sync::LazyLock;

/// What theories need to be told beside geometry, barrier and setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheoryOptions {
    /// Path parameter `ξ` of [`DiffusionTheory`], between 0 and 1.
    pub xi: f64,
}

impl Default for TheoryOptions {
    fn default() -> Self {
        Self { xi: 0.5 }
    }
}

/// Makes a theory.
pub type Build = fn(&TheoryOptions) -> Box<dyn Theory>;

/// All theories, in the order of records and figures. A new one goes to the end, so that the others keep their colours.
pub const THEORIES: &[Build] = &[
    |_| Box::new(Kramers),
    |options| Box::new(DiffusionTheory { xi: options.xi }),
    |_| Box::new(LogLandscape::Published),
    |_| Box::new(LogLandscape::Measured),
    |_| Box::new(LogLandscape::Refined),
    |_| Box::new(Quadrature(NoiseModel::Frozen)),
    |_| Box::new(Quadrature(NoiseModel::Decoupled)),
    |_| Box::new(Quadrature(NoiseModel::Measured)),
    |_| Box::new(LargeDeviation),
];

/// All theories with the default options.
pub fn all() -> &'static [Box<dyn Theory>] {
    static ALL: LazyLock<Vec<Box<dyn Theory>>> = LazyLock::new(|| all_with(&TheoryOptions::default()));
    &ALL
}

/// All theories with these options.
pub fn all_with(options: &TheoryOptions) -> Vec<Box<dyn Theory>> {
    THEORIES.iter().map(|build| build(options)).collect()
}

/// The theory of that name, with the default options.
pub fn by_name(name: &str) -> Option<&'static dyn Theory> {
    all().iter().map(AsRef::as_ref).find(|theory| theory.name() == name)
}

/// Names of all theories.
pub fn names() -> Vec<&'static str> {
    all().iter().map(|theory| theory.name()).collect()
}
