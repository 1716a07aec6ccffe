//! Where the outliers of the Gauss–Newton matrix come from, where targets are classes.

use crate::model::{ClassDirection, ClassParts, ClassStructure};
use crate::network::OutputLoss;
use crate::operator::full::{residuals, sum_over};
use crate::operator::{SamplesAlong, axpy, dot};
use crate::{Interrupted, Problem, Samples, Stop};

/// Classes up to which there is a structure: the means between two of them take as many passes as there are pairs.
const MOST: usize = 100;

/// The samples of classes, and the parts of the Hessians of their losses in the outputs.
struct Classes<'a> {
    loss: OutputLoss,
    /// The class of each sample (`N`), and number of outputs `c`.
    of: Vec<usize>,
    outputs: usize,
    /// `∇_f ℓ` (`N × c`).
    gradients: &'a [f64],
}

impl Classes<'_> {
    /// Weight `w_μk`, and `r_μk` in `column` (`c`).
    fn part(&self, sample: usize, k: usize, (targets, column): (&mut [f64], &mut [f64])) -> f64 {
        targets.fill(0.0);
        targets[self.of[sample]] = 1.0;
        let gradient = &self.gradients[sample * self.outputs..][..self.outputs];
        self.loss.hessian_part(gradient, targets, k, column)
    }

    /// Calls `f(sample, k, w, r)` for all parts of the samples.
    fn each(&self, mut f: impl FnMut(usize, usize, f64, &[f64])) {
        let c = self.outputs;
        let (mut targets, mut column) = (vec![0.0; c], vec![0.0; c]);
        for sample in 0..self.of.len() {
            for k in 0..c {
                let weight = self.part(sample, k, (&mut targets, &mut column));
                f(sample, k, weight, &column);
            }
        }
    }
}

/// Sums over the samples of each class and `k` (`c × c`): weights, weights times numbers, weights times squares.
struct Sums {
    outputs: usize,
    weights: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    /// The parts of the mean over `n` samples, for the squares `means[c k] = ‖Σ w g‖²/Σ w` of the means of classes and `k`, and those of the
    /// means of the classes.
    fn parts(&self, n: f64, of_pairs: &[f64], of_classes: &[f64]) -> ClassParts {
        let c = self.outputs;
        let others =
            |values: &[f64]| -> f64 { (0..c * c).filter(|pair| pair / c != pair % c).map(|pair| values[pair]).sum() };
        let (class_means, pairs) = (of_classes.iter().sum::<f64>(), others(of_pairs));
        let own_class: f64 = (0..c).map(|k| self.squares[k * c + k]).sum();
        ClassParts {
            class_means: class_means / n,
            cross_class: ((pairs - class_means) / n).max(0.0),
            within_class: ((others(&self.squares) - pairs) / n).max(0.0),
            own_class: own_class / n,
        }
    }
}

/// `x/w`, or nothing of nothing.
fn over(x: f64, w: f64) -> f64 {
    if w > 0.0 { x / w } else { 0.0 }
}

/// The levels of classes in `G`; none where targets are no classes, or more than a hundred, or the loss has no name. For the samples' matrices `J_μ J_μᵀ`
/// (`N × c²`) and how the samples change `along` vectors with these `curvatures`.
///
/// # Errors
/// On an interrupt.
pub(super) fn class_structure(
    problem: &dyn Problem,
    theta: &[f64],
    grams: &[f64],
    (along, curvatures): (&[SamplesAlong], &[f64]),
    stop: &Stop,
) -> Result<Option<ClassStructure>, Interrupted> {
    let c = problem.outputs();
    let Some(of) = problem.classes().filter(|_| (2..=MOST).contains(&c)) else { return Ok(None) };
    let Some(loss) = problem.output_loss() else { return Ok(None) };
    let gradients = residuals(problem, theta);
    let classes = Classes { loss, of, outputs: c, gradients: &gradients };
    let mut sums = Sums { outputs: c, weights: vec![0.0; c * c], squares: vec![0.0; c * c] };
    classes.each(|sample, k, w, r| {
        let gram = &grams[sample * c * c..][..c * c];
        let square: f64 = r.iter().zip(gram.chunks_exact(c)).map(|(r_i, row)| r_i * dot(row, r)).sum();
        sums.weights[classes.of[sample] * c + k] += w;
        sums.squares[classes.of[sample] * c + k] += w * square;
    });
    let traces = traces(problem, theta, &classes, &sums, stop)?;
    let directions = along.iter().zip(curvatures).map(|(along, &curvature)| {
        let parts = parts_along(&classes, &along.outputs, sums.weights.clone());
        ClassDirection { curvature, parts }
    });
    let directions = directions.collect();
    let mut present = classes.of.clone();
    present.sort_unstable();
    present.dedup();
    Ok(Some(ClassStructure { classes: present.len(), traces, directions }))
}

