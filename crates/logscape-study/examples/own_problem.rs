//! A whole study on a problem of one's own, `f(θ, x) = sin(θx)`: minimum, geometry, theories, SGD, verdict and page.

use logscape::{Problem, Samples, Stop};
use logscape_study::{Destination, Event, parse_for_own_problem, run_with, summary::summary};

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

/// Runs the study into the folder that the command line names, or `own-problem`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let row = |k: i32| {
        let x = 0.03 * f64::from(k);
        [x, (3.0 * x).sin() + 0.15 * f64::from(k * k % 7 - 3)]
    };
    let study = "name = \"wave\"\n[sgd]\nlearning_rate = [0.1, 0.2]\nbatch_size = 1\n[escape]\nregion = \"dividing-surface\"\nreplicas = 100";
    let study = parse_for_own_problem("wave", study, &[])?;
    let place = Destination::new(std::env::args().nth(1).unwrap_or("own-problem".into()).into());
    let (record, place) =
        run_with(&Wave((0..100).map(row).collect()), &[5.5], &study, &place, &Stop::new(), &|_: &Event| {})?;
    println!("{}page: {}", summary(&record.results), place.join("report.html").display());
    Ok(())
}
