//! SGD on perceptrons, one replica in a block whose vectors run over units.

use std::slice;

use super::bounds::Bounds;
use super::kernel::{activate, add_product, add_rows, padded, panels, product, transpose};
use super::output::cotangents;
use super::{SgdError, check, draw};
use crate::SgdSettings;
use crate::engine::{Advanced, Block, Dynamics, ExitTest, LaneEnd, ReplicaState, TimeUnit};
use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::network::{Activation, Network, OutputLoss};
use crate::problem::NetworkModel;

/// Batches below this update both copies of the weights; larger ones make the second from the first, which is then
/// cheaper. The copies have the same bits either way.
const TRANSPOSED_FROM: usize = 16;

/// Where a layer is in `θ` and in the lanes of a block.
#[derive(Debug, Clone)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Where its part of `θ` starts: `W` (`outputs × inputs`, row-major), then `b` (`outputs`).
    start: usize,
    /// Its first lane: `Wᵀ` in panels of outputs, then `b`.
    first: usize,
    /// The first lane of `W` in panels of inputs; the first layer has none.
    turned: usize,
    /// Panels of the layers before this one.
    panels_before: usize,
}

impl Layer {
    /// Lanes of `Wᵀ`.
    fn weight_lanes(&self) -> usize {
        panels(self.outputs) * padded(self.inputs)
    }

    /// Lanes of `W`.
    fn turned_lanes(&self) -> usize {
        panels(self.inputs) * padded(self.outputs)
    }

    /// Lanes of `Wᵀ` and of `b`.
    fn parameters<'a, R>(&self, lanes: &'a [Lane<R>]) -> [&'a [Lane<R>]; 2] {
        let lanes = &lanes[self.first..][..self.weight_lanes() + panels(self.outputs)];
        lanes.split_at(self.weight_lanes()).into()
    }

    fn parameters_mut<'a, R>(&self, lanes: &'a mut [Lane<R>]) -> [&'a mut [Lane<R>]; 2] {
        let lanes = &mut lanes[self.first..][..self.weight_lanes() + panels(self.outputs)];
        lanes.split_at_mut(self.weight_lanes()).into()
    }

    /// Calls `f` with each index into `θ`, lane and place in the lane.
    fn for_each_parameter(&self, mut f: impl FnMut(usize, usize, usize)) {
        let (rows, biases) = (padded(self.inputs), self.first + self.weight_lanes());
        for o in 0..self.outputs {
            let (panel, place) = (o / LANES, o % LANES);
            for i in 0..self.inputs {
                f(self.start + o * self.inputs + i, self.first + panel * rows + i, place);
            }
            f(self.start + self.outputs * self.inputs + o, biases + panel, place);
        }
    }
}

fn layers(shapes: Vec<[usize; 2]>) -> Vec<Layer> {
    let (mut start, mut first, mut turned, mut panels_before) = (0, 0, 0, 0);
    let layer = |[inputs, outputs]: [usize; 2]| {
        let layer = Layer { inputs, outputs, start, first, turned, panels_before };
        turned += if start == 0 { 0 } else { layer.turned_lanes() };
        start += (inputs + 1) * outputs;
        first += layer.weight_lanes() + panels(outputs);
        panels_before += panels(outputs);
        layer
    };
    shapes.into_iter().map(layer).collect()
}

/// One replica, in the precision of `R`: parameters in lanes, and room for a batch.
#[derive(Debug, Clone)]
pub struct MlpBlock<R> {
    layers: Vec<Layer>,
    /// The replica but for its `θ`, which is in `lanes`.
    state: ReplicaState,
    occupied: bool,
    /// How it ended: see [`Block::ends`].
    end: Option<LaneEnd>,
    /// Parameters of all layers. Lanes and places beyond a layer's shape are zero.
    lanes: Vec<Lane<R>>,
    /// Second copies of the weights, with rows and columns exchanged.
    turned: Vec<Lane<R>>,
    bounds: Bounds<R>,
    batch: Vec<u32>,
    /// Inputs of the batch (`B` rows in panels).
    x: Vec<Lane<R>>,
    /// Outputs `σ(z)` of all layers, the last one's `z`, and slopes `σ'(z)`.
    units: Vec<Lane<R>>,
    slopes: Vec<Lane<R>>,
    /// Cotangents of the current layer and of the one below, times `−η/B`.
    delta: Vec<Lane<R>>,
    delta_below: Vec<Lane<R>>,
}

