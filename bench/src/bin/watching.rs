//! `cargo xtask bench watching [FOLDER]`: what it costs to see passages through a loss level at their step.
//!
//! A 784-128-10 tanh network (101,770 parameters) on 10,000 images, those of FOLDER in IDX files or else the embedded digits,
//! enlarged. Replicas start at the minimum and leave through twice its loss, or through the highest loss among looks that are far
//! apart, which they reach after some hundreds of steps; one thread, single precision.

use logscape::data::{Dataset, ReadOptions, digits, open};
use logscape::engine::{Block, Dynamics, ExitTest, ReplicaState};
use logscape::ensemble::{EscapeProgress, EscapeRun, LossMeter, Region, survival_times};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::network::{Activation, Initialisation};
use logscape::operator::{End, Hessian, LanczosConfig, extreme_eigenpairs};
use logscape::problem::Mlp;
use logscape::random::{Purpose, stream};
use logscape::{Minimum, Stop};
use logscape_bench::sgd;
use rand_distr::{Distribution, StandardNormal};
use std::env;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const SAMPLES: usize = 10_000;
/// Pixels along the edge of an image, and of a digit.
const EDGE: [usize; 2] = [28, 8];
/// `L_c/L*` of the levels that are the same for all settings.
const FAR: f64 = 2.0;
/// The lowest level, since the search for the minimum ends before it is there.
const NEAR: f64 = 1.05;
/// Looks that find a level which is reached, and the steps between them.
const LOOKS: [u64; 2] = [40, 20];
/// Steps after which a replica is censored.
const MOST_STEPS: u64 = 2000;
/// Steps of all replicas after which a setting has been timed for long enough.
const ENOUGH_STEPS: f64 = 4_000.0;
/// Replicas that share the setup of a run.
const REPLICAS: f64 = 200.0;
/// Batch sizes and products of learning rate and largest eigenvalue.
const SETTINGS: [(usize, &[f64]); 4] =
    [(256, &[0.4, 1.0, 1.6]), (128, &[0.4, 1.0, 1.6]), (64, &[0.4, 1.0]), (10, &[0.4])];

/// The embedded digits in images of 28 × 28 pixels, each about six times with other noise.
fn enlarged() -> Result<Dataset, Box<dyn Error>> {
    let digits = digits()?.one_hot()?;
    let mut rng = stream(1, Purpose::Check, 0);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for k in (0..digits.len()).cycle().take(SAMPLES) {
        let image = &digits.inputs[64 * k..][..64];
        let [edge, small] = EDGE;
        for pixel in 0..edge * edge {
            let noise: f64 = StandardNormal.sample(&mut rng);
            let [row, column] = [pixel / edge, pixel % edge].map(|place| place * small / edge);
            inputs.push(image[row * small + column] + 0.1 * noise);
        }
        targets.extend_from_slice(&digits.targets[10 * k..][..10]);
    }
    Ok(Dataset::new("enlarged digits", inputs, EDGE[0] * EDGE[0], targets, 10, None)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = match env::args().nth(1) {
        Some(folder) => open(Path::new(&folder), &ReadOptions::default())?.one_hot()?.take(SAMPLES)?,
        None => enlarged()?,
    };
    let network = Mlp::new(&[EDGE[0] * EDGE[0], 128, 10], Activation::Tanh, data.inputs, data.targets)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| rows(&network).map_err(|error| error.to_string()))?;
    Ok(())
}

