//! The minimum and its geometry.

use super::words::interval;
use crate::figures::number;
use crate::record::{GeometryRecord, Record};
use crate::text;
use logscape::network::OutputLoss;
use serde::Serialize;

/// A row of the table of the minimum.
#[derive(Serialize)]
pub(super) struct Quantity {
    name: &'static str,
    value: String,
    meaning: String,
}

pub(super) fn quantities(record: &Record) -> Vec<Quantity> {
    let (minimum, geometry) = (&record.results.minimum, &record.results.geometry);
    let [median, .., largest] = geometry.sample_curvature;
    let row = |name, value, meaning: &str| Quantity { name, value, meaning: meaning.to_owned() };
    let mut rows = vec![
        row("Loss L*", number(minimum.loss), loss_in_words(minimum.output_loss)),
        row("Gradient norm", number(minimum.gradient_norm), "0 at a minimum"),
        row("Index", index(minimum.index, geometry.complete), "number of negative Hessian eigenvalues"),
        row("Outliers n", geometry.outliers.to_string(), &geometry.outlier_rule),
        row(
            "Gap",
            geometry.gap.map_or_else(|| "no bulk".to_owned(), number),
            "last outlier over first bulk eigenvalue",
        ),
        row("Curvature h*", interval(&geometry.h_star), "typical outlier eigenvalue"),
        row("Curvature of one sample", format!("{} / {}", number(median), number(largest)), "median / largest"),
    ];
    if let Some(share) = minimum.accuracy {
        let percent = format!("{} %", number(100.0 * share));
        rows.insert(1, row("Accuracy", percent, "samples whose class has the largest output"));
    }
    if let Some(value) = geometry.kinks {
        let meaning = "how far the gradient's slope over a distance is from the Hessian's, in its units";
        rows.push(row("Kinks", number(value), meaning));
    }
    if let (Some(strength), Some(decoupling)) = (&geometry.noise_strength, &geometry.decoupling) {
        rows.extend([
            row("Noise strength s", interval(strength), "mean of Cᵢᵢ/(2 L* hᵢ) over outliers"),
            row("tr C/(2 L tr H)", number(decoupling.trace_ratio_hessian), "the same over all directions"),
            row("tr C/(2 L tr G)", number(decoupling.trace_ratio_gauss_newton), "with the Gauss–Newton matrix G"),
            row("Shape distance", number(decoupling.frobenius_distance), "‖C − aH‖/‖C‖ among outliers; 0 is perfect"),
            row("Off-diagonal share", number(decoupling.off_diagonal_share), "of ‖C‖² in the eigenbasis of H"),
            row("Scaling exponent γ", interval(&decoupling.scaling_exponent), "tr C ∝ L^γ; 1 for decoupling"),
        ]);
    }
    if let Some(fisher) = &geometry.fisher {
        rows.extend([
            row("tr C/tr G", number(fisher.trace_ratio), "1 where the model's probabilities hold (Fisher's identity)"),
            row(
                "Its exponent",
                interval(&fisher.exponent),
                "tr C/tr G ∝ L^x; 0 for Fisher's identity, 1 for C ∝ 2 L G",
            ),
        ]);
    }
    rows.extend(structure(geometry).into_iter().map(|(name, value, meaning)| row(name, value, &meaning)));
    rows
}

/// What is told beside: the span of the noise, levels of classes, sharpness, effective parameters.
fn structure(geometry: &GeometryRecord) -> Vec<(&'static str, String, String)> {
    let percent = |share: f64| format!("{} %", number((1000.0 * share).round() / 10.0));
    let mut rows = Vec::new();
    if let Some(found) = &geometry.noise_subspace {
        let count = geometry.outliers;
        rows.push((
            "Noise among the outliers",
            percent(found.share_of_outliers),
            format!(
                "of tr C; {} is the most that {} can have",
                percent(found.share_of_leading),
                text::count(count, "direction")
            ),
        ));
        let overlap = found.cosines.iter().map(|cos| cos * cos).sum::<f64>() / found.cosines.len().max(1) as f64;
        let open = if found.converged { "" } else { "; those of C have not converged" };
        rows.push((
            "Overlap of spans",
            number(overlap),
            format!("of H and C, the mean of cos² of the principal angles{open}"),
        ));
    }
    if let Some(found) = &geometry.classes {
        let sum = found.traces.sum();
        let [means, cross, within, own] = found.traces.parts().map(|part| percent(part / sum));
        let meaning = format!("of tr G; cross-class means {cross}, within classes {within}, own class {own}");
        rows.push(("Class means", means, meaning));
    }
    if let Some(found) = &geometry.effective_parameters {
        let meaning =
            format!("Σ λ/(λ + a), with the prior curvature of most evidence, a = {}", number(found.prior_curvature));
        rows.push(("Effective parameters γ", number(found.count), meaning));
    }
    if let Some(found) = geometry.sharpness.last() {
        let meaning =
            format!("(max L − L*)/(1 + L*) in the box |θ − θ*| ≤ {} (|θ*| + 1), at least", number(found.epsilon));
        rows.push(("Sharpness", format!("{} %", number(found.sharpness)), meaning));
    }
    rows
}

/// The index, of which a spectrum that is not whole knows the lowest eigenvalues only.
pub(super) fn index(index: usize, complete: bool) -> String {
    if complete { index.to_string() } else { format!("at least {index}") }
}

/// What the loss is.
fn loss_in_words(loss: Option<OutputLoss>) -> &'static str {
    let Some(loss) = loss else { return "mean over samples of a loss of the model's own" };
    match loss {
        OutputLoss::MeanSquare => "mean over samples of half the squared residual",
        OutputLoss::CrossEntropy => "mean over samples of the cross-entropy of classes and softmax",
        OutputLoss::Logistic => "mean over samples of the logistic loss, summed over outputs",
        OutputLoss::Huber => "mean over samples of the Huber loss, summed over outputs",
    }
}

/// Parameters up to which they are listed.
const LISTED: usize = 40;

/// A row of the table of parameters.
#[derive(Serialize)]
pub(super) struct Parameter {
    name: String,
    value: String,
    unstandardised: Option<String>,
}

/// The parameters of a minimum that has few, by the names of the inputs where each has one, and then what is added to the output where
/// inputs are taken as they are.
pub(super) fn parameters(record: &Record) -> Vec<Parameter> {
    let minimum = &record.results.minimum;
    let Some(theta) = minimum.theta.as_ref().filter(|theta| theta.len() <= LISTED) else { return Vec::new() };
    let inputs = record.manifest.origin.as_ref().map_or(&[][..], |origin| &origin.columns.inputs);
    // A layer alone has a weight for each input and a bias.
    let names: Vec<&str> = inputs.iter().map(String::as_str).chain(["bias"]).collect();
    let name = |at: usize| match theta.len().checked_sub(inputs.len()) {
        Some(0 | 1) => names[at].to_owned(),
        _ => format!("θ{}", at + 1),
    };
    let raw = minimum.unstandardised.as_ref();
    let of = |(at, value): (usize, &f64)| Parameter {
        name: if inputs.is_empty() { format!("θ{}", at + 1) } else { name(at) },
        value: number(*value),
        // A record that was edited may have fewer.
        unstandardised: raw.and_then(|raw| raw.theta.get(at)).copied().map(number),
    };
    let offset = raw.filter(|raw| raw.offset != 0.0).map(|raw| Parameter {
        name: "offset".to_owned(),
        value: number(0.0),
        unstandardised: Some(number(raw.offset)),
    });
    theta.iter().enumerate().map(of).chain(offset).collect()
}
