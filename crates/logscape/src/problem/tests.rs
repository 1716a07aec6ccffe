//! Every method of every problem, checked against automatic differentiation and finite differences.

use num_dual::{Dual64, DualNum, HyperDual64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::network::tests::activate;
use crate::network::{Activation, Initialisation};

/// The loss of a problem, written a second time for any kind of number.
trait Reference {
    fn loss<D: DualNum<Primitive = f64>>(&self, theta: &[D]) -> D;
}

/// A reference from the data of scalar samples `(x, y)` and the model's formula.
struct Scalar<'a, F> {
    inputs: &'a [f64],
    targets: &'a [f64],
    formula: F,
}

/// A model's formula for any kind of number.
trait Formula {
    fn value<D: DualNum<Primitive = f64>>(&self, theta: &[D], x: &[f64]) -> D;
}

impl<F: Formula> Reference for Scalar<'_, F> {
    fn loss<D: DualNum<Primitive = f64>>(&self, theta: &[D]) -> D {
        let width = self.inputs.len() / self.targets.len();
        let errors = self.inputs.chunks(width).zip(self.targets).map(|(x, &y)| {
            let error = self.formula.value(theta, x) - y;
            error.clone() * error
        });
        errors.fold(D::from(0.0), |sum, square| sum + square) / (2.0 * self.targets.len() as f64)
    }
}

fn projection<D: DualNum<Primitive = f64>>(theta: &[D], x: &[f64]) -> D {
    theta.iter().zip(x).fold(D::from(0.0), |sum, (theta, &x)| sum + theta.clone() * x)
}

struct Linear;
impl Formula for Linear {
    fn value<D: DualNum<Primitive = f64>>(&self, theta: &[D], x: &[f64]) -> D {
        projection(theta, x)
    }
}

struct Squared;
impl Formula for Squared {
    fn value<D: DualNum<Primitive = f64>>(&self, theta: &[D], x: &[f64]) -> D {
        projection(theta, x).powi(2)
    }
}

struct Sine;
impl Formula for Sine {
    fn value<D: DualNum<Primitive = f64>>(&self, theta: &[D], x: &[f64]) -> D {
        let sine = (theta[0].clone() * x[0]).sin();
        if theta.len() == 2 { theta[1].clone() * sine } else { sine }
    }
}

/// A perceptron of any depth, unit by unit.
struct Perceptron<'a> {
    sizes: &'a [usize],
    activation: Activation,
    inputs: &'a [f64],
    targets: &'a [f64],
}

impl Reference for Perceptron<'_> {
    fn loss<D: DualNum<Primitive = f64>>(&self, theta: &[D]) -> D {
        let (first, last) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let mut loss = D::from(0.0);
        for (x, y) in self.inputs.chunks(first).zip(self.targets.chunks(last)) {
            let mut units: Vec<D> = x.iter().map(|&x| D::from(x)).collect();
            let mut rest = theta;
            for (depth, &size) in self.sizes.iter().enumerate().skip(1) {
                let (weights, after) = rest.split_at(size * units.len());
                let (biases, after) = after.split_at(size);
                rest = after;
                let sums = weights.chunks(units.len()).zip(biases).map(|(row, bias)| {
                    row.iter().zip(&units).fold(bias.clone(), |sum, (w, a)| sum + w.clone() * a.clone())
                });
                let hidden = depth + 1 < self.sizes.len();
                units = sums.map(|z| if hidden { activate(self.activation, z) } else { z }).collect();
            }
            assert!(rest.is_empty());
            for (unit, &y) in units.into_iter().zip(y) {
                loss += (unit - y).powi(2);
            }
        }
        loss / (2.0 * (self.inputs.len() / first) as f64)
    }
}

