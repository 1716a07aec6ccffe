//! Every problem passes, what is provided agrees with what is overridden, and each fault is found.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::network::Initialisation;
use crate::problem::{GivenOptions, QuadraticBasin, StartConfig, all};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    StandardNormal.sample_iter(stream(seed, Purpose::Check, 1)).take(count).collect()
}

/// Every registered problem on its example, once with the options that it needs and once with all, and a basin.
fn problems() -> Vec<(String, Box<dyn Problem>)> {
    let config = StartConfig { initialisation: Initialisation::Lecun, seed: 1 };
    let mut problems: Vec<(String, Box<dyn Problem>)> = Vec::new();
    for kind in all() {
        for every in [false, true] {
            let mut given = kind.needed();
            for option in kind.options.iter().filter(|option| every && !option.required) {
                given.insert(option.name.to_owned(), serde_json::from_str(option.example).expect("a value"));
            }
            let data = kind.example().generate(3).expect("data").data;
            let built = kind.build(data, &given, &config).expect("a problem");
            assert_eq!(built.start.len(), built.problem.dim(), "{}", kind.name);
            assert!(built.problem.as_any().is_some(), "{} runs in the general layout alone", kind.name);
            problems.push((format!("{} {given:?}", kind.name), built.problem));
        }
    }
    problems.push(("basin".to_owned(), Box::new(QuadraticBasin::new(0.4, vec![2.0, 0.5, 0.0]).expect("a basin"))));
    problems
}

#[test]
fn every_registered_problem_conforms() {
    for (name, problem) in problems() {
        for seed in 0..4 {
            let report = check(&*problem, &normals(problem.dim(), seed), seed);
            assert!(report.is_ok(), "{name}:\n{report}");
            // Twice the methods for bits, twice those of samples, and twenty others.
            assert_eq!(report.findings.len(), 4 * ALL.len() - 2 + 20, "{name}");
        }
    }
}

/// What is wrong with a [`Faulty`] problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// A product that is a millionth too large.
    Large(&'static str),
    /// A loss that is a millionth too large.
    Loss,
    /// A Hessian with an antisymmetric part.
    Asymmetric,
    /// Numbers that change from call to call.
    Restless,
    /// What is in scratch enters.
    Scratch,
    /// What is in the output enters.
    Output,
    /// The first sample of a batch counts more.
    Order,
}

/// A problem of its required methods only, so that the others are the provided ones, with a fault.
struct Faulty {
    inner: Box<dyn Problem>,
    fault: Fault,
    calls: AtomicU64,
}

impl Faulty {
    fn new(inner: Box<dyn Problem>, fault: Fault) -> Self {
        Self { inner, fault, calls: AtomicU64::new(0) }
    }

    fn spoil(&self, method: &'static str, out: &mut [f64]) {
        if self.fault == Fault::Large(method) {
            out.iter_mut().for_each(|x| *x *= 1.0 + 1e-6);
        }
    }
}

impl Problem for Faulty {
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
        self.inner.scratch_len(m) + 1
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let dirt = scratch[0];
        let before = out[0];
        self.inner.residuals_into(theta, samples.clone(), out, scratch);
        self.spoil("residuals_into", out);
        match self.fault {
            Fault::Restless => out[0] += 1e-13 * self.calls.fetch_add(1, Ordering::Relaxed) as f64,
            Fault::Scratch => out[0] += 1e-13 * dirt,
            Fault::Output => out[0] += 1e-13 * before,
            Fault::Order if samples.len() > 1 => out[0] *= 1.0 + 1e-6,
            _ => {}
        }
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.jvp_into(theta, v, samples, out, scratch);
        self.spoil("jvp_into", out);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.vjp_into(theta, u, samples, out, scratch);
        self.spoil("vjp_into", out);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.hvp_into(theta, v, samples, out, scratch);
        self.spoil("hvp_into", out);
        if self.fault == Fault::Asymmetric {
            out[0] += 1e-6 * v[1];
            out[1] -= 1e-6 * v[0];
        }
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        let loss = self.inner.batch_gradient_into(theta, samples, out, scratch);
        self.spoil("batch_gradient_into", out);
        if self.fault == Fault::Loss { loss * (1.0 + 1e-6) } else { loss }
    }
}

