//! SGD itself, with another sampling or in another precision than the study's.

use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::Sgd;

pub(super) struct Plain;

impl Kind for Plain {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn equation(&self) -> &'static str {
        "θ ← θ − η g_B"
    }

    fn reference(&self) -> &'static str {
        "Robbins, Monro 1951"
    }

    fn question(&self) -> &'static str {
        "does the way batches are drawn, or single precision, matter?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["sampling", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let sgd = options.sampled(sgd);
        let precision = options.precision.unwrap_or(at.precision);
        Ok(Built::chain(Sgd::on(at.problem, sgd, precision)?))
    }
}
