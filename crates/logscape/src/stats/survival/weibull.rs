//! Whether times are exponential, seen from the Weibull family `S(t) = exp(−(t/b)^shape)`.

use rand::Rng;
use rand_distr::{Distribution, Exp1};
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::observation::{Observation, Z95};
use crate::Estimate;
use crate::random::{Purpose, stream};

/// Replicas up to which the law of the shape is drawn; profile likelihood covers in 90 of 100 cases with five.
const FEW: usize = 50;
/// Draws of it; the ends' levels are known to a third of a per cent.
const DRAWS: usize = 2000;
/// Shapes that are looked for.
const SHAPES: [f64; 2] = [1e-6, 1e6];

/// How far the law of times is from exponential.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WeibullCheck {
    /// Maximum-likelihood shape (1 for exponential times) with its interval.
    pub shape: Estimate,
    /// p-value of shape 1: it is at least 5 % where the interval covers 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub p_value: f64,
}

/// Fits a Weibull law to censored times and tests shape 1. `None` with fewer than two different event times.
///
/// The ratio of the fitted to the true shape has a law that depends on the number of times alone where all end with the event (Thoman, Bain &
/// Antle 1969, *Technometrics* 11, 445). For 50 times and fewer it is drawn, with times censored where the longest unseen one is by the
/// fit; the p-value is twice the smaller tail. More times have the interval of the profile likelihood and the p-value of the
/// likelihood ratio (χ² with one degree of freedom).
pub fn weibull_check(observations: &[Observation]) -> Option<WeibullCheck> {
    let sample = Sample::new(observations)?;
    let shape = sample.shape();
    if observations.len() > FEW {
        let best = sample.likelihood(shape);
        let inside = |k: f64| 2.0 * (best - sample.likelihood(k)) < Z95 * Z95;
        let interval = [bisect([SHAPES[0], shape], |k| !inside(k)), bisect([shape, SHAPES[1]], inside)];
        let ratio = (2.0 * (best - sample.likelihood(1.0))).max(0.0);
        let shape = Estimate::new(shape, interval[0], interval[1]);
        return Some(WeibullCheck { shape, p_value: erfc((ratio / 2.0).sqrt()) });
    }
    // `(t/b)^shape` at the fit of the longest time that is unseen.
    let scale = sample.all.iter().map(|x| (shape * x).exp()).sum::<f64>() / sample.events.len() as f64;
    let unseen = observations.iter().filter(|o| !o.event).map(|o| o.time).fold(f64::NEG_INFINITY, f64::max);
    let limit = if unseen > 0.0 { (shape * (unseen / sample.largest).ln()).exp() / scale } else { f64::INFINITY };
    let mut rng = stream(1, Purpose::Resampling, observations.len() as u64);
    let mut ratios: Vec<f64> =
        (0..DRAWS).filter_map(|_| Some(exponential(observations.len(), limit, &mut rng)?.shape())).collect();
    ratios.sort_by(f64::total_cmp);
    let draws = ratios.len();
    if draws < DRAWS / 2 {
        return Some(WeibullCheck { shape: Estimate::new(shape, 0.0, f64::INFINITY), p_value: 1.0 });
    }
    // Beyond each end there are as many draws as make a p-value below 5 %.
    let out = (draws + 1) / 40 - 1;
    let below = ratios.partition_point(|&ratio| ratio <= shape);
    let tail = (below.min(draws - below) + 1) as f64 / (draws + 1) as f64;
    Some(WeibullCheck {
        shape: Estimate::new(shape, shape / ratios[draws - 1 - out], shape / ratios[out]),
        p_value: (2.0 * tail).min(1.0),
    })
}

/// Exponential times with mean 1 that are seen up to `limit`.
fn exponential(count: usize, limit: f64, rng: &mut impl Rng) -> Option<Sample> {
    let time = |_| {
        let time: f64 = Exp1.sample(rng);
        Observation { time: time.min(limit), event: time <= limit }
    };
    Sample::new(&(0..count).map(time).collect::<Vec<_>>())
}

/// Logarithms of times in units of the largest; zero times add nothing to `Σ t^k`.
struct Sample {
    largest: f64,
    all: Vec<f64>,
    events: Vec<f64>,
}

impl Sample {
    /// `None` with fewer than two different event times.
    fn new(observations: &[Observation]) -> Option<Self> {
        let largest = observations.iter().map(|o| o.time).fold(0.0, f64::max);
        let logs = |event_only: bool| {
            let kept = observations.iter().filter(move |o| o.time > 0.0 && (o.event || !event_only));
            kept.map(|o| (o.time / largest).ln()).collect::<Vec<f64>>()
        };
        let (all, events) = (logs(false), logs(true));
        let first = *events.first()?;
        let differ = events.iter().any(|&x| x != first);
        differ.then_some(Self { largest, all, events })
    }

    /// Log-likelihood of the shape `k` with the scale at its best, up to a constant.
    fn likelihood(&self, k: f64) -> f64 {
        let (d, logs) = (self.events.len() as f64, self.events.iter().sum::<f64>());
        d * k.ln() + (k - 1.0) * logs - d * self.all.iter().map(|x| (k * x).exp()).sum::<f64>().ln()
    }

    /// The shape where it is largest: Newton's steps on its derivative, which falls, or halvings of the bracket where they leave it.
    fn shape(&self) -> f64 {
        let mean = self.events.iter().sum::<f64>() / self.events.len() as f64;
        let ([mut low, mut high], mut k) = (SHAPES, 1.0_f64);
        for _ in 0..200 {
            let [s0, s1, s2] = self.all.iter().fold([0.0; 3], |[s0, s1, s2], &x| {
                let w = (k * x).exp();
                [s0 + w, s1 + w * x, s2 + w * x * x]
            });
            let slope = 1.0 / k + mean - s1 / s0;
            if slope > 0.0 {
                low = k;
            } else {
                high = k;
            }
            let step = k + slope / (1.0 / (k * k) + s2 / s0 - (s1 / s0).powi(2));
            let next = if step > low && step < high { step } else { (low * high).sqrt() };
            if (next / k - 1.0).abs() < 1e-12 {
                return next;
            }
            k = next;
        }
        k
    }
}

/// Where `is_left` turns from true to false on `[low, high]`, by bisection of the logarithm.
fn bisect([mut low, mut high]: [f64; 2], is_left: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if is_left(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}