/// Every optional method with a fault of its own.
struct Override(Box<dyn Problem>, &'static str);

impl Override {
    fn spoil(&self, method: &'static str, out: &mut [f64]) {
        if self.1 == method {
            out.iter_mut().for_each(|x| *x *= 1.0 + 1e-6);
        }
    }
}

impl Problem for Override {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn samples(&self) -> usize {
        self.0.samples()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn scratch_len(&self, m: usize) -> usize {
        self.0.scratch_len(m)
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.residuals_into(theta, samples, out, scratch);
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.jvp_into(theta, v, samples, out, scratch);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.vjp_into(theta, u, samples, out, scratch);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.hvp_into(theta, v, samples, out, scratch);
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.per_sample_gradients_into(theta, samples, out, scratch);
        self.spoil("per_sample_gradients_into", out);
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.gauss_newton_vp_into(theta, v, samples, out, scratch);
        self.spoil("gauss_newton_vp_into", out);
    }

    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.hvp_block_into(theta, vectors, samples, out, scratch);
        self.spoil("hvp_block_into", out);
    }

    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.sample_curvatures_into(theta, v, samples, out, scratch);
        self.spoil("sample_curvatures_into", out);
    }

    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.0.sample_hessians_into(theta, vectors, samples, out, scratch);
        self.spoil("sample_hessians_into", out);
    }

    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.gradient_squares_into(theta, samples, out, scratch);
        self.spoil("gradient_squares_into", out);
    }

    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.jacobian_grams_into(theta, samples, out, scratch);
        self.spoil("jacobian_grams_into", out);
    }

    fn jacobian_moments_into(
        &self,
        theta: &[f64],
        samples: Samples,
        [squares, fourths]: [&mut [f64]; 2],
        scratch: &mut [f64],
    ) {
        self.0.jacobian_moments_into(theta, samples, [&mut *squares, fourths], scratch);
        self.spoil("jacobian_moments_into", squares);
    }

    fn batch_gradients_into(
        &self,
        thetas: &[f64],
        batches: &[u32],
        out: &mut [f64],
        losses: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.0.batch_gradients_into(thetas, batches, out, losses, scratch);
        self.spoil("batch_gradients_into", out);
    }

    fn sgd_steps(
        &self,
        thetas: &mut [f64],
        batches: &[u32],
        steps: usize,
        learning_rate: f64,
        scratch: &mut [f64],
    ) -> f64 {
        let bound = self.0.sgd_steps(thetas, batches, steps, learning_rate, scratch);
        self.spoil("sgd_steps", thetas);
        if self.1 == "bound" { bound * (1.0 - 1e-6) } else { bound }
    }
}

fn network() -> Box<dyn Problem> {
    let config = StartConfig { initialisation: Initialisation::Lecun, seed: 1 };
    let kind = crate::problem::by_name("mlp").expect("a kind");
    let options = GivenOptions::from_iter([("hidden".to_owned(), serde_json::json!([5]))]);
    let data = kind.example().generate(3).expect("data").data;
    kind.build(data, &options, &config).expect("a problem").problem
}

/// Which properties fail, with their methods.
fn failures(problem: &dyn Problem) -> Vec<(&'static str, &'static str)> {
    let report = check(problem, &normals(problem.dim(), 5), 6);
    report.failures().map(|failure| (failure.method, failure.property)).collect()
}