/// The parts of `vᵀGv`, for derivatives of the outputs (`N × c`) along `v`.
fn parts_along(classes: &Classes, outputs: &[f64], weights: Vec<f64>) -> ClassParts {
    let c = classes.outputs;
    let mut sums = Sums { outputs: c, weights, squares: vec![0.0; c * c] };
    let mut totals = vec![0.0; c * c];
    classes.each(|sample, k, w, r| {
        let along = dot(r, &outputs[sample * c..][..c]);
        totals[classes.of[sample] * c + k] += w * along;
        sums.squares[classes.of[sample] * c + k] += w * along * along;
    });
    let of_pairs: Vec<f64> = totals.iter().zip(&sums.weights).map(|(x, &w)| over(x * x, w)).collect();
    let of_classes: Vec<f64> = (0..c)
        .map(|class| {
            let rest = |values: &[f64]| (0..c).filter(|&k| k != class).map(|k| values[class * c + k]).sum::<f64>();
            over(rest(&totals).powi(2), rest(&sums.weights))
        })
        .collect();
    sums.parts(classes.of.len() as f64, &of_pairs, &of_classes)
}

/// The parts of `tr G`.
fn traces(
    problem: &dyn Problem,
    theta: &[f64],
    classes: &Classes,
    sums: &Sums,
    stop: &Stop,
) -> Result<ClassParts, Interrupted> {
    let c = classes.outputs;
    let (mut of_pairs, mut of_classes) = (vec![0.0; c * c], vec![0.0; c]);
    for class in 0..c {
        let members: Vec<u32> =
            (0..classes.of.len()).filter(|&sample| classes.of[sample] == class).map(|sample| sample as u32).collect();
        let (mut whole, mut weight) = (vec![0.0; theta.len()], 0.0);
        for k in (0..c).filter(|&k| k != class) {
            stop.check()?;
            let total = pulled(problem, theta, classes, &members, k);
            let w = sums.weights[class * c + k];
            of_pairs[class * c + k] = over(dot(&total, &total), w);
            axpy(1.0, &total, &mut whole);
            weight += w;
        }
        of_classes[class] = over(dot(&whole, &whole), weight);
    }
    Ok(sums.parts(classes.of.len() as f64, &of_pairs, &of_classes))
}

/// `Σ_μ w_μk J_μᵀ r_μk` (`P`) over some samples.
fn pulled(problem: &dyn Problem, theta: &[f64], classes: &Classes, members: &[u32], k: usize) -> Vec<f64> {
    let (c, at_once) = (classes.outputs, problem.samples_at_once());
    let chunks: Vec<_> =
        (0..members.len()).step_by(at_once).map(|first| first..(first + at_once).min(members.len())).collect();
    sum_over(problem, &chunks, theta.len(), |range, out, scratch| {
        let members = &members[range];
        let (mut targets, mut cotangents) = (vec![0.0; c], vec![0.0; members.len() * c]);
        for (&sample, cotangent) in members.iter().zip(cotangents.chunks_exact_mut(c)) {
            let weight = classes.part(sample as usize, k, (&mut targets, cotangent));
            cotangent.iter_mut().for_each(|x| *x *= weight);
        }
        problem.vjp_into(theta, &cotangents, Samples::Indices(members), out, scratch);
    })
}
