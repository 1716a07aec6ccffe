//! Our side of `cargo xtask bench peers` for training: `training WORK PRECISION` takes steps on request, `training export DIR` writes
//! what each work is made of for the peers.
//!
//! It prints `ready`. Then each line `run` is answered by the rate in steps per second, each line `check` by projections of how far a few
//! steps over all samples of a small set go, each followed by what may be wrong with it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use logscape::network::{Network, OutputLoss};
use logscape::problem::Problem;
use logscape::training::{Training, TrainingConfig};
use logscape::{Precision, Stop};
use logscape_bench::formula::{CONVOLUTION, network, projections, start};
use serde_json::json;

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// A network on data made by a formula, trained by plain SGD on the cross-entropy.
struct Work {
    name: &'static str,
    shape: &'static [usize],
    layers: &'static str,
    samples: usize,
    batch_size: usize,
    learning_rate: f64,
}

const WORKS: [Work; 1] = [Work {
    name: "training-cnn",
    shape: &[1, 28, 28],
    layers: CONVOLUTION,
    samples: 2000,
    batch_size: 64,
    learning_rate: 0.05,
}];

/// Steps of a check.
const STEPS: u64 = 3;

impl Work {
    /// The network on so many samples.
    fn network(&self, samples: usize) -> Network {
        network(self.shape, self.layers, OutputLoss::CrossEntropy, samples)
    }

    fn describe(&self) -> serde_json::Value {
        let layers: serde_json::Value = serde_json::from_str(self.layers).expect("layers are written well");
        json!({
            "shape": self.shape,
            "layers": layers,
            "samples": self.samples,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "check": STEPS,
        })
    }

    /// The training after `steps` steps from the start.
    fn trained(&self, network: &Network, precision: Precision, steps: u64) -> Training {
        let config = TrainingConfig { precision, ..TrainingConfig::new(self.learning_rate, self.batch_size, steps) };
        let mut training = Training::new(&start(network.dim()));
        training.advance(network, &config, &Stop::new(), |_| {}).expect("the training is valid");
        training
    }

    fn serve(&self, precision: Precision, rounding: f64) -> io::Result<()> {
        const RUN: u64 = 20;
        let network = self.network(self.samples);
        let p = network.dim();
        self.trained(&network, precision, 1);
        println!("ready");
        for line in io::stdin().lock().lines() {
            if line?.trim() == "run" {
                let (begin, mut steps) = (Instant::now(), 0);
                while begin.elapsed() < SHORTEST {
                    self.trained(&network, precision, RUN);
                    steps += RUN;
                }
                println!("{}", steps as f64 / begin.elapsed().as_secs_f64());
            } else {
                let end = self.trained(&self.network(self.batch_size), precision, STEPS).theta;
                let moved: Vec<f64> = end.iter().zip(start(p)).map(|(end, start)| end - start).collect();
                println!("{}", projections(&moved, rounding));
            }
            io::stdout().flush()?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [name, precision] => match (WORKS.iter().find(|work| work.name == name), precision) {
            // Single precision keeps parameters in double precision here, and rounds them at the peers.
            (Some(work), "f32") => work.serve(Precision::Float32, 1e-5),
            (Some(work), "f64") => work.serve(Precision::Float64, 1e-13),
            _ => {
                println!("unsupported");
                Ok(())
            }
        },
        _ => {
            eprintln!("usage: training WORK PRECISION | training export DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("training: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for work in &WORKS {
        fs::write(folder.join(work.name).with_extension("json"), work.describe().to_string())?;
    }
    Ok(())
}