/// `x = (i, j)` as reals.
struct Factors {
    rows: usize,
    rank: usize,
}
impl Formula for Factors {
    fn value<D: DualNum<Primitive = f64>>(&self, theta: &[D], x: &[f64]) -> D {
        let (u, v) = theta.split_at(self.rows * self.rank);
        (0..self.rank).fold(D::from(0.0), |sum, r| {
            sum + u[x[0] as usize * self.rank + r].clone() * v[x[1] as usize * self.rank + r].clone()
        })
    }
}

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `|a − b| ≤ tolerance × (1 + the larger one)` for every entry.
#[track_caller]
fn assert_close(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        let bound = tolerance * (1.0 + a.abs().max(b.abs()));
        assert!((a - b).abs() <= bound, "{what}, entry {k}: {a} against {b}");
    }
}

/// Sums of some hundred terms of order one, differently ordered, agree to some hundred roundings.
const ROUNDING: f64 = 1e-12;
/// Best step of a central difference, `ε^{1/3}`.
const STEP: f64 = 6e-6;
/// Error of a central difference, `h² f'''/6 + ε f/h ≈ 4·10⁻¹¹` times derivatives, of which we allow some hundred.
const DIFFERENCE: f64 = 1e-8;

/// Calls a method of a problem with scratch full of NaN, as its content must not matter, and returns its output.
fn output(problem: &dyn Problem, m: usize, len: usize, call: impl FnOnce(&mut [f64], &mut [f64])) -> Vec<f64> {
    let mut scratch = vec![f64::NAN; problem.scratch_len(m)];
    let mut out = vec![f64::NAN; len];
    call(&mut out, &mut scratch);
    out
}

fn gradient(problem: &dyn Problem, theta: &[f64], samples: &Samples) -> (f64, Vec<f64>) {
    let mut loss = f64::NAN;
    let gradient = output(problem, samples.len(), problem.dim(), |out, scratch| {
        loss = problem.batch_gradient_into(theta, samples.clone(), out, scratch);
    });
    (loss, gradient)
}

fn residuals(problem: &dyn Problem, theta: &[f64], samples: &Samples) -> Vec<f64> {
    let m = samples.len();
    output(problem, m, m * problem.outputs(), |out, s| problem.residuals_into(theta, samples.clone(), out, s))
}

fn hvp(problem: &dyn Problem, theta: &[f64], v: &[f64], samples: &Samples) -> Vec<f64> {
    output(problem, samples.len(), problem.dim(), |out, s| problem.hvp_into(theta, v, samples.clone(), out, s))
}

fn jvp(problem: &dyn Problem, theta: &[f64], v: &[f64], samples: &Samples) -> Vec<f64> {
    let m = samples.len();
    output(problem, m, m * problem.outputs(), |out, s| problem.jvp_into(theta, v, samples.clone(), out, s))
}

fn vjp(problem: &dyn Problem, theta: &[f64], u: &[f64], samples: &Samples) -> Vec<f64> {
    output(problem, samples.len(), problem.dim(), |out, s| problem.vjp_into(theta, u, samples.clone(), out, s))
}

fn gauss_newton(problem: &dyn Problem, theta: &[f64], v: &[f64], samples: &Samples) -> Vec<f64> {
    output(problem, samples.len(), problem.dim(), |out, s| {
        problem.gauss_newton_vp_into(theta, v, samples.clone(), out, s);
    })
}

fn per_sample(problem: &dyn Problem, theta: &[f64], samples: &Samples) -> Vec<f64> {
    let m = samples.len();
    output(problem, m, m * problem.dim(), |out, s| problem.per_sample_gradients_into(theta, samples.clone(), out, s))
}

fn moved(theta: &[f64], step: f64, v: &[f64]) -> Vec<f64> {
    theta.iter().zip(v).map(|(theta, v)| theta + step * v).collect()
}

