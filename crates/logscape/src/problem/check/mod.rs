//! Whether a problem's methods are what [`Problem`] says, for any problem: yours too.
//!
//! | property | of which methods | tolerance |
//! |---|---|---|
//! | derivative | `jvp_into`, weighed by `weigh_outputs`, `hvp_into`, `batch_gradient_into` against central differences | of second order: see [`check`] |
//! | adjoint | `u · Jv = v · Jᵀu` | rounding |
//! | symmetric | `w · Hv = v · Hw` | rounding |
//! | definition | everything else against what it is in terms of residuals and products | rounding |
//! | samples | every method over a batch against its single samples, in any order, repetitions included | rounding |
//! | repeatable | every method twice | same bits |
//! | scratch | every method with other numbers in scratch and output before the call | same bits |

mod methods;
#[cfg(test)]
mod tests;

use std::fmt;

use rand_distr::{Distribution, StandardNormal};

use super::{Problem, Samples};
use crate::network::OutputLoss;
use crate::random::{Purpose, stream};
use methods::{
    ALL, BATCH_GRADIENT, BATCH_GRADIENTS, CURVATURES, Case, GAUSS_NEWTON, GRAMS, HESSIANS, HVP, HVP_BLOCK, JVP, LOSSES,
    MOMENTS, Method, PER_SAMPLE, RESIDUALS, SQUARES, STEPS, Shape, VJP, WEIGHTS, batches, learning_rate,
};

/// One property of one method, and how well it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The method.
    pub method: &'static str,
    /// The property, as in the table of the module.
    pub property: &'static str,
    /// Norm of the deviation; for bits that must be the same, how many numbers differ.
    pub error: f64,
    /// What it may be.
    pub tolerance: f64,
}

impl Finding {
    /// Whether the property holds; what is not a number does not.
    pub fn holds(&self) -> bool {
        self.error <= self.tolerance
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { method, property, error, tolerance } = self;
        write!(f, "{method}, {property}: off by {error:.1e}, where {tolerance:.1e} is allowed")
    }
}

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Every property that was looked at.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Properties that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.holds())
    }

    /// Whether all hold.
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }
}

/// The failures, one a line.
impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.failures().try_for_each(|failure| writeln!(f, "{failure}"))
    }
}

/// Samples of the data that are looked at, at most.
const SAMPLES: usize = 12;

/// What rounding may do, relative to the numbers that are added: some thousand operations.
const ROUNDING: f64 = 4096.0 * f64::EPSILON;

/// Checks `problem` at `theta` (`P`) along random directions, which `seed` draws, on its first samples.
///
/// A derivative is compared with the central difference `D(h)` of step `h ∝ ε^{1/3}`, whose error is `O(h²)`: of order
/// two, a third of `D(2h) − D(h)`, which is therefore allowed, and with it the rounding `ε/h` of what is subtracted. Take a
/// `theta` where loss and derivatives are smooth and no residual vanishes, such as random parameters: at a perfect fit
/// rounding is all that there is to compare.
///
/// # Panics
/// If `theta` has another length than `P`, or as the problem's own methods do.
pub fn check(problem: &dyn Problem, theta: &[f64], seed: u64) -> CheckReport {
    assert_eq!(theta.len(), problem.dim());
    let mut rng = stream(seed, Purpose::Check, 0);
    let mut normals = |count: usize| -> Vec<f64> { StandardNormal.sample_iter(&mut rng).take(count).collect() };
    // Both of the length of θ, so that a step is a share of it.
    let length = norm(theta).max(1.0);
    let mut direction = || {
        let v = normals(theta.len());
        let scale = length / norm(&v);
        v.iter().map(|x| scale * x).collect::<Vec<f64>>()
    };
    let (v, w) = (direction(), direction());
    let u = normals(problem.samples() * problem.outputs());
    let samples = Samples::Range(0..SAMPLES.min(problem.samples()));
    let case = Case { problem, theta, v: &v, u: &u, samples };
    let mut report = CheckReport { findings: Vec::new() };
    for method in &ALL {
        report.bits(method, &case);
        if method.shape != Shape::Whole {
            report.samples(method, &case);
        }
    }
    report.derivatives(&case);
    report.products(&case, &w);
    report.definitions(&case);
    report
}

