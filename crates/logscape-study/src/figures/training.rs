//! The loss of the training against its steps, and its noise against its loss.

use super::axis::Axis;
use super::plot::{COLOURS, DASH_DOT, DASHED, GREY, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing, number};
use crate::record::{Record, TrainingNoiseRow, TrainingRecord};
use crate::text::ends;
use logscape::network::OutputLoss;

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
    let (decoupling, scale) = (decoupling(record), scale(record));
    let mut caption = "Mean loss of the batches over windows of steps".to_owned();
    if noise.is_some() {
        caption += ", the loss of all data where it was measured, and there the noise of one sample against that loss";
        if !training.noise_exponents.is_empty() {
            caption += ", with the fitted exponent γ of tr C ∝ L^γ in each window of the loss. Intervals take points for independent";
        }
    }
    caption += ".";
    if decoupling.is_some() {
        caption += " Decoupling as published has tr C = 2 L tr G along all of the training";
        caption += if is_mean_square(record) { "." } else { "; Fisher's identity has tr C = tr G." };
    }
    if scale.is_some() {
        caption += " The gradient-noise scale tr C/‖∇L‖² is the batch size at which the noise of a batch is as long as the gradient.";
    }
    Ok(Drawing { caption, panels: [losses].into_iter().chain(noise).chain(decoupling).chain(scale).collect() })
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
        layers.push(Layer::new("all data", COLOURS[1], Kind::Marks(all, Marker::Circle, 6.0)));
    }
    Some(Panel { title: String::new(), x, y, layers })
}

fn is_mean_square(record: &Record) -> bool {
    record.results.minimum.output_loss == Some(OutputLoss::MeanSquare)
}

/// `tr C/(2 L tr G)` against the loss, and for another loss than the mean square `tr C/tr G` too.
fn decoupling(record: &Record) -> Option<Panel> {
    let rows = record.tables.training_noise.iter();
    let rows = || rows.clone().filter(|row| row.loss > 0.0 && row.noise_trace > 0.0 && row.gauss_newton_trace > 0.0);
    let ratio = |row: &TrainingNoiseRow| row.noise_trace / row.gauss_newton_trace;
    let point = |row: &TrainingNoiseRow, ratio: f64| (row.loss.log10(), ratio.log10());
    let strength: Vec<_> = rows().map(|row| point(row, ratio(row) / (2.0 * row.loss))).collect();
    let fisher: Vec<_> =
        if is_mean_square(record) { Vec::new() } else { rows().map(|row| point(row, ratio(row))).collect() };
    let x = Axis::fit("loss L", true, strength.iter().map(|point| point.0))?;
    let heights = strength.iter().chain(&fisher).map(|point| point.1).chain([0.0]);
    let y = Axis::fit("noise over curvature", true, heights)?;
    let mut layers = vec![
        Layer::plain(GREY, Kind::Line(vec![(x.low, 0.0), (x.high, 0.0)], DASHED)),
        Layer::new("tr C/(2 L tr G)", COLOURS[0], Kind::Marks(strength, Marker::Square, 7.0)),
    ];
    if !fisher.is_empty() {
        layers.push(Layer::new("tr C/tr G", COLOURS[3], Kind::Marks(fisher, Marker::Triangle, 8.0)));
    }
    Some(Panel { title: String::new(), x, y, layers })
}

/// The gradient-noise scale against steps.
fn scale(record: &Record) -> Option<Panel> {
    let rows = record.tables.training_noise.iter().filter(|row| row.noise_trace > 0.0 && row.gradient_norm > 0.0);
    let points: Vec<_> =
        rows.map(|row| (row.steps as f64, (row.noise_trace / row.gradient_norm.powi(2)).log10())).collect();
    let x = Axis::fit("steps", false, points.iter().map(|point| point.0))?;
    let y = Axis::fit("tr C/‖∇L‖² (samples)", true, points.iter().map(|point| point.1))?;
    let layers = vec![Layer::new("gradient-noise scale", COLOURS[2], Kind::Marks(points, Marker::Diamond, 7.0))];
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
    let marks = Layer::plain(COLOURS[1], Kind::Marks(points, Marker::Circle, 6.0));
    Some(Panel { title: String::new(), x, y, layers: [marks].into_iter().chain(lines).collect() })
}
