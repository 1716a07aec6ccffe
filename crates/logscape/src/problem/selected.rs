//! Some of the parameters of a problem, with all others fixed.

use std::ops::Range;
use std::sync::Arc;

use faer::{MatMut, MatRef};

use super::{Problem, ProblemFailure, Samples};
use crate::model::Tensor;
use crate::network::OutputLoss;
use crate::operator::{Gradients, LinearOperator, Linearisation, Matrix, Restricted, SamplesAlong, recomputed};
use crate::{Interrupted, Precision, Stop};

/// The ranges of parameters that have this name, or are of a layer that has it, where `*` stands for anything: `fc.weight`, `fc`, `conv*`.
pub fn parameters_named(problem: &dyn Problem, pattern: &str) -> Vec<Range<usize>> {
    problem.parameter_names().into_iter().filter(|(name, _)| is_named(name, pattern)).map(|(_, range)| range).collect()
}

fn is_named(name: &str, pattern: &str) -> bool {
    let layers = name.match_indices('.').map(|(end, _)| &name[..end]);
    layers.chain([name]).any(|name| matches(name, pattern))
}

fn matches(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Numbers of the gradients that are taken at once.
const NUMBERS: usize = 1 << 20;

/// A problem in some of its parameters. Tensors are those of the whole.
pub struct Selected {
    whole: Arc<dyn Problem>,
    /// Parameters of the whole (`P`), of which those that are selected do not count.
    theta: Vec<f64>,
    /// Those that are selected: ranges that do not overlap, in their order.
    parts: Vec<Range<usize>>,
}

impl Selected {
    /// The problem in these ranges of the parameters of `whole`, with the others as in `theta` (`P`). Ranges may come in any order and overlap.
    ///
    /// # Panics
    /// If `theta` has another length than `P`, or a range goes beyond it.
    pub fn new(whole: Arc<dyn Problem>, theta: Vec<f64>, parts: &[Range<usize>]) -> Self {
        assert!(theta.len() == whole.dim() && parts.iter().all(|part| part.end <= theta.len()));
        let mut sorted: Vec<Range<usize>> = parts.iter().filter(|part| !part.is_empty()).cloned().collect();
        sorted.sort_by_key(|part| part.start);
        let mut parts: Vec<Range<usize>> = Vec::new();
        for part in sorted {
            match parts.last_mut().filter(|last| part.start <= last.end) {
                Some(last) => last.end = last.end.max(part.end),
                None => parts.push(part),
            }
        }
        Self { whole, theta, parts }
    }

    /// The same selection of another problem with as many parameters.
    ///
    /// # Panics
    /// If it has another number of parameters.
    #[must_use]
    pub fn of(&self, whole: Arc<dyn Problem>) -> Self {
        Self::new(whole, self.theta.clone(), &self.parts)
    }

    /// The parameters of the whole where `selected` are those of this problem.
    pub fn whole(&self, selected: &[f64]) -> Vec<f64> {
        let mut theta = self.theta.clone();
        self.put(selected, &mut theta);
        theta
    }

    /// Those of the whole's numbers (`P`) that are selected.
    pub fn selected(&self, whole: &[f64]) -> Vec<f64> {
        self.parts.iter().flat_map(|part| &whole[part.clone()]).copied().collect()
    }

    fn put(&self, selected: &[f64], whole: &mut [f64]) {
        let mut rest = selected;
        for part in &self.parts {
            let (numbers, after) = rest.split_at(part.len());
            whole[part.clone()].copy_from_slice(numbers);
            rest = after;
        }
    }

    fn take(&self, whole: &[f64], selected: &mut [f64]) {
        let numbers = self.parts.iter().flat_map(|part| &whole[part.clone()]);
        selected.iter_mut().zip(numbers).for_each(|(x, number)| *x = *number);
    }

    /// A tangent of the whole that is zero where nothing is selected.
    fn tangent(&self, v: &[f64]) -> Vec<f64> {
        let mut whole = vec![0.0; self.theta.len()];
        self.put(v, &mut whole);
        whole
    }

    /// Calls `f(k, g)` with the gradient of the whole for the `k`-th of the samples, some of which are taken at once.
    fn for_gradients(&self, theta: &[f64], samples: &Samples, scratch: &mut [f64], mut f: impl FnMut(usize, &[f64])) {
        let (theta, p) = (self.whole(theta), self.theta.len());
        let indices: Vec<u32> = (0..samples.len()).map(|k| samples.get(k) as u32).collect();
        let at_once = (NUMBERS / p).clamp(1, indices.len().max(1));
        let mut rows = vec![0.0; at_once * p];
        for (block, chosen) in indices.chunks(at_once).enumerate() {
            let rows = &mut rows[..chosen.len() * p];
            self.whole.per_sample_gradients_into(&theta, Samples::Indices(chosen), rows, scratch);
            rows.chunks_exact(p).enumerate().for_each(|(k, gradient)| f(block * at_once + k, gradient));
        }
    }

    /// Rows of tangents.
    fn tangents(&self, vectors: &[f64]) -> Vec<f64> {
        vectors.chunks_exact(self.dim()).flat_map(|v| self.tangent(v)).collect()
    }
}

/// The parameters of the whole are put together in scratch; products other than the gradient allocate as many numbers as the whole's has.
impl Problem for Selected {
    fn dim(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }

    fn samples(&self) -> usize {
        self.whole.samples()
    }

    fn outputs(&self) -> usize {
        self.whole.outputs()
    }

    fn scratch_len(&self, m: usize) -> usize {
        2 * self.theta.len() + self.whole.scratch_len(m)
    }

    fn samples_at_once(&self) -> usize {
        self.whole.samples_at_once()
    }

    fn replicas_at_once(&self) -> usize {
        self.whole.replicas_at_once()
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.whole.residuals_into(&self.whole(theta), samples, out, scratch);
    }

    fn losses_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.whole.losses_into(&self.whole(theta), samples, out, scratch);
    }

    fn weigh_outputs(&self, theta: &[f64], samples: Samples, rates: &mut [f64], scratch: &mut [f64]) {
        self.whole.weigh_outputs(&self.whole(theta), samples, rates, scratch);
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.whole.jvp_into(&self.whole(theta), &self.tangent(v), samples, out, scratch);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let mut whole = vec![0.0; self.theta.len()];
        self.whole.vjp_into(&self.whole(theta), u, samples, &mut whole, scratch);
        self.take(&whole, out);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.hvp_block_into(theta, v, samples, out, scratch);
    }

    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let tangents = self.tangents(vectors);
        let mut images = vec![0.0; tangents.len()];
        self.whole.hvp_block_into(&self.whole(theta), &tangents, samples, &mut images, scratch);
        let rows = images.chunks_exact(self.theta.len()).zip(out.chunks_exact_mut(self.dim()));
        rows.for_each(|(image, out)| self.take(image, out));
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let mut whole = vec![0.0; self.theta.len()];
        self.whole.gauss_newton_vp_into(&self.whole(theta), &self.tangent(v), samples, &mut whole, scratch);
        self.take(&whole, out);
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        let (whole, scratch) = scratch.split_at_mut(self.theta.len());
        let (gradient, scratch) = scratch.split_at_mut(self.theta.len());
        whole.copy_from_slice(&self.theta);
        self.put(theta, whole);
        let loss = self.whole.batch_gradient_into(whole, samples, gradient, scratch);
        self.take(gradient, out);
        loss
    }

    fn batch_gradients_into(
        &self,
        thetas: &[f64],
        batches: &[u32],
        out: &mut [f64],
        losses: &mut [f64],
        scratch: &mut [f64],
    ) {
        let whole: Vec<f64> = thetas.chunks_exact(self.dim()).flat_map(|theta| self.whole(theta)).collect();
        let mut gradients = vec![0.0; whole.len()];
        self.whole.batch_gradients_into(&whole, batches, &mut gradients, losses, scratch);
        let rows = gradients.chunks_exact(self.theta.len()).zip(out.chunks_exact_mut(self.dim()));
        rows.for_each(|(gradient, out)| self.take(gradient, out));
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let p = self.dim();
        self.for_gradients(theta, &samples, scratch, |k, gradient| self.take(gradient, &mut out[k * p..][..p]));
    }

    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let square = |part: &Range<usize>, gradient: &[f64]| gradient[part.clone()].iter().map(|g| g * g).sum::<f64>();
        self.for_gradients(theta, &samples, scratch, |k, gradient| {
            out[k] = self.parts.iter().map(|part| square(part, gradient)).sum();
        });
    }

    fn jacobian_moments_into(&self, theta: &[f64], samples: Samples, out: [&mut [f64]; 2], scratch: &mut [f64]) {
        let [mut squares, mut fourths] = [(); 2].map(|()| vec![0.0; self.theta.len()]);
        self.whole.jacobian_moments_into(&self.whole(theta), samples, [&mut squares, &mut fourths], scratch);
        out.into_iter().zip([squares, fourths]).for_each(|(out, whole)| self.take(&whole, out));
    }

    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.whole.sample_curvatures_into(&self.whole(theta), &self.tangent(v), samples, out, scratch);
    }

    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.whole.sample_hessians_into(&self.whole(theta), &self.tangents(vectors), samples, out, scratch);
    }

    fn output_loss(&self) -> Option<OutputLoss> {
        self.whole.output_loss()
    }

    fn constant_loss(&self) -> Option<f64> {
        self.whole.constant_loss()
    }

    fn classes(&self) -> Option<Vec<usize>> {
        self.whole.classes()
    }

    fn accuracy(&self, theta: &[f64]) -> Option<f64> {
        self.whole.accuracy(&self.whole(theta))
    }

    fn is_smooth(&self) -> bool {
        self.whole.is_smooth()
    }

    /// The names of what is selected; of a tensor of which a part is, that part.
    fn parameter_names(&self) -> Vec<(String, Range<usize>)> {
        let mut names = Vec::new();
        for (name, range) in self.whole.parameter_names() {
            let mut before = 0;
            for part in &self.parts {
                let (first, last) = (range.start.max(part.start), range.end.min(part.end));
                if first < last {
                    let start = before + first - part.start;
                    names.push((name.clone(), start..start + last - first));
                }
                before += part.len();
            }
        }
        names
    }

    fn tensors(&self, theta: &[f64]) -> Vec<Tensor> {
        self.whole.tensors(&self.whole(theta))
    }

    fn linearised(&self, theta: &[f64], precision: Precision, memory: u64) -> Option<Box<dyn Linearisation + '_>> {
        let whole = self.whole.linearised(&self.whole(theta), precision, memory)?;
        Some(Box::new(Around { problem: self, theta: theta.to_vec(), whole }))
    }

    fn failure(&self) -> Option<ProblemFailure> {
        self.whole.failure()
    }
}

