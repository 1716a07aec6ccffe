//! Rare events against exact means, quadrature and direct simulation.

mod chains;
mod comparison;
mod mechanics;

use super::*;
use crate::Sampling;
use crate::SgdSettings;
use crate::Stop;
use crate::ensemble::Region;
use crate::problem::LinearRegression;

const METHODS: [RareMethod; 2] = [RareMethod::Splitting, RareMethod::ForwardFlux];

fn sgd(learning_rate: f64, batch_size: usize) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
}

/// Two samples `y = ±1` at `x = 1`. With `η = ½` the chain is `θ ← (θ ± 1)/2`.
fn coin() -> LinearRegression {
    LinearRegression::new(vec![1.0, 1.0], vec![1.0, -1.0], 1).unwrap()
}

/// `−log₂(1 − |θ|)`: the length of the last run of equal signs, and a fraction.
struct RunLength;

impl Score for RunLength {
    type Scratch = ();
    fn scratch(&self) {}
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        -(1.0 - theta[0].abs()).log2()
    }
}

/// The coin's chain out of `|θ| ≤ 1 − 2^−m`: it leaves when `m + 1` signs in a row are equal, since `j` of them lead from
/// `θ` to `1 − (1 − θ)/2^j`, and before them `1 − θ` is 1 at the start and otherwise between 1 and 2. The mean number of
/// steps to the first run of `r` equal signs is `2^r − 1` (Feller 1968, XIII.7).
fn runs(m: i32, method: RareMethod, seed: u64) -> (RareRun, f64) {
    let top = 1.0 - 0.5_f64.powi(m);
    (RareRun::new(vec![0.0], Region::interval(-top, top), method, seed), 2.0_f64.powi(m + 1) - 1.0)
}

fn run_coin(run: &RareRun) -> crate::stats::RateEstimate {
    let mut progress = RareProgress::default();
    run.advance_sgd(&coin(), sgd(0.5, 1), &RunLength, &mut progress, &Stop::new()).unwrap();
    run.estimate(&progress)
}
