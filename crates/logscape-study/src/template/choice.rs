//! The numbers of a study that suit a problem: learning rates, a region, and how much to run.

use super::model::Candidate;
use crate::asked::MinimumTable;
use crate::error::RunError;
use crate::events::{Event, Events};
use crate::stages::{find, measured, no_minimum};
use crate::text::decimal;
use logscape::data::Dataset;
use logscape::ensemble::{EscapeRun, Region};
use logscape::problem::{BuiltProblem, StartConfig};
use logscape::theory::Stationary;
use logscape::{Geometry, Problem, Samples, Sampling, SgdSettings, Stop};

/// Seed of studies that are written.
pub(super) const SEED: u64 = 7;

/// How far `φ` lies above half the number of outliers at the first learning rate that is tried: by the logarithmic landscape an
/// escape through twice the loss then takes some `2^12` times as long as the walk itself.
const DISTANCE: f64 = 12.0;
/// The smaller learning rate, as a share of the larger one.
const SMALLER: f64 = 0.8;
/// Replicas that show how long an escape takes, of a quarter of the steps, and the mean that is looked for, as shares of all steps.
const PILOT: usize = 16;
const WANTED: [f64; 2] = [0.01, 0.05];
/// Learning rates that are tried.
const TRIED: usize = 14;
/// How many times as sharp as the start a minimum may be, beside which SGD cannot move elsewhere.
const SHARP: f64 = 30.0;
/// Products of samples and parameters up to which the search is made on all samples.
const SEARCHED: usize = 5_000_000;
/// Products of replicas, steps, parameters and samples of a batch that one ensemble may take at most.
const WORK: f64 = 4e9;
/// Replicas, and their most and least steps.
const REPLICAS: usize = 100;
const STEPS: [f64; 2] = [2_000.0, 100_000.0];
/// Parameters up to which the search is to end at a minimum.
const EXACT: usize = 1_500;

/// What suits a problem.
pub(super) struct Choice {
    /// Learning rates.
    pub(super) rates: Vec<f64>,
    /// Why these.
    pub(super) why: String,
    /// `escape.region`, and what it means.
    pub(super) region: [String; 2],
    /// Replicas of an ensemble, and the steps of each.
    pub(super) replicas: usize,
    pub(super) steps: u64,
    /// How the minimum is searched, where that is not as usual.
    pub(super) minimum: MinimumTable,
}

/// What suits the problem of a candidate on these data; `None` where the search ends at no minimum that SGD can move around, unless
/// the candidate is the last.
///
/// # Errors
/// [`RunError`] where the data make no such problem, or nothing can be measured.
pub(super) fn choose(
    candidate: &Candidate,
    data: &Dataset,
    last: bool,
    (stop, events): (&Stop, &dyn Events),
) -> Result<Option<Choice>, RunError> {
    let mut minimum = MinimumTable::default();
    let config = StartConfig { initialisation: minimum.init, seed: SEED };
    let build = |data: Dataset| Ok::<_, RunError>(candidate.kind.build(data, &candidate.options, &config)?);
    let whole = build(data.clone())?;
    let parameters = whole.problem.dim();
    let every = (data.len().saturating_mul(parameters) / SEARCHED + 1).min(data.len());
    // Whether the search of a network ends at a minimum is only seen on all samples.
    if every > 1 && !last {
        return Ok(None);
    }
    let BuiltProblem { problem, start } = if every == 1 {
        whole
    } else {
        drop(whole);
        build(some(data, every)?)?
    };
    if parameters > EXACT || every > 1 {
        minimum = MinimumTable { tolerance: 1e-3, max_iterations: 300, ..minimum };
    }
    let begin = |name| events.tell(&Event::Stage { name, setting: None });
    begin("minimum");
    let found = find(&*problem, &start, None, &minimum, stop)?;
    begin("geometry");
    let geometry = measured(&*problem, &found, SEED, stop)?;
    stop.check()?;
    let sharpest = geometry.eigenvalues.first().copied().unwrap_or(0.0);
    let is_minimum = every == 1 && no_minimum(&found, &geometry).is_none();
    let is_suitable = is_minimum && sharpest < SHARP * curvature(&*problem, &start) && geometry.interpolating.is_none();
    if !is_suitable && !last {
        return Ok(None);
    }
    minimum.accept = !is_minimum;
    let cost = parameters as f64 * REPLICAS as f64;
    let steps = two_digits((WORK / cost).clamp(STEPS[0], STEPS[1])) as u64;
    let (first, why) = first_rate(&geometry);
    let pilot = EscapeRun {
        start: found.theta.clone(),
        region: Region::LossLevel { loss: 2.0 * found.loss, check_every: 1 },
        replicas: PILOT,
        max_steps: (steps / 4).max(1),
        seed: SEED,
    };
    let (largest, why) = if geometry.interpolating.is_some() || found.loss <= 0.0 {
        (first, why)
    } else {
        begin("learning rate");
        (with_escapes(&*problem, &geometry, &pilot, first, stop)?, escapes_in_words(steps))
    };
    Ok(Some(Choice {
        rates: vec![two_digits(SMALLER * largest), two_digits(largest)],
        why,
        region: region(&*problem, &geometry),
        replicas: REPLICAS,
        steps,
        minimum,
    }))
}

/// Each `every`-th sample.
fn some(data: &Dataset, every: usize) -> Result<Dataset, RunError> {
    let rows = |values: &[f64], dim: usize| -> Vec<f64> {
        values.chunks_exact(dim).step_by(every).flatten().copied().collect()
    };
    let (inputs, targets) = (rows(&data.inputs, data.input_dim), rows(&data.targets, data.target_dim));
    Ok(Dataset::new(&data.name, inputs, data.input_dim, targets, data.target_dim, None)?)
}

