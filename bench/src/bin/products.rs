//! Our side of `cargo xtask bench peers` for matrices of curvature: `products WORK PRECISION` multiplies, or finds eigenpairs, on
//! request, `products export DIR` writes what each work is made of for the peers.
//!
//! It prints `ready`. Then each line `run` is answered by the rate in products, or sets of eigenpairs, per second, each line `check` by
//! projections of products, or eigenvalues, each followed by what may be wrong with it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use faer::Mat;
use logscape::network::{Float, Linearised, Network, OutputLoss};
use logscape::operator::{End, LanczosConfig, Linearisation, Matrix, extreme_eigenpairs};
use logscape::problem::Problem;
use logscape::{Precision, Stop};
use logscape_bench::formula::{
    CONVOLUTION, PERCEPTRON, export_images, network, network_on_images, numbers, projections, start,
};
use serde_json::json;

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// A network on images, or on data without zeros, a matrix, and how many vectors it is multiplied with at once; none where its
/// leading eigenpairs are wanted.
struct Work {
    name: &'static str,
    shape: &'static [usize],
    layers: &'static str,
    images: bool,
    samples: usize,
    which: Matrix,
    vectors: usize,
}

/// A perceptron's on images.
const PRODUCT: Work = Work {
    name: "hessian",
    shape: &[784],
    layers: PERCEPTRON,
    images: true,
    samples: 10_000,
    which: Matrix::Hessian,
    vectors: 1,
};

/// A network of convolutions.
const CONVOLUTIONS: Work =
    Work { name: "hessian-cnn", shape: &[1, 28, 28], layers: CONVOLUTION, images: false, samples: 2000, ..PRODUCT };

const WORKS: [Work; 9] = [
    PRODUCT,
    Work { name: "hessian-8", vectors: 8, ..PRODUCT },
    Work { name: "hessian-full", images: false, ..PRODUCT },
    Work { name: "hessian-full-8", images: false, vectors: 8, ..PRODUCT },
    Work { name: "eigenpairs", vectors: 0, ..PRODUCT },
    Work { name: "eigenpairs-full", images: false, vectors: 0, ..PRODUCT },
    Work { name: "gauss-newton", which: Matrix::GaussNewton, ..PRODUCT },
    CONVOLUTIONS,
    Work { name: "hessian-cnn-8", vectors: 8, ..CONVOLUTIONS },
];

/// Eigenpairs, and the residual that each may have relative to its eigenvalue.
const PAIRS: usize = 20;
const RESIDUAL: f64 = 1e-3;

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
        json!({ "shape": self.shape, "layers": layers, "images": self.images, "samples": self.samples, "matrix": which, "vectors": self.vectors, "run": 0 })
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
        println!("ready");
        for line in io::stdin().lock().lines() {
            if line?.trim() == "run" {
                let (begin, mut sets) = (Instant::now(), 0);
                while begin.elapsed() < SHORTEST {
                    pairs(tolerance);
                    sets += 1;
                }
                println!("{}", f64::from(sets) / begin.elapsed().as_secs_f64());
            } else {
                // The square of the residual over the gap, at most the residual.
                let words: Vec<String> =
                    found.upper.values.iter().map(|value| format!("{value} {}", RESIDUAL * value / 4.0)).collect();
                println!("{}", words.join(" "));
            }
            io::stdout().flush()?;
        }
        Ok(())
    }

    fn serve<R: Float>(&self, rounding: f64) -> io::Result<()> {
        if self.vectors == 0 {
            return self.serve_eigenpairs::<R>();
        }
        let network = self.network();
        let p = network.dim();
        let theta = start(p);
        let linearised = Linearised::<R>::new(&network, &theta, MEMORY);
        let operator = linearised.operator(self.which);
        let all = numbers(0.83, p * self.vectors);
        let vectors = Mat::from_fn(p, self.vectors, |i, j| all[j * p + i]);
        let mut out = vectors.clone();
        operator.apply_into(vectors.as_ref(), out.as_mut());
        println!("ready");
        for line in io::stdin().lock().lines() {
            if line?.trim() == "run" {
                let (begin, mut products) = (Instant::now(), 0);
                while begin.elapsed() < SHORTEST {
                    operator.apply_into(vectors.as_ref(), out.as_mut());
                    products += self.vectors;
                }
                println!("{}", products as f64 / begin.elapsed().as_secs_f64());
            } else {
                let image: Vec<f64> = out.col(self.vectors - 1).iter().copied().collect();
                println!("{}", projections(&image, rounding));
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