impl<R: Real> MlpBlock<R> {
    fn new(layers: Vec<Layer>, batch_size: usize) -> Self {
        let zeros = |count: usize| vec![Lane::splat(R::ZERO); count];
        let parameters = zeros(layers.iter().map(|layer| layer.weight_lanes() + panels(layer.outputs)).sum());
        let rows = |panels: usize| zeros(panels * batch_size);
        let units = layers.iter().map(|layer| panels(layer.outputs)).sum();
        let widest = layers.iter().map(|layer| panels(layer.outputs)).max().unwrap_or(0);
        Self {
            state: ReplicaState::idle(),
            occupied: false,
            end: None,
            turned: zeros(layers.iter().skip(1).map(Layer::turned_lanes).sum()),
            bounds: Bounds::new(parameters.len()),
            lanes: parameters,
            batch: vec![0; batch_size],
            x: rows(layers.first().map_or(0, |layer| panels(layer.inputs))),
            units: rows(units),
            slopes: rows(units),
            delta: rows(widest),
            delta_below: rows(widest),
            layers,
        }
    }

    /// Makes the second copies of the weights from the first.
    #[inline(always)]
    fn turn(&mut self) {
        for layer in &self.layers[1..] {
            let [weights, _] = layer.parameters(&self.lanes);
            let turned = &mut self.turned[layer.turned..][..layer.turned_lanes()];
            transpose(weights, [layer.inputs, layer.outputs], turned);
        }
    }
}

/// Copies `values` (`P`) to the lanes of the layers.
fn place<R: Real>(layers: &[Layer], values: &[f64], lanes: &mut [Lane<R>]) {
    for layer in layers {
        layer.for_each_parameter(|k, lane, l| lanes[lane].0[l] = R::from_f64(values[k]));
    }
}

impl<R: Real> Block for MlpBlock<R> {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, state: &ReplicaState) {
        self.state.clone_from(state);
        self.state.theta.clear();
        place(&self.layers, &state.theta, &mut self.lanes);
        self.turn();
        (self.occupied, self.end) = (true, None);
    }

    fn store(&self, lane: usize) -> ReplicaState {
        let last = &self.layers[self.layers.len() - 1];
        let mut theta = vec![0.0; last.start + (last.inputs + 1) * last.outputs];
        self.theta_into(lane, &mut theta);
        ReplicaState { theta, ..self.state.clone() }
    }

    fn clear(&mut self, _lane: usize) {
        (self.occupied, self.end) = (false, None);
    }

    fn steps(&self, _lane: usize) -> u64 {
        self.state.steps
    }

    fn time(&self, _lane: usize) -> f64 {
        self.state.time
    }

    fn theta_into(&self, _lane: usize, out: &mut [f64]) {
        for layer in &self.layers {
            layer.for_each_parameter(|k, lane, l| out[k] = self.lanes[lane].0[l].to_f64());
        }
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        slice::from_ref(&self.end)
    }
}

/// The chain of [`Sgd`](super::Sgd) on a perceptron, from the same batches, in the precision of `R`. Its results differ
/// from that chain's by rounding only.
#[derive(Debug)]
pub struct MlpSgd<R> {
    layers: Vec<Layer>,
    activation: Activation,
    loss: OutputLoss,
    settings: SgdSettings,
    samples: usize,
    /// `−η/B`.
    factor: R,
    /// Inputs (`N × panels(n₀)`) and targets (`N × panels(n_L)`), padded with zeros.
    inputs: Vec<Lane<R>>,
    targets: Vec<Lane<R>>,
}

