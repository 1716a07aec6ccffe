//! A whole study on a problem of one's own, `f(θ, x) = sin(θx)`: minimum, geometry, theories, SGD, verdict and page.

use logscape::{Problem, Samples, Stop};
use logscape_study::{Destination, Event, parse_for_own_problem, run_with, summary::summary};
use std::error::Error;
use std::path::Path;

const STUDY: &str = r#"name = "wave"
[sgd]
learning_rate = [0.1, 0.2]
batch_size = 1
[escape]
region = "dividing-surface"
replicas = 100
"#;

/// Inputs and targets.
struct Wave(Vec<[f64; 2]>);

impl Problem for Wave {
    fn dim(&self) -> usize {
        1
    }
    fn samples(&self) -> usize {
        self.0.len()
    }
    fn outputs(&self) -> usize {
        1
    }
    fn scratch_len(&self, _: usize) -> usize {
        0
    }
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        let each = |k: usize| {
            let [x, y] = self.0[samples.get(k)];
            (theta[0] * x).sin() - y
        };
        out.iter_mut().enumerate().for_each(|(k, e)| *e = each(k));
    }
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        let each = |k: usize| {
            let [x, _] = self.0[samples.get(k)];
            x * (theta[0] * x).cos() * v[0]
        };
        out.iter_mut().enumerate().for_each(|(k, slope)| *slope = each(k));
    }
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        let each = |k: usize| {
            let [x, _] = self.0[samples.get(k)];
            x * (theta[0] * x).cos() * u[k]
        };
        out[0] = (0..u.len()).map(each).sum();
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        let each = |k: usize| {
            let [x, y] = self.0[samples.get(k)];
            let (s, c) = (theta[0] * x).sin_cos();
            x * x * (c * c - (s - y) * s)
        };
        out[0] = v[0] * (0..samples.len()).map(each).sum::<f64>() / samples.len() as f64;
    }
}

/// Runs the study into a folder.
pub(crate) fn study_of_a_wave(place: &Path) -> Result<(), Box<dyn Error>> {
    let row = |k: i32| {
        let x = 0.03 * f64::from(k);
        [x, (3.0 * x).sin() + 0.15 * f64::from(k * k % 7 - 3)]
    };
    let wave = Wave((0..100).map(row).collect());
    let study = parse_for_own_problem("wave", STUDY, &[])?;
    let place = Destination::new(place.to_path_buf());
    let (record, place) = run_with(&wave, &[5.5], &study, &place, &Stop::new(), &|_: &Event| {})?;
    println!("{}page: {}", summary(&record.results), place.join("report.html").display());
    Ok(())
}

/// The folder is what the command line names, or `own-study`.
#[allow(dead_code, reason = "the tests call the function")]
fn main() -> Result<(), Box<dyn Error>> {
    study_of_a_wave(Path::new(&std::env::args().nth(1).unwrap_or("own-study".into())))
}