/// All checks that hold for every problem.
fn check(problem: &dyn Problem, theta: &[f64], reference: &impl Reference) {
    let n = problem.samples();
    let all = Samples::Range(0..n);
    check_derivatives(problem, theta, reference, &all);
    check_products(problem, theta, &all);

    // A range and its indices agree, and a batch with a repetition averages its single samples.
    let indices: Vec<u32> = (1..n as u32).collect();
    let (range, picked) = (Samples::Range(1..n), Samples::Indices(&indices));
    let v = normals(problem.dim(), 11);
    assert_close("residuals", &residuals(problem, theta, &range), &residuals(problem, theta, &picked), ROUNDING);
    let (range_loss, range_gradient) = gradient(problem, theta, &range);
    let (picked_loss, picked_gradient) = gradient(problem, theta, &picked);
    assert_close("loss", &[range_loss], &[picked_loss], ROUNDING);
    assert_close("gradient", &range_gradient, &picked_gradient, ROUNDING);
    assert_close("hvp", &hvp(problem, theta, &v, &range), &hvp(problem, theta, &v, &picked), ROUNDING);

    let batch = [2, 0, 2];
    let single = |k: u32| gradient(problem, theta, &Samples::Range(k as usize..k as usize + 1)).1;
    let (twice, once) = (single(2), single(0));
    let mean: Vec<f64> = twice.iter().zip(&once).map(|(twice, once)| (2.0 * twice + once) / 3.0).collect();
    assert_close("batch", &gradient(problem, theta, &Samples::Indices(&batch)).1, &mean, ROUNDING);
    let rows = [twice.clone(), once, twice].concat();
    assert_close("per sample", &per_sample(problem, theta, &Samples::Indices(&batch)), &rows, ROUNDING);
}

/// Loss, gradient and Hessian product of the full loss against dual numbers and central differences.
fn check_derivatives(problem: &dyn Problem, theta: &[f64], reference: &impl Reference, all: &Samples) {
    let p = problem.dim();
    let (loss, slope) = gradient(problem, theta, all);
    assert_close("loss", &[loss], &[reference.loss(theta)], ROUNDING);
    let errors = residuals(problem, theta, all);
    assert_close("residuals", &[inner(&errors, &errors) / (2.0 * problem.samples() as f64)], &[loss], ROUNDING);

    let dual: Vec<f64> = (0..p)
        .map(|i| {
            let theta: Vec<_> =
                theta.iter().enumerate().map(|(j, &t)| Dual64::new(t, f64::from(u8::from(i == j)))).collect();
            reference.loss(&theta).eps
        })
        .collect();
    assert_close("gradient and dual numbers", &slope, &dual, ROUNDING);

    let v = normals(p, 12);
    let product = hvp(problem, theta, &v, all);
    let hyper: Vec<f64> = (0..p)
        .map(|i| {
            let theta: Vec<_> =
                (0..p).map(|j| HyperDual64::new(theta[j], v[j], f64::from(u8::from(i == j)), 0.0)).collect();
            reference.loss(&theta).eps1eps2
        })
        .collect();
    assert_close("Hessian product and hyper-dual numbers", &product, &hyper, 10.0 * ROUNDING);

    let (ahead, behind) = (moved(theta, STEP, &v), moved(theta, -STEP, &v));
    let ((loss_ahead, slope_ahead), (loss_behind, slope_behind)) =
        (gradient(problem, &ahead, all), gradient(problem, &behind, all));
    let difference = (loss_ahead - loss_behind) / (2.0 * STEP);
    let scale = 1.0 + inner(&v, &v);
    assert_close("gradient and difference", &[inner(&slope, &v)], &[difference], scale * DIFFERENCE);
    let difference: Vec<f64> = slope_ahead.iter().zip(&slope_behind).map(|(a, b)| (a - b) / (2.0 * STEP)).collect();
    assert_close("Hessian product and difference", &product, &difference, scale * DIFFERENCE);
}