impl CheckReport {
    fn add(&mut self, method: &Method, property: &'static str, error: f64, tolerance: f64) {
        self.findings.push(Finding { method: method.name, property, error, tolerance });
    }

    /// `found` against `wanted`, which are sums of numbers of the length `scale`.
    fn same(&mut self, method: &Method, property: &'static str, (found, wanted): (&[f64], &[f64]), scale: f64) {
        self.add(method, property, distance(found, wanted), ROUNDING * scale);
    }

    /// The same bits again, whatever is in scratch and output before.
    fn bits(&mut self, method: &Method, case: &Case) {
        let first = method.output(case);
        let differing = |other: &[f64]| first.iter().zip(other).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        self.add(method, "repeatable", differing(&method.output(case)) as f64, 0.0);
        let dirty = [f64::NAN, -1e30].map(|dirt| differing(&method.output_over(case, dirt)));
        self.add(method, "scratch", (dirty[0] + dirty[1]) as f64, 0.0);
    }

    /// A batch with a repetition, and a range, against single samples.
    fn samples(&mut self, method: &Method, case: &Case) {
        let all = case.indices();
        let batch: Vec<u32> = all.iter().rev().chain(all.first()).copied().collect();
        for samples in [Samples::Indices(&batch), case.samples.clone()] {
            let case = case.over(samples);
            let singles: Vec<Vec<f64>> =
                case.indices().iter().map(|&sample| method.output(&case.at(sample as usize))).collect();
            let (wanted, scale) = match method.shape {
                Shape::Rows => (singles.concat(), norm(&singles.concat())),
                Shape::Sum | Shape::Whole => (sum(&singles), lengths(&singles)),
                Shape::Mean => {
                    let share = 1.0 / singles.len() as f64;
                    (sum(&singles).iter().map(|x| share * x).collect(), share * lengths(&singles))
                }
            };
            self.same(method, "samples", (&method.output(&case), &wanted), scale);
        }
    }

    /// Products and gradient against central differences.
    fn derivatives(&mut self, case: &Case) {
        // Of the mean square, whose residuals are the outputs but for the targets, the weights are one.
        self.derivative(&JVP, &WEIGHTS.output(case), case, |case| RESIDUALS.output(case));
        let p = case.problem.dim();
        let gradient = |case: &Case| BATCH_GRADIENT.output(case)[..p].to_vec();
        self.derivative(&HVP, &HVP.output(case), case, gradient);
        let slope = dot(&gradient(case), case.v);
        self.derivative(&BATCH_GRADIENT, &[slope], case, |case| BATCH_GRADIENT.output(case)[p..].to_vec());
    }

    /// `found` against the central difference of `f` along `v`.
    fn derivative(&mut self, method: &Method, found: &[f64], case: &Case, f: impl Fn(&Case) -> Vec<f64>) {
        // Lengths of the tangent in a step: that of θ, which the tangent has too, times ε^{1/3}.
        let h = f64::EPSILON.cbrt();
        let at = |step: f64| -> Vec<f64> {
            let theta: Vec<f64> = case.theta.iter().zip(case.v).map(|(x, v)| x + step * v).collect();
            f(&case.moved(&theta))
        };
        let difference = |h: f64| -> Vec<f64> {
            at(h).iter().zip(at(-h)).map(|(ahead, behind)| (ahead - behind) / (2.0 * h)).collect()
        };
        let (near, far) = (difference(h), difference(2.0 * h));
        let size = norm(&at(0.0)).max(norm(&at(1.0))).max(norm(found));
        let tolerance = distance(&near, &far) + 64.0 * f64::EPSILON / h * size;
        self.add(method, "derivative", distance(found, &near), tolerance);
    }