/// The whole around a point, of which a part is looked at.
struct Around<'a> {
    problem: &'a Selected,
    theta: Vec<f64>,
    whole: Box<dyn Linearisation + 'a>,
}

impl Linearisation for Around<'_> {
    fn operator(&self, which: Matrix) -> Box<dyn LinearOperator + '_> {
        Box::new(Block { whole: self.whole.operator(which), parts: &self.problem.parts })
    }

    fn gradients(&self, stop: &Stop) -> Result<Gradients, Interrupted> {
        recomputed(self.problem, &self.theta).gradients(stop)
    }

    fn along(&self, vectors: &[Vec<f64>], stop: &Stop) -> Result<Vec<SamplesAlong>, Interrupted> {
        self.whole.along(&vectors.iter().map(|v| self.problem.tangent(v)).collect::<Vec<_>>(), stop)
    }

    fn gauss_newton_trace(&self, stop: &Stop) -> Result<f64, Interrupted> {
        recomputed(self.problem, &self.theta).gauss_newton_trace(stop)
    }

    fn kept_share(&self) -> f64 {
        self.whole.kept_share()
    }
}

/// The block of an operator that is held here.
struct Block<'a> {
    whole: Box<dyn LinearOperator + 'a>,
    parts: &'a [Range<usize>],
}