/// The Jacobian's products against each other and against residuals.
fn check_products(problem: &dyn Problem, theta: &[f64], all: &Samples) {
    let (n, c) = (problem.samples(), problem.outputs());
    let (v, u) = (normals(problem.dim(), 13), normals(n * c, 14));
    let forward = jvp(problem, theta, &v, all);
    let (ahead, behind) =
        (residuals(problem, &moved(theta, STEP, &v), all), residuals(problem, &moved(theta, -STEP, &v), all));
    let difference: Vec<f64> = ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * STEP)).collect();
    assert_close("Jv and difference", &forward, &difference, (1.0 + inner(&v, &v)) * DIFFERENCE);

    let backward = vjp(problem, theta, &u, all);
    assert_close("u·Jv = v·Jᵀu", &[inner(&u, &forward)], &[inner(&v, &backward)], 10.0 * ROUNDING);

    let scaled: Vec<f64> = forward.iter().map(|j| j / n as f64).collect();
    let product = gauss_newton(problem, theta, &v, all);
    assert_close("JᵀJv/m", &product, &vjp(problem, theta, &scaled, all), ROUNDING);

    let rows = per_sample(problem, theta, all);
    let mut mean = vec![0.0; problem.dim()];
    for row in rows.chunks(problem.dim()) {
        mean.iter_mut().zip(row).for_each(|(mean, g)| *mean += g / n as f64);
    }
    assert_close("mean of per-sample gradients", &mean, &gradient(problem, theta, all).1, ROUNDING);
}

#[test]
fn linear_regression_derivatives() {
    let (inputs, targets) = (normals(28, 1), normals(7, 2));
    let problem = LinearRegression::new(inputs.clone(), targets.clone(), 4).unwrap();
    check(&problem, &normals(4, 3), &Scalar { inputs: &inputs, targets: &targets, formula: Linear });
}

#[test]
fn phase_retrieval_derivatives() {
    let (inputs, targets) = (normals(28, 1), normals(7, 2));
    let problem = PhaseRetrieval::new(inputs.clone(), targets.clone(), 4).unwrap();
    check(&problem, &normals(4, 3), &Scalar { inputs: &inputs, targets: &targets, formula: Squared });
}

#[test]
fn sinusoid_derivatives() {
    let (inputs, targets) = (normals(9, 1), normals(9, 2));
    for amplitude in [false, true] {
        let problem = Sinusoid::new(inputs.clone(), targets.clone(), amplitude).unwrap();
        let theta = &[2.3, 0.7][..problem.dim()];
        check(&problem, theta, &Scalar { inputs: &inputs, targets: &targets, formula: Sine });
    }
}

#[test]
fn matrix_factorisation_derivatives() {
    let places = [(0, 0), (0, 3), (1, 1), (1, 2), (2, 0), (2, 3), (1, 3)];
    let targets = normals(places.len(), 2);
    let entries: Vec<_> = places.iter().zip(&targets).map(|(&(i, j), &y)| (i, j, y)).collect();
    let inputs: Vec<f64> = places.iter().flat_map(|&(i, j)| [i as f64, j as f64]).collect();
    let problem = MatrixFactorisation::new(3, 4, 2, &entries).unwrap();
    let formula = Factors { rows: 3, rank: 2 };
    check(&problem, &normals(14, 3), &Scalar { inputs: &inputs, targets: &targets, formula });
}

struct Parabolas<'a>(f64, &'a [f64]);

impl Reference for Parabolas<'_> {
    fn loss<D: DualNum<Primitive = f64>>(&self, theta: &[D]) -> D {
        let squares = theta.iter().zip(self.1).map(|(x, &h)| x.clone() * x * (0.5 * h));
        squares.fold(D::from(self.0), |sum, square| sum + square)
    }
}

#[test]
fn quadratic_basin_derivatives() {
    let curvatures = [2.0, 0.3, 0.0, 1.0];
    let basin = QuadraticBasin::new(0.7, curvatures.to_vec()).unwrap();
    let (theta, all) = (normals(4, 5), Samples::Range(0..1));
    check_derivatives(&basin, &theta, &Parabolas(0.7, &curvatures), &all);
    check_products(&basin, &theta, &all);
    assert!(QuadraticBasin::new(-0.1, vec![1.0]).is_err() && QuadraticBasin::new(0.1, vec![-1.0]).is_err());
    assert!(QuadraticBasin::new(0.1, Vec::new()).is_err());
}