    /// Adjointness, and the symmetry of the Hessian, with a second tangent `w`.
    fn products(&mut self, case: &Case, w: &[f64]) {
        let (forward, backward) = (JVP.output(case), VJP.output(case));
        let u = &case.u[..forward.len()];
        let scale = norm(u) * norm(&forward) + norm(case.v) * norm(&backward);
        self.same(&VJP, "adjoint", (&[dot(case.v, &backward)], &[dot(u, &forward)]), scale);
        let other = case.along(w);
        let (along_v, along_w) = (HVP.output(case), HVP.output(&other));
        let singles = |case: &Case| -> Vec<Vec<f64>> {
            case.indices().iter().map(|&sample| HVP.output(&case.at(sample as usize))).collect()
        };
        let share = 1.0 / case.samples.len() as f64;
        let scale = share * (norm(w) * lengths(&singles(case)) + norm(case.v) * lengths(&singles(&other)));
        self.same(&HVP, "symmetric", (&[dot(w, &along_v)], &[dot(case.v, &along_w)]), scale);
    }

    /// What is not required against what is.
    fn definitions(&mut self, case: &Case) {
        let Case { problem, theta, v, .. } = *case;
        let (p, c, m) = (problem.dim(), problem.outputs(), case.samples.len());
        let share = 1.0 / m as f64;
        let residuals = RESIDUALS.output(case);
        let vjp = |sample: usize, u: &[f64]| {
            let mut all = vec![0.0; problem.samples() * c];
            all[sample * c..][..c].copy_from_slice(u);
            VJP.output(&Case { u: &all, ..case.at(sample) })
        };
        let each = |rows: &[f64]| -> Vec<Vec<f64>> {
            rows.chunks_exact(c).enumerate().map(|(k, row)| vjp(case.samples.get(k), row)).collect()
        };
        let mean = |rows: &[Vec<f64>]| -> Vec<f64> { sum(rows).iter().map(|x| share * x).collect() };

        let gradients = each(&residuals);
        let losses = LOSSES.output(case);
        if problem.output_loss() == Some(OutputLoss::MeanSquare) {
            let halves: Vec<f64> = residuals.chunks_exact(c).map(|e| 0.5 * dot(e, e)).collect();
            self.same(&LOSSES, "definition", (&losses, &halves), norm(&halves));
            let (weighed, images) = (WEIGHTS.output(case), JVP.output(case));
            self.same(&WEIGHTS, "definition", (&weighed, &images), norm(&images));
        }
        let loss = share * losses.iter().sum::<f64>();
        let mut wanted = mean(&gradients);
        wanted.push(loss);
        let scale = share * lengths(&gradients) + loss.abs();
        self.same(&BATCH_GRADIENT, "definition", (&BATCH_GRADIENT.output(case), &wanted), scale);
        let rows = gradients.concat();
        self.same(&PER_SAMPLE, "definition", (&PER_SAMPLE.output(case), &rows), norm(&rows));
        let squares: Vec<f64> = gradients.iter().map(|g| dot(g, g)).collect();
        self.same(&SQUARES, "definition", (&SQUARES.output(case), &squares), norm(&squares));

        let products = each(&WEIGHTS.output(case));
        let found = GAUSS_NEWTON.output(case);
        self.same(&GAUSS_NEWTON, "definition", (&found, &mean(&products)), share * lengths(&products));

        let block = [HVP.output(case), HVP.output(&case.along(theta))];
        let single = |v: &[f64]| -> Vec<Vec<f64>> {
            case.indices().iter().map(|&sample| HVP.output(&case.along(v).at(sample as usize))).collect()
        };
        let curved = single(v);
        let scale = share * (lengths(&curved) + lengths(&single(theta)));
        self.same(&HVP_BLOCK, "definition", (&HVP_BLOCK.output(case), &block.concat()), scale);
        let along_theta = single(theta);
        let images = || curved.iter().zip(&along_theta);
        let hessians: Vec<f64> =
            images().flat_map(|(a, b)| [dot(a, v), dot(a, theta), dot(b, v), dot(b, theta)]).collect();
        let bounds = images().map(|(a, b)| (norm(a) + norm(b)) * (norm(v) + norm(theta)));
        self.same(&HESSIANS, "definition", (&HESSIANS.output(case), &hessians), bounds.sum());
        let curvatures: Vec<f64> = curved.iter().map(|image| dot(image, v)).collect();
        let scale = norm(v) * lengths(&curved);
        self.same(&CURVATURES, "definition", (&CURVATURES.output(case), &curvatures), scale);

        let (mut grams, mut moments) = (Vec::with_capacity(m * c * c), vec![0.0; 2 * p]);
        for &sample in &case.indices() {
            let unit = |i: usize| (0..c).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
            let rows: Vec<Vec<f64>> = (0..c).map(|i| vjp(sample as usize, &unit(i))).collect();
            grams.extend(rows.iter().flat_map(|left| rows.iter().map(|right| dot(left, right))));
            for row in &rows {
                let powers = row.iter().map(|x| x * x).chain(row.iter().map(|x| x.powi(4)));
                moments.iter_mut().zip(powers).for_each(|(sum, x)| *sum += x);
            }
        }
        self.same(&GRAMS, "definition", (&GRAMS.output(case), &grams), norm(&grams));
        let found = MOMENTS.output(case);
        for (found, wanted) in found.chunks_exact(p).zip(moments.chunks_exact(p)) {
            self.same(&MOMENTS, "definition", (found, wanted), norm(wanted));
        }

        let (here, there) = (BATCH_GRADIENT.output(case), BATCH_GRADIENT.output(&case.moved(v)));
        let wanted = [&here[..p], &there[..p], &[here[p], there[p]]].concat();
        let elsewhere = case.moved(v);
        let singles = |case: &Case| -> Vec<Vec<f64>> {
            case.indices().iter().map(|&sample| BATCH_GRADIENT.output(&case.at(sample as usize))).collect()
        };
        let scale = share * (lengths(&singles(case)) + lengths(&singles(&elsewhere)));
        self.same(&BATCH_GRADIENTS, "definition", (&BATCH_GRADIENTS.output(case), &wanted), scale);
        self.steps(case);
    }
}