impl<R: Real> MlpSgd<R> {
    /// SGD on `problem`, of the mean-square loss, whose data are copied.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(problem: &impl NetworkModel, settings: SgdSettings) -> Result<Self, SgdError> {
        let (shapes, activation) = (problem.shapes(), problem.activation());
        Self::of(shapes, activation, OutputLoss::MeanSquare, problem.data(), settings)
    }

    /// SGD on `network` if it is a perceptron, of whatever loss; its data are copied.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn on(network: &Network, settings: SgdSettings) -> Option<Result<Self, SgdError>> {
        let (shapes, activation) = network.as_perceptron()?;
        Some(Self::of(shapes, activation, network.loss(), network.data(), settings))
    }

    fn of(
        shapes: Vec<[usize; 2]>,
        activation: Activation,
        loss: OutputLoss,
        [inputs, targets]: [&[f64]; 2],
        settings: SgdSettings,
    ) -> Result<Self, SgdError> {
        let layers = layers(shapes);
        let (first, last) = (layers[0].inputs, layers[layers.len() - 1].outputs);
        let samples = inputs.len() / first;
        check(samples, &settings)?;
        let pad = |values: &[f64], width: usize| -> Vec<Lane<R>> {
            let row = |row: &[f64]| -> Vec<Lane<R>> {
                let lane = |part: &[f64]| Lane::from_fn(|l| part.get(l).map_or(R::ZERO, |&x| R::from_f64(x)));
                row.chunks(LANES).map(lane).collect()
            };
            values.chunks_exact(width).flat_map(row).collect()
        };
        Ok(Self {
            activation,
            loss,
            settings,
            samples,
            factor: R::from_f64(-settings.learning_rate / settings.batch_size as f64),
            inputs: pad(inputs, first),
            targets: pad(targets, last),
            layers,
        })
    }

    /// Outputs and slopes of all layers for the batch.
    #[inline(always)]
    fn forward(&self, block: &mut MlpBlock<R>) {
        let MlpBlock { lanes, batch, x, units, slopes, .. } = block;
        let m = batch.len();
        let width = panels(self.layers[0].inputs);
        for (b, &sample) in batch.iter().enumerate() {
            let row = &self.inputs[sample as usize * width..][..width];
            for (panel, lane) in row.iter().enumerate() {
                x[panel * m + b] = *lane;
            }
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let (below, own) = units.split_at_mut(m * layer.panels_before);
            let own = &mut own[..m * panels(layer.outputs)];
            let input = if l == 0 { &*x } else { &below[below.len() - m * panels(layer.inputs)..] };
            let [weights, biases] = layer.parameters(lanes);
            product(input, [m, layer.inputs], weights, biases, own);
            if l + 1 < self.layers.len() {
                activate(self.activation, own, &mut slopes[m * layer.panels_before..][..own.len()]);
            }
        }
    }

    /// The step, after [`forward`](Self::forward): the sum over a layer's gradient is added to its parameters as soon as
    /// the layer below has its cotangents.
    #[inline(always)]
    fn backward(&self, block: &mut MlpBlock<R>) {
        let MlpBlock { lanes, turned, batch, x, units, slopes, delta, delta_below, .. } = block;
        let m = batch.len();
        let last = &self.layers[self.layers.len() - 1];
        let width = panels(last.outputs);
        let outputs = &units[m * last.panels_before..];
        for (b, &sample) in batch.iter().enumerate() {
            let targets = &self.targets[sample as usize * width..][..width];
            cotangents(self.loss, last.outputs, self.factor, [outputs, targets], (b, m), delta);
        }
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let [weights, biases] = layer.parameters_mut(lanes);
            let own = &delta[..m * panels(layer.outputs)];
            if l == 0 {
                add_product(x, [m, layer.inputs], own, weights);
                add_rows(own, m, biases);
                break;
            }
            let lower = m * self.layers[l - 1].panels_before..m * layer.panels_before;
            let input = &units[lower.clone()];
            let turned = &mut turned[layer.turned..][..layer.turned_lanes()];
            let below = &mut delta_below[..input.len()];
            product(own, [m, layer.outputs], turned, &[], below);
            for (below, slope) in below.iter_mut().zip(&slopes[lower]) {
                for l in 0..LANES {
                    below.0[l] = below.0[l] * slope.0[l];
                }
            }
            add_product(input, [m, layer.inputs], own, weights);
            add_rows(own, m, biases);
            if m < TRANSPOSED_FROM {
                add_product(own, [m, layer.outputs], input, turned);
            } else {
                transpose(weights, [layer.inputs, layer.outputs], turned);
            }
            std::mem::swap(delta, delta_below);
        }
    }
}