#[test]
fn perceptron_derivatives() {
    for activation in Activation::ALL {
        for sizes in [&[3, 5, 4, 2][..], &[3, 4, 1], &[3, 2]] {
            let (inputs, targets) = (normals(18, 1), normals(6 * sizes[sizes.len() - 1], 2));
            let problem = Mlp::new(sizes, activation, inputs.clone(), targets.clone()).unwrap();
            // Biases away from zero too, so that every parameter matters.
            let theta: Vec<f64> = normals(problem.dim(), 3).iter().map(|z| 0.6 * z).collect();
            check(&problem, &theta, &Perceptron { sizes, activation, inputs: &inputs, targets: &targets });
        }
    }
}

#[test]
fn perceptron_initial_weights_have_the_laws_deviation() {
    let problem = Mlp::new(&[50, 200, 1], Activation::Tanh, vec![0.0; 50], vec![0.0]).unwrap();
    for (law, variance) in
        [(Initialisation::Glorot, 2.0 / 250.0), (Initialisation::Lecun, 1.0 / 50.0), (Initialisation::He, 2.0 / 50.0)]
    {
        let theta = problem.init(law, &mut ChaCha8Rng::seed_from_u64(5));
        assert_eq!(theta.len(), 50 * 200 + 200 + 200 + 1);
        let weights = &theta[..10_000];
        // The mean square of 10⁴ normals has a relative deviation of √2 %, of which five are allowed.
        let ratio = inner(weights, weights) / (1e4 * variance);
        assert!((ratio - 1.0).abs() < 0.07, "{law:?}: {ratio}");
        assert!(theta[10_000..10_200].iter().all(|&bias| bias == 0.0));
    }
}

#[test]
fn perceptron_refuses_data_that_do_not_fit() {
    let refused = |sizes: &[usize], inputs: usize, targets: usize| {
        Mlp::new(sizes, Activation::Relu, vec![0.5; inputs], vec![0.5; targets]).unwrap_err()
    };
    assert_eq!(refused(&[2, 3, 2], 5, 4), ProblemError::Length { what: "inputs", found: 5, expected: 4 });
    assert_eq!(refused(&[2, 3, 2], 4, 5), ProblemError::Length { what: "targets", found: 5, expected: 4 });
    assert_eq!(refused(&[2], 4, 4), ProblemError::Empty { what: "layers" });
    assert_eq!(refused(&[2, 0, 1], 4, 2), ProblemError::Empty { what: "units of each layer" });
    assert_eq!(refused(&[2, 1], 0, 0), ProblemError::Empty { what: "inputs" });
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let refused = |inputs: &[f64], targets: &[f64], dim| {
        let phase = PhaseRetrieval::new(inputs.to_vec(), targets.to_vec(), dim).unwrap_err();
        assert_eq!(LinearRegression::new(inputs.to_vec(), targets.to_vec(), dim).unwrap_err(), phase);
        phase
    };
    assert_eq!(refused(&[1.0; 5], &[1.0; 3], 2), ProblemError::Length { what: "inputs", found: 5, expected: 6 });
    assert_eq!(refused(&[], &[], 2), ProblemError::Empty { what: "targets" });
    assert_eq!(refused(&[], &[1.0], 0), ProblemError::Empty { what: "input dimensions" });
    let infinite = ProblemError::NotFinite { what: "inputs", index: 1, value: f64::INFINITY };
    assert_eq!(refused(&[1.0, f64::INFINITY], &[1.0, 2.0], 1), infinite);
    assert!(matches!(
        Sinusoid::new(vec![1.0], vec![f64::NAN], false),
        Err(ProblemError::NotFinite { what: "targets", index: 0, .. })
    ));
    assert_eq!(
        MatrixFactorisation::new(2, 3, 1, &[(0, 2, 1.0), (0, 3, 1.0)]).unwrap_err(),
        ProblemError::OutsideMatrix { index: 1, row: 0, column: 3, rows: 2, columns: 3 }
    );
}

#[test]
fn names_are_unique_and_found() {
    let names: std::collections::BTreeSet<_> = all().iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), all().len());
    for kind in all() {
        assert_eq!(by_name(kind.name).map(|found| found.equation), Some(kind.equation));
        let options: std::collections::BTreeSet<_> = kind.options.iter().map(|option| option.name).collect();
        assert_eq!(options.len(), kind.options.len());
    }
    assert!(by_name("sinusiod").is_none());
}