fn rows(network: &Mlp) -> Result<(), Box<dyn Error>> {
    let start = network.init(Initialisation::Lecun, &mut stream(1, Purpose::Start, 0));
    let config = MinimumConfig { max_iterations: 150, newton_up_to: 0, ..MinimumConfig::default() };
    let minimum = find_minimum(network, &start, &config, &Stop::new())?;
    let one = LanczosConfig { upper: End::new(1, 1e-3), ..LanczosConfig::default() };
    let hessian = Hessian::new(network, &minimum.theta);
    let largest = extreme_eigenpairs(&hessian, &one, &Stop::new(), |_| {})?.upper.values[0];
    let mut meter = LossMeter::new(network);
    let loss = time(3.0, || _ = meter.loss(&minimum.theta));
    println!(
        "loss of the minimum {:.3e}, largest eigenvalue {largest:.1}; a loss of all data takes {:.1} ms\n",
        minimum.loss,
        1e3 * loss
    );
    println!(
        "| B | η λ | L_c/L* | step, µs | setup, steps | left | steps of each | watched ÷ unwatched | with the setup |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (batch_size, rates) in SETTINGS {
        for rate in rates {
            let reached = reached(network, &minimum, rate / largest, batch_size);
            for factor in [FAR, reached] {
                row(network, &minimum, (rate / largest, factor), (batch_size, *rate))?;
            }
        }
    }
    Ok(())
}

/// Seconds of a call.
fn time(calls: f64, mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..calls as u64).for_each(|_| call());
    begun.elapsed().as_secs_f64() / calls
}

/// The highest loss, in units of that of the minimum, among looks at one replica; at least [`NEAR`].
fn reached(network: &Mlp, minimum: &Minimum, learning_rate: f64, batch_size: usize) -> f64 {
    let dynamics = sgd::<f32>(network, learning_rate, batch_size);
    let (mut block, mut meter) = (dynamics.block(), LossMeter::new(network));
    let mut theta = vec![0.0; minimum.theta.len()];
    block.load(0, &ReplicaState::new(&minimum.theta, stream(1, Purpose::Check, 1)));
    let [looks, steps] = LOOKS;
    let mut look = |_| {
        dynamics.advance(&mut block, steps, &ExitTest::Never);
        block.theta_into(0, &mut theta);
        meter.loss(&theta) / minimum.loss
    };
    (0..looks).map(&mut look).fold(NEAR, f64::max)
}

fn row(
    network: &Mlp,
    minimum: &Minimum,
    (learning_rate, factor): (f64, f64),
    (batch_size, rate): (usize, f64),
) -> Result<(), Box<dyn Error>> {
    let dynamics = sgd::<f32>(network, learning_rate, batch_size);
    let mut block = dynamics.block();
    block.load(0, &ReplicaState::new(&minimum.theta, stream(1, Purpose::Escape, 0)));
    let steps = 20_000 / (batch_size as u64 + 9);
    let mut step = || time(1.0, || _ = dynamics.advance(&mut block, steps, &ExitTest::Never)) / steps as f64;
    let before = step();
    let region = Region::LossLevel { loss: factor * minimum.loss, check_every: 1 };
    let mut run = EscapeRun { start: minimum.theta.clone(), region, replicas: 1, max_steps: MOST_STEPS, seed: 1 };
    let mut progress = EscapeProgress::default();
    // A pause ends a run after its setup.
    let paused = Stop::new().or_pausing_when(|| true);
    let begun = Instant::now();
    run.advance(&dynamics, network, &mut progress, &paused, |_| {})?;
    let setup = begun.elapsed().as_secs_f64();
    let (mut seconds, mut taken, mut left) = (0.0, 0.0, 0);
    // Each call begins with a loss of all data, which is not timed.
    let check = time(3.0, || _ = run.check(network));
    run.replicas = 2;
    while taken < ENOUGH_STEPS {
        let mut progress = progress.clone();
        seconds = time(1.0, || _ = run.advance(&dynamics, network, &mut progress, &Stop::new(), |_| {})) - check;
        let ends = survival_times(&progress.terminations(&run));
        (taken, left) = (ends.iter().map(|end| end.time).sum(), ends.iter().filter(|end| end.event).count());
        run.replicas *= 2;
    }
    let replicas = run.replicas as f64 / 2.0;
    let (step, each) = (0.5 * (before + step()), taken / replicas);
    let ratio = seconds / taken / step;
    println!(
        "| {batch_size} | {rate} | {factor:.2} | {:.1} | {:.0} | {left} of {replicas} | {each:.0} | {ratio:.1} | {:.1} |",
        1e6 * step,
        setup / step,
        ratio + setup / step / each / REPLICAS,
    );
    Ok(())
}