impl<R: Real> Dynamics for MlpSgd<R> {
    type Block = MlpBlock<R>;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        let last = &self.layers[self.layers.len() - 1];
        last.start + (last.inputs + 1) * last.outputs
    }

    fn block(&self) -> MlpBlock<R> {
        MlpBlock::new(self.layers.clone(), self.settings.batch_size)
    }

    fn advance(&self, block: &mut MlpBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        block.end = None;
        if !block.occupied {
            return Advanced { steps, ended: false };
        }
        let mut taken = 0;
        block.bounds.set(exit, |values, lanes| place(&block.layers, values, lanes));
        dispatch(
            #[inline(always)]
            || {
                while taken < steps && block.end.is_none() {
                    draw(self.settings.sampling, self.samples, &mut block.state, &mut block.batch);
                    self.forward(block);
                    self.backward(block);
                    block.end = block.bounds.test(&block.lanes, exit);
                    taken += 1;
                }
            },
        );
        block.state.steps += taken;
        block.state.time = block.state.steps as f64 * self.settings.learning_rate;
        Advanced { steps: taken, ended: block.end.is_some() }
    }
}

#[cfg(test)]
mod tests {
    //! The chain in lanes against the general one.

    use super::*;
    use crate::Stop;
    use crate::engine::sgd::tests::{replica, settings};
    use crate::engine::{AnyDynamics, Sgd};
    use crate::problem::{Mlp, Problem};
    use crate::{Precision, Sampling, ensemble::EscapeRun, ensemble::Region};

    fn perceptron(sizes: &[usize], activation: Activation) -> (Mlp, Vec<f64>) {
        let wave = |count: usize, step: f64| (0..count).map(|i| (0.4 + step * i as f64).sin()).collect::<Vec<f64>>();
        let problem = Mlp::new(sizes, activation, wave(50 * sizes[0], 0.7), wave(50 * sizes[sizes.len() - 1], 1.3));
        let problem = problem.unwrap();
        let start = wave(problem.dim(), 2.1).into_iter().map(|x| 0.3 * x).collect();
        (problem, start)
    }

    /// The largest difference of `θ` after twenty steps from the general chain's. The draws must be equal.
    fn distance<R: Real>(sizes: &[usize], activation: Activation, settings: SgdSettings) -> f64 {
        let (problem, start) = perceptron(sizes, activation);
        let general = Sgd::new(&problem, settings).unwrap();
        let fast = MlpSgd::<R>::new(&problem, settings).unwrap();
        let (mut solo, mut block) = (general.block(), fast.block());
        solo.load(0, &replica(&start, 7, 5));
        block.load(0, &replica(&start, 7, 5));
        assert_eq!(general.advance(&mut solo, 20, &ExitTest::Never), fast.advance(&mut block, 20, &ExitTest::Never));
        let (want, found) = (solo.store(0), block.store(0));
        assert_eq!((found.steps, found.rng, &found.order, found.cursor), (20, want.rng, &want.order, want.cursor));
        assert!(want.theta.iter().zip(&start).any(|(a, b)| (a - b).abs() > 1e-3));
        found.theta.iter().zip(&want.theta).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Twenty steps amplify rounding by less than a hundred, in numbers of order one.
    fn check_distances<R: Real>(tolerance: f64) {
        let samplings = [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle];
        for batch in [1, 2, 3, 7, 8, 15, 16, 32, 37] {
            for sizes in [&[3, 2][..], &[5, 7, 1], &[17, 33, 10], &[8, 16, 20, 3]] {
                let drawn = settings(0.05, batch, samplings[batch % 3]);
                let found = distance::<R>(sizes, Activation::Tanh, drawn);
                assert!(found < tolerance, "{batch} {sizes:?}: {found}");
            }
        }
        for sampling in samplings {
            for activation in Activation::ALL {
                let found = distance::<R>(&[6, 9, 5, 2], activation, settings(0.05, 10, sampling));
                assert!(found < tolerance, "{sampling:?} {activation:?}: {found}");
            }
        }
    }

    #[test]
    fn differs_from_the_general_chain_by_rounding() {
        check_distances::<f64>(1e-13);
        check_distances::<f32>(1e-4);
    }

    #[test]
    fn is_chosen_for_perceptrons_whatever_the_sampling() {
        let (problem, _) = perceptron(&[3, 2], Activation::Tanh);
        for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
            let name = format!("{:?}", Sgd::on(&problem, settings(0.1, 2, sampling), Precision::Float64).unwrap());
            assert!(name.contains("MlpSgd<f64>"), "{name}");
        }
    }

