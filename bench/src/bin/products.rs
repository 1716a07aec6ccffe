//! Our side of `cargo xtask bench peers` for matrices of curvature: `products WORK PRECISION` multiplies, or finds eigenpairs or
//! densities, on request, `products export DIR` writes what each work is made of for the peers.
//!
//! It prints `ready`. Then each line `run` is answered by the rate in products, or sets of eigenpairs or recurrences, per second, each line
//! `check` by projections of products, eigenvalues, or means of eigenvalues, each followed by what may be wrong with it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use faer::Mat;
use logscape::network::{Float, Linearised, Network, OutputLoss};
use logscape::operator::{
    End, LanczosConfig, Linearisation, Matrix, QuadratureConfig, extreme_eigenpairs, lanczos_quadrature,
};
use logscape::problem::Problem;
use logscape::{Precision, Stop};
use logscape_bench::formula::{
    CONVOLUTION, PERCEPTRON, export_images, network, network_on_images, numbers, projections, start,
};
use serde_json::json;

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// A network on images, or on data without zeros, a matrix, and what is asked of it.
struct Work {
    name: &'static str,
    shape: &'static [usize],
    layers: &'static str,
    images: bool,
    samples: usize,
    which: Matrix,
    asked: Asked,
}

#[derive(Clone, Copy)]
enum Asked {
    /// Products with so many vectors at once.
    Products(usize),
    /// The leading eigenpairs.
    Eigenpairs,
    /// Lanczos' recurrence from random vectors, from which densities of eigenvalues follow.
    Density,
}

/// A perceptron's on images.
const PRODUCT: Work = Work {
    name: "hessian",
    shape: &[784],
    layers: PERCEPTRON,
    images: true,
    samples: 10_000,
    which: Matrix::Hessian,
    asked: Asked::Products(1),
};

/// A network of convolutions.
const CONVOLUTIONS: Work =
    Work { name: "hessian-cnn", shape: &[1, 28, 28], layers: CONVOLUTION, images: false, samples: 2000, ..PRODUCT };

const WORKS: [Work; 10] = [
    PRODUCT,
    Work { name: "hessian-8", asked: Asked::Products(8), ..PRODUCT },
    Work { name: "hessian-full", images: false, ..PRODUCT },
    Work { name: "hessian-full-8", images: false, asked: Asked::Products(8), ..PRODUCT },
    Work { name: "eigenpairs", asked: Asked::Eigenpairs, ..PRODUCT },
    Work { name: "eigenpairs-full", images: false, asked: Asked::Eigenpairs, ..PRODUCT },
    Work { name: "density", asked: Asked::Density, ..PRODUCT },
    Work { name: "gauss-newton", which: Matrix::GaussNewton, ..PRODUCT },
    CONVOLUTIONS,
    Work { name: "hessian-cnn-8", asked: Asked::Products(8), ..CONVOLUTIONS },
];

/// Eigenpairs, and the residual that each may have relative to its eigenvalue.
const PAIRS: usize = 20;
const RESIDUAL: f64 = 1e-3;

/// Random vectors of a density, and products with each.
const PROBES: usize = 10;
const STEPS: usize = 60;

/// Bytes in which passes may be kept.
const MEMORY: usize = 4 << 30;

impl Work {
    fn network(&self) -> Network {
        let network = if self.images { network_on_images } else { network };
        network(self.shape, self.layers, OutputLoss::MeanSquare, self.samples)
    }

    fn describe(&self) -> serde_json::Value {
        let layers: serde_json::Value = serde_json::from_str(self.layers).expect("layers are written well");
        let which = match self.which {
            Matrix::Hessian => "hessian",
            _ => "gauss-newton",
        };
        let vectors = if let Asked::Products(vectors) = self.asked { vectors } else { 0 };
        json!({
            "shape": self.shape, "layers": layers, "images": self.images, "samples": self.samples, "matrix": which,
            "vectors": vectors, "probes": PROBES, "steps": STEPS, "run": 0,
        })
    }