impl CheckReport {
    /// Steps against gradients, one replica and one step after the other.
    fn steps(&mut self, case: &Case) {
        let (p, rate, batches) = (case.problem.dim(), learning_rate(case), batches(case));
        let (mut thetas, mut largest) = (Vec::new(), 0.0_f64);
        for (replica, start) in [case.theta, case.v].into_iter().enumerate() {
            let mut theta = start.to_vec();
            for step in 0..2 {
                let gradient = BATCH_GRADIENT.output(&case.moved(&theta).at(batches[2 * step + replica] as usize));
                theta.iter_mut().zip(&gradient[..p]).for_each(|(x, g)| *x -= rate * g);
                largest = theta.iter().fold(largest, |most, x| x.abs().max(most));
            }
            thetas.extend(theta);
        }
        let scale = norm(&thetas);
        let mut found = STEPS.output(case);
        let bound = found.pop().unwrap_or(f64::NAN);
        self.same(&STEPS, "definition", (&found, &thetas), scale);
        let above = if bound >= largest { largest } else { bound };
        self.same(&STEPS, "bound", (&[above], &[largest]), scale);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&difference)
}

fn sum(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    sum
}

/// The sum of the norms, which bounds what is added in a sum.
fn lengths(rows: &[Vec<f64>]) -> f64 {
    rows.iter().map(|row| norm(row)).sum()
}
