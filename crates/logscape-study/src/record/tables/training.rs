//! The history of the training.

use super::table::Table;
use logscape::training::Training;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// A window of steps of the training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct TrainingRow {
    /// Steps taken at the end of the window.
    pub steps: u64,
    /// Mean loss of the batches of the window, each before its step.
    pub loss: f64,
}

impl Table for TrainingRow {
    const MEANING: &'static str = "loss of the batches of the training";
}

/// A measurement on all data in the training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct TrainingNoiseRow {
    /// Steps taken before.
    pub steps: u64,
    /// Loss `L`.
    pub loss: f64,
    /// `tr C`.
    pub noise_trace: f64,
    /// `tr G`.
    pub gauss_newton_trace: f64,
    /// `‖∇L‖`.
    pub gradient_norm: f64,
}

impl Table for TrainingNoiseRow {
    const MEANING: &'static str = "loss and noise of all data in the training";
}

/// The rows of a training.
pub(crate) fn training_rows(training: &Training) -> (Vec<TrainingRow>, Vec<TrainingNoiseRow>) {
    let losses = training.losses().iter().map(|point| TrainingRow { steps: point.steps, loss: point.loss });
    let noise = training.noise().iter().map(|point| TrainingNoiseRow {
        steps: point.steps,
        loss: point.loss,
        noise_trace: point.noise_trace,
        gauss_newton_trace: point.gauss_newton_trace,
        gradient_norm: point.gradient_norm,
    });
    (losses.collect(), noise.collect())
}