    /// Finds the leading eigenpairs on request, each to a thousandth of its eigenvalue.
    fn serve_eigenpairs<R: Float>(&self) -> io::Result<()> {
        let network = self.network();
        let theta = start(network.dim());
        let linearised = Linearised::<R>::new(&network, &theta, MEMORY);
        let operator = linearised.operator(self.which);
        let pairs = |tolerance: f64| {
            // A basis in the precision of the products.
            let precision = if size_of::<R>() == 4 { Precision::Float32 } else { Precision::Float64 };
            let config = LanczosConfig { upper: End::new(PAIRS, tolerance), precision, ..LanczosConfig::default() };
            extreme_eigenpairs(&*operator, &config, &Stop::new(), |_| {}).expect("the operator is finite")
        };
        let values = pairs(RESIDUAL).upper.values;
        let tolerance = RESIDUAL * values[PAIRS - 1] / values[0];
        let found = pairs(tolerance);
        assert!(found.upper.converged.iter().all(|&converged| converged), "all have converged");
        eprintln!("products: {} products", found.products);
        // The square of the residual over the gap, at most the residual.
        let words: Vec<String> =
            found.upper.values.iter().map(|value| format!("{value} {}", RESIDUAL * value / 4.0)).collect();
        answer(|| drop(pairs(tolerance)), 1, &words.join(" "))
    }

    /// Runs Lanczos' recurrences on request; the check has the mean of the eigenvalues and of their squares.
    fn serve_density<R: Float>(&self) -> io::Result<()> {
        let network = self.network();
        let linearised = Linearised::<R>::new(&network, &start(network.dim()), MEMORY);
        let operator = linearised.operator(self.which);
        let config = QuadratureConfig { probes: PROBES, steps: STEPS, ..QuadratureConfig::default() };
        let quadrature = || lanczos_quadrature(&*operator, &config, &Stop::new()).expect("the operator is finite");
        let measure = quadrature().measure().expect("the recurrences are finite");
        let words = [measure.mean(|x| x), measure.mean(|x| x * x)].map(|mean| {
            // Half of the interval is so many standard errors, for nine degrees of freedom.
            format!("{} {}", mean.value, (mean.ci95[1] - mean.ci95[0]) / 2.0 / 2.262)
        });
        answer(|| drop(quadrature()), 1, &words.join(" "))
    }

    fn serve<R: Float>(&self, rounding: f64) -> io::Result<()> {
        let vectors = match self.asked {
            Asked::Products(vectors) => vectors,
            Asked::Eigenpairs => return self.serve_eigenpairs::<R>(),
            Asked::Density => return self.serve_density::<R>(),
        };
        let network = self.network();
        let p = network.dim();
        let theta = start(p);
        let linearised = Linearised::<R>::new(&network, &theta, MEMORY);
        let operator = linearised.operator(self.which);
        let all = numbers(0.83, p * vectors);
        let block = Mat::from_fn(p, vectors, |i, j| all[j * p + i]);
        let mut out = block.clone();
        let apply = |out: &mut Mat<f64>| {
            operator.apply_into(block.as_ref(), out.as_mut(), &Stop::new()).expect("nothing stops it");
        };
        apply(&mut out);
        let image: Vec<f64> = out.col(vectors - 1).iter().copied().collect();
        answer(|| apply(&mut out), vectors, &projections(&image, rounding))
    }
}

/// Answers each line `run` by the rate of `work`, which does so many units of it, each line `check` by `found`.
fn answer(mut work: impl FnMut(), units: usize, found: &str) -> io::Result<()> {
    println!("ready");
    for line in io::stdin().lock().lines() {
        if line?.trim() == "run" {
            let (begin, mut done) = (Instant::now(), 0);
            while begin.elapsed() < SHORTEST {
                work();
                done += units;
            }
            println!("{}", done as f64 / begin.elapsed().as_secs_f64());
        } else {
            println!("{found}");
        }
        io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [name, precision] => match (WORKS.iter().find(|work| work.name == name), precision) {
            (Some(work), "f32") => work.serve::<f32>(1e-6),
            (Some(work), "f64") => work.serve::<f64>(1e-13),
            _ => {
                println!("unsupported");
                Ok(())
            }
        },
        _ => {
            eprintln!("usage: products WORK PRECISION | products export DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("products: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    export_images(folder, PRODUCT.samples)?;
    for work in &WORKS {
        fs::write(folder.join(work.name).with_extension("json"), work.describe().to_string())?;
    }
    Ok(())
}