impl LinearOperator for Block<'_> {
    fn dim(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }

    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        Restricted::new(&*self.whole, self.parts.to_vec()).apply_into(block, out, stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{LayerWord, Network};
    use crate::operator::dense::to_dense;
    use crate::operator::{Hessian, linearise};
    use crate::problem::check;
    use crate::{Stop, operator};
    use faer::Mat;

    /// A network with its parameters.
    fn network() -> (Arc<Network>, Vec<f64>) {
        let words = r#"[{"linear": 4}, "tanh", {"linear": 3}, "tanh", {"linear": 2}]"#;
        let layers: Vec<LayerWord> = serde_json::from_str(words).unwrap();
        let wave = |count: usize, rate: f64| (0..count).map(|k| (rate * k as f64).sin()).collect::<Vec<f64>>();
        let network = Network::new(&[2], &layers, OutputLoss::MeanSquare, wave(40, 0.7), wave(40, 0.3)).unwrap();
        let theta = wave(network.dim(), 1.1);
        (Arc::new(network), theta)
    }

    #[test]
    fn names_are_those_of_parameters_or_layers() {
        for (name, pattern, expected) in [
            ("0.weight", "0.weight", true),
            ("0.weight", "0", true),
            ("10.weight", "0", false),
            ("10.weight", "1", false),
            ("2.0.weight", "2", true),
            ("2.0.weight", "2.0", true),
            ("2.0.weight", "*.weight", true),
            ("2.0.bias", "*.weight", false),
            ("2.0.bias", "2*bias", true),
            ("2.0.bias", "2*0*a*", true),
            ("2.0.bias", "2*a*0*", false),
            ("aba", "ab*ba", false),
            ("2.0.bias", "*", true),
            ("2.0.bias", "2.0.bias.x", false),
            ("weight", "", false),
        ] {
            assert_eq!(is_named(name, pattern), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn a_selection_is_the_block_of_the_whole() {
        let (network, theta) = network();
        // The biases of the first layer, and the last layer, in another order and with an overlap.
        let named = ["4", "0.bias"].map(|name| parameters_named(&*network, name)).concat();
        let parts: Vec<Range<usize>> = named.into_iter().chain(std::iter::once(29..31)).collect();
        let selected = Selected::new(network.clone(), theta.clone(), &parts);
        let rows: Vec<usize> = (8..12).chain(27..35).collect();
        assert_eq!(selected.dim(), rows.len());
        let names: Vec<_> = selected.parameter_names();
        assert_eq!(names, [("0.bias".to_owned(), 0..4), ("4.weight".to_owned(), 4..10), ("4.bias".to_owned(), 10..12)]);
        let point: Vec<f64> = rows.iter().map(|&i| theta[i] + 0.1).collect();
        let whole = selected.whole(&point);
        assert!((0..theta.len()).all(|i| whole[i] == theta[i] + if rows.contains(&i) { 0.1 } else { 0.0 }));
        assert_eq!(selected.selected(&whole), point);
        assert_eq!(selected.tensors(&point), network.tensors(&whole));

        let (loss, gradient) = operator::full::loss_and_gradient(&selected, &point);
        let (wanted, all) = operator::full::loss_and_gradient(&*network, &whole);
        assert_eq!((loss, gradient), (wanted, rows.iter().map(|&i| all[i]).collect()));
        let stop = Stop::new();
        for precision in [Precision::Float64, Precision::Float32] {
            let around = linearise(&selected, &point, precision, 1 << 20);
            let of_whole = linearise(&*network, &whole, precision, 1 << 20);
            for which in Matrix::ALL {
                let found = to_dense(&*around.operator(which), &stop).unwrap();
                let all = to_dense(&*of_whole.operator(which), &stop).unwrap();
                let wanted = Mat::from_fn(rows.len(), rows.len(), |i, j| all[(rows[i], rows[j])]);
                let allowed = if precision == Precision::Float64 { 1e-14 } else { 1e-6 };
                assert!((found - wanted).norm_max() < allowed, "{which:?} {precision:?}");
            }
            let diagonal = to_dense(&*around.operator(Matrix::GaussNewton), &stop).unwrap();
            let trace: f64 = (0..rows.len()).map(|i| diagonal[(i, i)]).sum();
            assert!((around.gauss_newton_trace(&stop).unwrap() - trace).abs() < 1e-5 * trace);
        }
        let dense = to_dense(&Hessian::new(&selected, &point), &stop).unwrap();
        let around = linearise(&selected, &point, Precision::Float64, 1 << 20);
        assert!((dense - to_dense(&*around.operator(Matrix::Hessian), &stop).unwrap()).norm_max() < 1e-13);
    }

    #[test]
    fn methods_of_a_selection_conform() {
        let (network, theta) = network();
        let selected = Selected::new(network, theta, &[3..9, 20..30]);
        let point: Vec<f64> = (0..selected.dim()).map(|k| (0.9 * k as f64).cos()).collect();
        let report = check(&selected, &point, 2);
        assert!(report.is_ok(), "{report}");
    }
}