/// Mean curvature of the samples by the Gauss–Newton matrix, `tr(J Jᵀ)/c`.
fn curvature(problem: &dyn Problem, theta: &[f64]) -> f64 {
    let (n, c) = (problem.samples(), problem.outputs());
    let (mut gram, mut scratch) = (vec![0.0; c * c], vec![0.0; problem.scratch_len(1)]);
    let mut trace = |sample: usize| {
        problem.jacobian_grams_into(theta, Samples::Range(sample..sample + 1), &mut gram, &mut scratch);
        gram.iter().step_by(c + 1).sum::<f64>() / c as f64
    };
    (0..n).map(&mut trace).sum::<f64>() / n as f64
}

/// SGD with this learning rate.
fn sgd(learning_rate: f64) -> SgdSettings {
    SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement }
}

/// Whether SGD stays at the minimum in the mean square.
fn is_stable(geometry: &Geometry, learning_rate: f64) -> bool {
    let law = Stationary::predict(geometry, &sgd(learning_rate));
    law.linearly_stable && law.mean_square_growth.is_none_or(|growth| growth < 1.0)
}

/// A stable learning rate by what was measured at the minimum, and why this one.
fn first_rate(geometry: &Geometry) -> (f64, String) {
    let (n, h) = (geometry.outliers.count as f64, geometry.outliers.h_star.value);
    let sharpest = geometry.sample_curvature[3].max(h);
    let mut rate = match geometry.noise_strength.filter(|s| s.value > 0.0) {
        Some(s) => 1.0 / (s.value * h * (0.5 * n + DISTANCE)),
        None => 1.0 / sharpest,
    };
    for _ in 0..60 {
        if is_stable(geometry, rate) {
            break;
        }
        rate *= 0.5;
    }
    (rate, format!("at which SGD is stable, for the largest curvature of one sample, {}", decimal(sharpest, 3)))
}

/// A learning rate at which replicas escape neither at once nor too seldom, near `first`, which is stable.
fn with_escapes(
    problem: &dyn Problem,
    geometry: &Geometry,
    pilot: &EscapeRun,
    first: f64,
    stop: &Stop,
) -> Result<f64, RunError> {
    let (mut low, mut high, mut rate) = (None, None, first);
    let [soonest, latest] = WANTED.map(|share| share * 4.0 * pilot.max_steps as f64);
    for _ in 0..TRIED {
        let ends = pilot.run_sgd(problem, sgd(rate), stop, |_| {})?;
        stop.check()?;
        let ended = ends.iter().map(|end| end.observation(|steps, _| steps as f64));
        let (time, events) =
            ended.fold((0.0, 0.0), |(time, events), end| (time + end.time, events + f64::from(u8::from(end.event))));
        // Half an escape where there is none.
        let mean = time / f64::max(events, 0.5);
        if mean < soonest {
            high = Some(rate);
        } else if mean > latest {
            low = Some(rate);
        } else {
            break;
        }
        rate = match (low, high) {
            (Some(low), Some(high)) => f64::sqrt(low * high),
            (None, _) => 0.5 * rate,
            // Larger ones would leave the minimum whatever the barrier.
            (Some(_), None) if !is_stable(geometry, 1.5 * rate) => break,
            (Some(_), None) => 1.5 * rate,
        };
    }
    Ok(rate)
}

/// Why a learning rate was chosen so.
fn escapes_in_words(steps: u64) -> String {
    let [soonest, latest] = WANTED.map(|share| (share * steps as f64) as u64);
    format!("at the larger of which {PILOT} replicas tried took some {soonest} to {latest} steps to escape")
}

/// What escape is, and its meaning.
fn region(problem: &dyn Problem, geometry: &Geometry) -> [String; 2] {
    match (&geometry.interpolating, problem.constant_loss()) {
        (Some(_), Some(constant)) if constant > 0.0 => [
            format!("{{ loss-level = {} }}", two_digits(0.5 * constant)),
            "the loss of all samples grows to half of that of the best constant: the fit interpolates, so that \
             there is no loss to take a multiple of"
                .to_owned(),
        ],
        _ => [
            "{ loss-factor = 2.0 }".to_owned(),
            "the loss of all samples grows to twice that of the minimum".to_owned(),
        ],
    }
}

/// The number with two digits, rounded down.
fn two_digits(x: f64) -> f64 {
    if !(x.is_finite() && x > 0.0) {
        return f64::MIN_POSITIVE;
    }
    let mut power = x.log10().floor() as i32 - 1;
    let mut digits = (x / 10f64.powi(power) * (1.0 + 1e-12)).floor();
    if digits >= 100.0 {
        (power, digits) = (power + 1, (digits / 10.0).floor());
    }
    // By way of the text, which gives the double that is nearest to the two digits.
    format!("{digits}e{power}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_at_even_distances() {
        let inputs = (0..14).map(f64::from).collect();
        let data = Dataset::new("a", inputs, 2, vec![0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0], 1, None).expect("data");
        let kept = some(&data, 3).expect("data");
        assert_eq!((kept.inputs, kept.targets), (vec![0.0, 1.0, 6.0, 7.0, 12.0, 13.0], vec![0.0, 30.0, 60.0]));
    }

    #[test]
    fn two_digits_are_kept_and_never_more_than_there_is() {
        for (x, rounded) in [
            (0.0987, 0.098),
            (0.1, 0.1),
            (99.9, 99.0),
            (1.0, 1.0),
            (123_456.0, 120_000.0),
            (3.7e-9, 3.7e-9),
            (0.3, 0.3),
        ] {
            assert_eq!(two_digits(x), rounded);
        }
        assert!(two_digits(0.0) > 0.0 && two_digits(f64::NAN) > 0.0);
    }
}
