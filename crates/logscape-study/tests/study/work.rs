//! What the searches and measurements of the shipped studies cost, in passes over the data.

use logscape::problem::QuadraticLoss;
use logscape::{Problem, Samples, Stop};
use logscape_study::{Destination, Event, parse, problem_of, run_with};
use std::any::Any;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A problem whose calls are counted, each by its samples. Engines that know the problem's type do not go through it.
struct Counted<'a> {
    inner: &'a dyn Problem,
    gradients: AtomicU64,
    products: AtomicU64,
}

impl Counted<'_> {
    fn passes(&self) -> [f64; 2] {
        [&self.gradients, &self.products]
            .map(|count| count.load(Ordering::Relaxed) as f64 / self.inner.samples() as f64)
    }

    fn gradient(&self, samples: &Samples) {
        self.gradients.fetch_add(samples.len() as u64, Ordering::Relaxed);
    }

    fn product(&self, samples: &Samples, vectors: usize) {
        self.products.fetch_add((samples.len() * vectors) as u64, Ordering::Relaxed);
    }
}

impl Problem for Counted<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn samples(&self) -> usize {
        self.inner.samples()
    }
    fn outputs(&self) -> usize {
        self.inner.outputs()
    }
    fn scratch_len(&self, m: usize) -> usize {
        self.inner.scratch_len(m)
    }
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.residuals_into(theta, samples, out, scratch);
    }
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.jvp_into(theta, v, samples, out, scratch);
    }
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.vjp_into(theta, u, samples, out, scratch);
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.product(&samples, 1);
        self.inner.hvp_into(theta, v, samples, out, scratch);
    }
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        self.gradient(&samples);
        self.inner.batch_gradient_into(theta, samples, out, scratch)
    }
    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.gradient(&samples);
        self.inner.per_sample_gradients_into(theta, samples, out, scratch);
    }
    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.product(&samples, 1);
        self.inner.gauss_newton_vp_into(theta, v, samples, out, scratch);
    }
    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.product(&samples, vectors.len() / self.dim());
        self.inner.hvp_block_into(theta, vectors, samples, out, scratch);
    }
    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.product(&samples, 1);
        self.inner.sample_curvatures_into(theta, v, samples, out, scratch);
    }
    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.product(&samples, vectors.len() / self.dim());
        self.inner.sample_hessians_into(theta, vectors, samples, out, scratch);
    }
    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.gradient(&samples);
        self.inner.gradient_squares_into(theta, samples, out, scratch);
    }
    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.gradient(&samples);
        self.inner.jacobian_grams_into(theta, samples, out, scratch);
    }
    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        self.inner.quadratic_loss()
    }
    fn least_squares_step(&self, theta: &[f64]) -> Option<Vec<f64>> {
        self.gradient(&Samples::Range(0..self.samples()));
        self.inner.least_squares_step(theta)
    }
    fn as_any(&self) -> Option<&dyn Any> {
        self.inner.as_any()
    }
}

/// A shipped study (but for `teacher-student`, whose saddles take minutes), what makes its ensembles short, and the passes over the data for gradients and for Hessian products.
struct Shipped {
    name: &'static str,
    short: &'static [&'static str],
    passes: [f64; 2],
}

const STUDIES: [Shipped; 5] = [
    Shipped {
        name: "digits",
        short: &[
            "sgd.learning_rate=0.02",
            "escape.replicas=2",
            "escape.max_steps=20",
            "stationary.replicas=16",
            "stationary.burn_in=0",
            "stationary.steps=10",
            "stationary.thin=10",
        ],
        passes: [2239.0, 5026.0],
    },
    Shipped {
        name: "linear",
        short: &["escape.replicas=2", "escape.max_steps=20", "stationary.replicas=16", "stationary.steps=100"],
        passes: [91.0, 14.0],
    },
    Shipped { name: "phase-retrieval", short: &["escape.replicas=2", "escape.max_steps=20"], passes: [104.0, 33.0] },
    Shipped { name: "sinusoid", short: &["escape.replicas=2", "escape.max_steps=20"], passes: [9583.0, 2012.0] },
    Shipped {
        name: "sinusoid-deep",
        short: &["escape.method=\"direct\"", "escape.replicas=2", "escape.max_steps=20"],
        passes: [9936.0, 2012.0],
    },
];

/// Counts are the same on every machine with the same arithmetic; where the last bits of a network's matrix products differ, a
/// search may take a few steps more or fewer. Much more is a change to look at, and then to state here.
#[test]
fn searches_and_measurements_of_the_shipped_studies_cost_what_they_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut off = Vec::new();
    for Shipped { name, short, passes } in STUDIES {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../studies/{name}.toml"));
        let overrides: Vec<String> = short.iter().map(ToString::to_string).collect();
        let study = parse(name, &fs::read_to_string(file).expect("a study"), &overrides).expect("a study");
        let (problem, start) = problem_of(&study, Path::new(".")).expect("a problem");
        let counted = Counted { inner: &*problem, gradients: AtomicU64::new(0), products: AtomicU64::new(0) };
        let place = Destination::new(folder.path().join(name));
        run_with(&counted, &start, &study, &place, &Stop::new(), &|_: &Event| {}).expect("a record");
        let found = counted.passes();
        if found.iter().zip(passes).any(|(found, want)| (found - want).abs() > 0.1 * want + 2.0) {
            off.push(format!("{name}: {passes:?} gradients and products, now {found:.1?}"));
        }
    }
    assert!(off.is_empty(), "passes over the data:\n{}", off.join("\n"));
}
