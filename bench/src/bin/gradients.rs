//! Our side of `cargo xtask bench peers` for gradients: `gradients WORK PRECISION` computes the mean of those of all samples, their
//! covariance, or their norms, on request, `gradients export DIR` writes what each work is made of for the peers.
//!
//! It prints `ready`. Then each line `run` is answered by the rate in gradients, matrices, or sets of norms, per second, each line `check`
//! by projections of the gradient, the covariance times a vector, or the squared norms, each followed by what may be wrong with it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use logscape::network::{Float, GradientSquares, Linearised, Network, OutputLoss};
use logscape::operator::{Linearisation, Matrix};
use logscape::problem::{BatchGradient, Problem};
use logscape::{Precision, Stop};
use logscape_bench::formula::{network, numbers, projections, start};
use serde_json::json;

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// A perceptron of the size of the digits, at a point.
const LAYERS: &str = r#"[{"linear": 32}, "tanh", {"linear": 10}]"#;
const INPUTS: usize = 64;
const SAMPLES: usize = 1797;

/// What is computed, from the parameters on.
#[derive(Clone, Copy)]
enum Work {
    Gradient,
    Covariance,
    SampleNorms,
}

const WORKS: [(&str, Work); 3] =
    [("gradient", Work::Gradient), ("covariance", Work::Covariance), ("sample-norms", Work::SampleNorms)];

/// What is kept from one result to the next.
struct Kept<'a, R> {
    gradient: Box<dyn BatchGradient + 'a>,
    samples: Vec<u32>,
    squares: GradientSquares<'a, R>,
}

impl Work {
    /// The mean gradient, the covariance times a vector, or the squared norms.
    fn result<R: Float>(self, network: &Network, kept: &mut Kept<R>, theta: &[f64], multiply: bool) -> Vec<f64> {
        match self {
            Self::Gradient => {
                let mut gradient = vec![0.0; theta.len()];
                kept.gradient.mean_into(theta, &kept.samples, &mut gradient);
                gradient
            }
            Self::Covariance => {
                let around = Linearised::<R>::new(network, theta, 1 << 30);
                let operator = around.operator(Matrix::NoiseCovariance);
                let matrix = operator.matrix(&Stop::new()).expect("there is a way").expect("nothing stops it");
                let vector = numbers(0.83, if multiply { theta.len() } else { 1 });
                let columns = vector.iter().enumerate();
                let mut image = vec![0.0; theta.len()];
                for (j, x) in columns {
                    image.iter_mut().zip(matrix.col(j).iter()).for_each(|(out, entry)| *out += x * entry);
                }
                image
            }
            Self::SampleNorms => kept.squares.at(theta),
        }
    }

    fn serve<R: Float>(self, precision: Precision, rounding: f64) -> io::Result<()> {
        let network = network(&[INPUTS], LAYERS, OutputLoss::MeanSquare, SAMPLES);
        let theta = start(network.dim());
        let mut kept = Kept {
            gradient: network.batch_gradient(SAMPLES, precision).expect("networks have it"),
            samples: (0..SAMPLES as u32).collect(),
            squares: GradientSquares::<R>::new(&network),
        };
        self.result::<R>(&network, &mut kept, &theta, false);
        println!("ready");
        for line in io::stdin().lock().lines() {
            if line?.trim() == "run" {
                let (begin, mut results) = (Instant::now(), 0);
                while begin.elapsed() < SHORTEST {
                    self.result::<R>(&network, &mut kept, &theta, false);
                    results += 1;
                }
                println!("{}", f64::from(results) / begin.elapsed().as_secs_f64());
            } else {
                let found = self.result::<R>(&network, &mut kept, &theta, true);
                println!("{}", projections(&found, rounding));
            }
            io::stdout().flush()?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // Within the pool of threads, as programs call who ask many times: to hand each call over takes a tenth of its time.
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [name, precision] => match (WORKS.iter().find(|work| work.0 == name), precision) {
            (Some((_, work)), "f32") => rayon::scope(|_| work.serve::<f32>(Precision::Float32, 1e-6)),
            (Some((_, work)), "f64") => rayon::scope(|_| work.serve::<f64>(Precision::Float64, 1e-13)),
            _ => {
                println!("unsupported");
                Ok(())
            }
        },
        _ => {
            eprintln!("usage: gradients WORK PRECISION | gradients export DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gradients: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let layers: serde_json::Value = serde_json::from_str(LAYERS).expect("layers are written well");
    for (name, _) in WORKS {
        let text =
            json!({ "shape": [INPUTS], "layers": layers, "samples": SAMPLES, "what": name, "run": 0 }).to_string();
        fs::write(folder.join(name).with_extension("json"), text)?;
    }
    Ok(())
}