/// A problem is visited with its own type, in a box too; one that nobody knows in general.
#[test]
fn a_visitor_gets_what_the_problem_offers() {
    struct Name;
    impl<'a> Visitor<'a> for Name {
        type Output = (&'static str, &'static str);
        fn general<P: Problem + ?Sized>(self, _: &'a P) -> Self::Output {
            ("general", std::any::type_name::<P>())
        }
        fn lanes<M: LaneModel + LaneSamples>(self, _: &'a M) -> Self::Output {
            ("lanes", std::any::type_name::<M>())
        }
        fn sums<M: RowModel + SumModel>(self, _: &'a M) -> Self::Output {
            ("sums", std::any::type_name::<M>())
        }
    }
    let offers = |problem: Box<dyn Problem>, method: &str, name: &str| {
        let (found, of) = visit(&problem, Name);
        assert!(found == method && of.ends_with(name), "{found} {of}");
        assert_eq!(visit(&*problem, Name), (found, of));
    };
    offers(Box::new(LinearRegression::new(vec![1.0], vec![1.0], 1).unwrap()), "sums", "::LinearRegression");
    offers(Box::new(Sinusoid::new(vec![1.0], vec![1.0], false).unwrap()), "lanes", "::Sinusoid");
    let entries = [(0, 0, 1.0)];
    offers(Box::new(MatrixFactorisation::new(1, 1, 1, &entries).unwrap()), "general", "::MatrixFactorisation");
    let mlp = Mlp::new(&[1, 1], Activation::Tanh, vec![1.0], vec![1.0]).unwrap();
    offers(Box::new(mlp), "general", "::Mlp");
    let basin: Box<dyn Problem> = Box::new(QuadraticBasin::new(0.1, vec![1.0]).unwrap());
    assert_eq!(visit(&*basin, Name).0, "general");
}

/// The quadratic form of a line is its loss, also far from the minimum and with a large constant in the targets; where the
/// inputs nearly depend on each other, or a pass over the data is cheaper, there is none.
#[test]
fn the_loss_of_a_line_is_a_quadratic_form() {
    let wave = |count: usize, step: f64| (0..count).map(|i| (1.0 + step * (i * i) as f64).sin()).collect::<Vec<f64>>();
    for (dim, offset) in [(1, 0.0), (2, 1e4), (7, -3.0)] {
        let (inputs, mut targets) = (wave(40 * dim, 0.7), wave(40, 1.9));
        targets.iter_mut().for_each(|y| *y += offset);
        let line = LinearRegression::new(inputs, targets, dim).unwrap();
        let form = Problem::quadratic_loss(&line).expect("a form");
        for scale in [0.0, 1.0, 1e5] {
            let theta: Vec<f64> = wave(dim, 2.3).into_iter().map(|x| scale * x).collect();
            let (want, slope) = crate::operator::full::loss_and_gradient(&line, &theta);
            let mut gradient = vec![f64::NAN; dim];
            assert!((form.loss(&theta) / want - 1.0).abs() < 1e-12);
            assert!((form.loss_and_gradient(&theta, &mut gradient) / want - 1.0).abs() < 1e-12);
            let size = slope.iter().fold(0.0_f64, |size, g| size.max(g.abs()));
            assert!(gradient.iter().zip(&slope).all(|(a, b)| (a - b).abs() < 1e-11 * size), "{gradient:?} {slope:?}");
        }
    }
    let first = wave(40, 0.7);
    let nearly = first.iter().zip(wave(40, 1.1)).flat_map(|(&x, y)| [x, x + 1e-4 * y]).collect();
    for line in
        [LinearRegression::new(nearly, wave(40, 1.9), 2), LinearRegression::new(wave(80, 0.7), wave(8, 1.9), 10)]
    {
        assert!(Problem::quadratic_loss(&line.unwrap()).is_none());
    }
}