#[test]
fn each_fault_is_found_where_it_is() {
    for (fault, method, property) in [
        (Fault::Large("jvp_into"), "jvp_into", "derivative"),
        (Fault::Large("hvp_into"), "hvp_into", "derivative"),
        (Fault::Large("vjp_into"), "vjp_into", "adjoint"),
        (Fault::Large("batch_gradient_into"), "batch_gradient_into", "derivative"),
        (Fault::Large("batch_gradient_into"), "batch_gradient_into", "definition"),
        (Fault::Loss, "batch_gradient_into", "derivative"),
        (Fault::Loss, "batch_gradient_into", "definition"),
        (Fault::Large("residuals_into"), "jvp_into", "derivative"),
        (Fault::Asymmetric, "hvp_into", "symmetric"),
        (Fault::Restless, "residuals_into", "repeatable"),
        (Fault::Scratch, "residuals_into", "scratch"),
        (Fault::Output, "residuals_into", "scratch"),
        (Fault::Order, "residuals_into", "samples"),
    ] {
        let found = failures(&Faulty::new(network(), fault));
        assert!(found.contains(&(method, property)), "{fault:?}: {found:?}");
    }
    assert_eq!(failures(&Faulty::new(network(), Fault::None)), []);
}

#[test]
fn a_fault_in_an_overridden_method_is_found_there_alone() {
    for method in [
        "per_sample_gradients_into",
        "gauss_newton_vp_into",
        "hvp_block_into",
        "sample_curvatures_into",
        "sample_hessians_into",
        "gradient_squares_into",
        "jacobian_grams_into",
        "jacobian_moments_into",
        "batch_gradients_into",
        "sgd_steps",
    ] {
        let found: Vec<_> = failures(&Override(network(), method));
        assert!(found.contains(&(method, "definition")), "{method}: {found:?}");
        // Squares of gradients are provided from gradients of the problem itself.
        assert!(found.iter().all(|(other, _)| *other == method), "{method}: {found:?}");
    }
    assert_eq!(failures(&Override(network(), "")), []);
    assert_eq!(failures(&Override(network(), "bound")), [("sgd_steps", "bound")]);
    let large = Finding { method: "a", property: "b", error: f64::NAN, tolerance: 1.0 };
    assert!(!large.holds() && large.to_string().contains("NaN"));
}

/// Only the required methods, of every problem, give what its overridden ones give.
#[test]
fn provided_methods_are_the_overridden_ones() {
    struct Required(Box<dyn Problem>);
    impl Problem for Required {
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn samples(&self) -> usize {
            self.0.samples()
        }
        fn outputs(&self) -> usize {
            self.0.outputs()
        }
        fn scratch_len(&self, m: usize) -> usize {
            self.0.scratch_len(m)
        }
        fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.0.residuals_into(theta, samples, out, scratch);
        }
        fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.0.jvp_into(theta, v, samples, out, scratch);
        }
        fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.0.vjp_into(theta, u, samples, out, scratch);
        }
        fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.0.hvp_into(theta, v, samples, out, scratch);
        }
    }
    for ((name, overridden), (_, inner)) in problems().into_iter().zip(problems()) {
        let required = Required(inner);
        let theta = normals(required.dim(), 7);
        assert!(check(&required, &theta, 8).is_ok(), "{name}");
        let (v, u) = (normals(theta.len(), 9), normals(required.samples() * required.outputs(), 10));
        let batch: Vec<u32> = (0..required.samples().min(20) as u32).rev().chain([0]).collect();
        let case = Case { problem: &required, theta: &theta, v: &v, u: &u, samples: Samples::Indices(&batch) };
        for method in &ALL {
            let (provided, fast) =
                (method.output(&case), method.output(&Case { problem: &*overridden, ..case.clone() }));
            let scale = 1.0 + norm(&fast);
            assert!(distance(&provided, &fast) <= 100.0 * ROUNDING * scale, "{name}: {}", method.name);
        }
    }
}

/// A problem in a box is called as the problem itself, method by method.
#[test]
fn a_box_changes_no_bit() {
    for (name, problem) in problems() {
        let (theta, v) = (normals(problem.dim(), 7), normals(problem.dim(), 9));
        let u = normals(problem.samples() * problem.outputs(), 10);
        let samples = Samples::Range(0..problem.samples().min(9));
        let case = Case { problem: &*problem, theta: &theta, v: &v, u: &u, samples };
        for method in &ALL {
            let boxed = method.output(&Case { problem: &problem, ..case.clone() });
            assert_eq!(method.output(&case), boxed, "{name}: {}", method.name);
        }
    }
}
