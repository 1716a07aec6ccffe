//! What every theory of the study says of one setting.

use super::{Context, Stage};
use crate::asked::Theories;
use crate::error::RunError;
use crate::store::Kept;
use logscape::theory::Prediction;
use logscape::{Barrier, Geometry, SgdSettings};
use serde::Serialize;

/// Asks every theory.
pub(super) struct Predict;

/// What theories see.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) geometry: &'a Kept<Geometry>,
    pub(super) barrier: &'a Kept<Barrier>,
    pub(super) sgd: SgdSettings,
    pub(super) theories: &'a Theories,
    /// Path parameter of `diffusion-theory`.
    pub(super) xi: f64,
}

impl Stage for Predict {
    const NAME: &'static str = "predictions";
    type Input<'a> = Input<'a>;
    type Output = Vec<Prediction>;

    fn run(_: &Context, input: &Input) -> Result<Vec<Prediction>, RunError> {
        let theories = input.theories.chosen(input.xi);
        Ok(theories.map(|theory| theory.predict(&input.geometry.value, &input.barrier.value, &input.sgd)).collect())
    }
}