    /// A replica moved through a checkpoint into another block half-way has the same bits.
    fn check_moves<R: Real>(batch: usize) {
        let (problem, start) = perceptron(&[5, 18, 11, 3], Activation::Gelu);
        let sgd = MlpSgd::<R>::new(&problem, settings(0.05, batch, Sampling::EpochShuffle)).unwrap();
        let mut whole = sgd.block();
        whole.load(0, &replica(&start, 8, 2));
        sgd.advance(&mut whole, 31, &ExitTest::Never);
        let mut block = sgd.block();
        block.load(0, &replica(&start, 8, 2));
        sgd.advance(&mut block, 13, &ExitTest::Never);
        let text = serde_json::to_string(&block.store(0)).unwrap();
        // A block that has held another replica.
        block.load(0, &replica(&start, 8, 3));
        sgd.advance(&mut block, 5, &ExitTest::Never);
        block.load(0, &serde_json::from_str(&text).unwrap());
        sgd.advance(&mut block, 18, &ExitTest::Never);
        assert_eq!(block.store(0), whole.store(0));
    }

    #[test]
    fn a_replica_does_not_depend_on_its_block() {
        for batch in [1, 5, 16, 25] {
            check_moves::<f32>(batch);
            check_moves::<f64>(batch);
        }
    }

    #[test]
    fn an_ensemble_does_not_depend_on_the_number_of_threads() {
        let (problem, start) = perceptron(&[4, 6, 2], Activation::Tanh);
        let sgd = MlpSgd::<f32>::new(&problem, settings(0.05, 4, Sampling::WithReplacement)).unwrap();
        let sgd = AnyDynamics::new(sgd);
        let region = Region::Ball { centre: start.clone(), radius: 0.3 };
        let run = EscapeRun { start, region, replicas: 20, max_steps: 300, seed: 3 };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run.run(&sgd, &problem, &Stop::new(), |_| {}).unwrap())
        };
        assert_eq!(on(1), on(3));
    }

    /// The ends are those of the general chain, whatever the test.
    fn check_ends<R: Real>() {
        let (problem, start) = perceptron(&[5, 7, 1], Activation::Tanh);
        let drawn = settings(0.05, 4, Sampling::WithReplacement);
        let general = Sgd::new(&problem, drawn).unwrap();
        let fast = MlpSgd::<R>::new(&problem, drawn).unwrap();
        let by = |reach: f64| start.iter().map(|x| x + reach).collect::<Vec<f64>>();
        let (low, high) = (by(-0.1), by(0.1));
        // The second plane is the nearer one.
        let normals: Vec<f64> = (0..2 * start.len()).map(|k| (k as f64).sin()).collect();
        let height = |plane: usize| normals[plane * start.len()..].iter().zip(&start).map(|(n, x)| n * x).sum::<f64>();
        let offsets = [height(0) + 1.0, height(1) + 0.05];
        for exit in [
            ExitTest::HalfSpaces { normals: &normals, offsets: &offsets },
            ExitTest::Box { lower: &low, upper: &high },
            ExitTest::Ball { centre: &start, radius_squared: 0.02 },
            ExitTest::Never,
        ] {
            let (mut solo, mut block) = (general.block(), fast.block());
            solo.load(0, &replica(&start, 9, 1));
            block.load(0, &replica(&start, 9, 1));
            let want = general.advance(&mut solo, 1000, &exit);
            assert_eq!(fast.advance(&mut block, 1000, &exit), want);
            assert_eq!(block.ends(), solo.ends());
            assert_eq!(block.ends() == [Some(LaneEnd::Escaped)], exit != ExitTest::Never);
        }
        for lost in [10.0 * R::DIVERGENCE_LIMIT.to_f64(), f64::NAN, f64::INFINITY] {
            for k in [0, 20, start.len() - 1] {
                let (mut from, mut block) = (start.clone(), fast.block());
                from[k] = lost;
                block.load(0, &replica(&from, 9, 1));
                let done = fast.advance(&mut block, 9, &ExitTest::Box { lower: &low, upper: &high });
                assert_eq!(done, Advanced { steps: 1, ended: true });
                assert_eq!(block.ends(), [Some(LaneEnd::Diverged)]);
            }
        }
        let mut block = fast.block();
        block.load(0, &replica(&start, 9, 1));
        block.clear(0);
        assert_eq!(fast.advance(&mut block, 10, &ExitTest::Never), Advanced { steps: 10, ended: false });
    }

    #[test]
    fn ends_are_those_of_the_general_chain() {
        check_ends::<f32>();
        check_ends::<f64>();
    }
}
