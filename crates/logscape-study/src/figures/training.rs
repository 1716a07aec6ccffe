//! The loss of the training against its steps, and its noise against its loss.

use super::axis::Axis;
use super::plot::{COLOURS, DASH_DOT, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing, number};
use crate::record::{Record, TrainingRecord};
use crate::text::ends;

pub(super) const TRAINING: Design = Design { name: "training", title: "Training", when, draw };

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(record.results.training.is_some(), "the study asks for no training")?;
    let known = record.tables.training.iter().any(|row| row.loss > 0.0);
    if known { Ok(()) } else { Err(Missing::NotPositive("the loss of the batches")) }
}

fn draw(record: &Record) -> Result<Drawing, Missing> {
    let training = record.results.training.as_ref().ok_or(Missing::NoData("the study asks for no training"))?;
    let losses = losses(record).ok_or(Missing::NotPositive("the loss of the batches"))?;
    let noise = noise(record, training);
    let mut caption = "Mean loss of the batches over windows of steps".to_owned();
    if noise.is_some() {
        caption += ", the loss of all data where it was measured, and there the noise of one sample against that loss";
        if !training.noise_exponents.is_empty() {
            caption += ", with the fitted exponent γ of tr C ∝ L^γ in each window of the loss. Intervals take points for independent";
        }
    }
    Ok(Drawing { caption: caption + ".", panels: [losses].into_iter().chain(noise).collect() })
}

/// Losses against steps.
fn losses(record: &Record) -> Option<Panel> {
    let batches = record.tables.training.iter().filter(|row| row.loss > 0.0);
    let batches: Vec<_> = batches.map(|row| (row.steps as f64, row.loss.log10())).collect();
    let all = record.tables.training_noise.iter().filter(|row| row.loss > 0.0);
    let all: Vec<_> = all.map(|row| (row.steps as f64, row.loss.log10())).collect();
    let both = || batches.iter().chain(&all);
    let x = Axis::fit("steps", false, both().map(|point| point.0))?;
    let y = Axis::fit("loss L", true, both().map(|point| point.1))?;
    let mut layers = vec![Layer::new("batches", COLOURS[0], Kind::Line(batches, SOLID))];
    if !all.is_empty() {
        layers.push(Layer::new("all data", COLOURS[1], Kind::Marks(all, Marker::Circle, 4.0)));
    }
    Some(Panel { title: String::new(), x, y, layers })
}

/// Noise against the loss, with the fitted lines.
fn noise(record: &Record, training: &TrainingRecord) -> Option<Panel> {
    let rows = record.tables.training_noise.iter().filter(|row| row.loss > 0.0 && row.noise_trace > 0.0);
    let points: Vec<(f64, f64)> = rows.map(|row| (row.loss.log10(), row.noise_trace.log10())).collect();
    let x = Axis::fit("loss L", true, points.iter().map(|point| point.0))?;
    let y = Axis::fit("noise tr C (loss² / parameter²)", true, points.iter().map(|point| point.1))?;
    let lines = training.noise_exponents.iter().enumerate().filter_map(|(place, window)| {
        let [low, high] = window.losses.map(f64::log10);
        // Losses of a record were written with all their digits, and their logarithms are those of the fit but for rounding.
        let within: Vec<_> = points.iter().filter(|p| low - 1e-9 <= p.0 && p.0 <= high + 1e-9).collect();
        let count = within.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| within.iter().map(|point| of(point)).sum::<f64>() / count;
        let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
        let line = [low, high].map(|at| (at, level + window.exponent.value * (at - middle))).to_vec();
        let words = format!("γ = {} {}", number(window.exponent.value), ends(&window.exponent, number));
        let colour = COLOURS[2 + place % (COLOURS.len() - 2)];
        (count > 0.0).then(|| Layer::new(words, colour, Kind::Line(line, DASH_DOT)))
    });
    let lines: Vec<Layer> = lines.collect();
    let marks = Layer::plain(COLOURS[1], Kind::Marks(points, Marker::Circle, 4.0));
    Some(Panel { title: String::new(), x, y, layers: [marks].into_iter().chain(lines).collect() })
}
