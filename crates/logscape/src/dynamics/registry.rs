//! The dynamics that have a name: one line each.

use super::{
    Kind, adam, decoupled, frozen, gaussian, heavy_ball, langevin, log_landscape, measured, multiplicative,
    second_order, sgd, sgld,
};

static ALL: &[&dyn Kind] = &[
    &sgd::Plain,
    &heavy_ball::Momentum,
    &adam::ADAM,
    &adam::ADAMW,
    &sgld::Langevin,
    &multiplicative::GAUSSIAN,
    &multiplicative::BERNOULLI,
    &multiplicative::SPARSE,
    &gaussian::ISOTROPIC,
    &gaussian::DIAGONAL,
    &gaussian::LEADING,
    &gaussian::HESSIAN,
    &gaussian::FULL,
    &measured::Measured,
    &second_order::SecondOrderMeasured,
    &decoupled::InTime,
    &log_landscape::InLandscapeTime,
    &frozen::Frozen,
    &langevin::Gibbs,
];

/// Every dynamics that has a name, in the order of the records.
pub fn all() -> &'static [&'static dyn Kind] {
    ALL
}

/// The dynamics of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Kind> {
    all().iter().copied().find(|kind| kind.name() == name)
}
