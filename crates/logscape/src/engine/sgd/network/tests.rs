//! Against the general chain, which shares the draws and the gradient of a batch, but no loop.

use super::*;
use crate::engine::sgd::tests::{replica, settings};
use crate::engine::sgd::{MlpSgd, Sgd};
use crate::engine::{Advanced, AnyDynamics};
use crate::ensemble::{EscapeRun, LossMeter, Region, Termination};
use crate::network::{LayerWord, OutputLoss};
use crate::{Precision, Sampling, Stop};

const SAMPLINGS: [Sampling; 3] = [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle];

/// Every kind of layer but a perceptron's alone, on images of 6 × 6 with two channels.
const MIXED: &str = r#"[{"conv2d": 3, "kernel": 3, "padding": 1}, "relu", {"max-pool2d": 2},
    {"residual": [{"conv2d": 3, "kernel": 1}, "gelu", {"group-norm": 3}], "shortcut": [{"conv2d": 3, "kernel": 1, "bias": false}]}, {"avg-pool2d": 2, "stride": 1}, "flatten",
    {"linear": 5}, "layer-norm", "tanh", {"linear": 3}]"#;

/// Layers without biases and scales, with windows that are not square, and other constants than the usual.
const BARE: &str = r#"[{"conv2d": 3, "kernel": [3, 2], "dilation": [1, 2], "padding": [1, 0], "bias": false},
    {"batch-norm": true, "scale": false}, {"leaky-relu": 0.2}, {"avg-pool2d": [2, 1], "padding": [1, 0], "count_include_pad": false},
    {"group-norm": 3, "epsilon": 0.1, "scale": false}, "flatten", {"linear": 5, "bias": false}, "tanh", {"linear": 3, "bias": false}]"#;

const DENSE: &str = r#"[{"linear": 19}, "silu", {"linear": 18}]"#;

fn wave(count: usize, pace: f64) -> Vec<f64> {
    (0..count).map(|k| (0.3 + pace * k as f64).sin()).collect()
}

/// The network on fifty samples of inputs of that shape, and parameters.
fn network(shape: &[usize], layers: &str, loss: OutputLoss) -> (Network, Vec<f64>) {
    let layers: Vec<LayerWord> = serde_json::from_str(layers).unwrap();
    let inputs = wave(50 * shape.iter().product::<usize>(), 0.7);
    let outputs = Network::new(shape, &layers, OutputLoss::MeanSquare, inputs.clone(), vec![0.0; 50 * 3])
        .map_or(18, |network| network.outputs());
    let targets = match loss {
        // Classes, and some that are shared.
        OutputLoss::CrossEntropy => (0..50)
            .flat_map(|k| {
                (0..outputs)
                    .map(move |i| if k % 7 == 0 { 1.0 / outputs as f64 } else { f64::from(u8::from(k % outputs == i)) })
            })
            .collect(),
        OutputLoss::Logistic => wave(50 * outputs, 1.3).iter().map(|x| 0.5 + 0.5 * x).collect(),
        OutputLoss::MeanSquare | OutputLoss::Huber => wave(50 * outputs, 1.3).iter().map(|x| 2.0 * x).collect(),
    };
    let network = Network::new(shape, &layers, loss, inputs, targets).unwrap();
    let start = wave(network.dim(), 2.1).into_iter().map(|x| 0.4 * x).collect();
    (network, start)
}

/// `θ` after so many steps of the general chain, and the largest difference from it relative to the largest parameter. The draws must
/// be equal.
fn distance<D: Dynamics>((problem, start): &(Network, Vec<f64>), fast: &D, steps: u64, settings: SgdSettings) -> f64 {
    let general = Sgd::new(problem, settings).unwrap();
    let (mut solo, mut block) = (general.block(), fast.block());
    solo.load(0, &replica(start, 7, 5));
    block.load(0, &replica(start, 7, 5));
    assert_eq!(general.advance(&mut solo, steps, &ExitTest::Never), fast.advance(&mut block, steps, &ExitTest::Never));
    let (want, found) = (solo.store(0), block.store(0));
    assert_eq!((found.steps, found.time, found.rng), (steps, want.time, want.rng));
    assert_eq!((&found.order, found.cursor), (&want.order, want.cursor));
    assert!(want.theta.iter().zip(start).any(|(a, b)| (a - b).abs() > 1e-4), "nothing moved");
    let largest = want.theta.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    found.theta.iter().zip(&want.theta).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

#[test]
fn networks_of_every_layer_and_loss_differ_from_the_general_chain_by_rounding() {
    for (case, loss) in OutputLoss::ALL.into_iter().enumerate() {
        let problems = [MIXED, BARE].map(|layers| network(&[2, 6, 6], layers, loss));
        for (problem, batch) in problems.iter().flat_map(|problem| [1, 3, 8, 19].map(|batch| (problem, batch))) {
            let settings = settings(0.02, batch, SAMPLINGS[(case + batch) % 3]);
            let double = NetworkSgd::<f64>::new(&problem.0, settings).unwrap();
            let found = distance(problem, &double, 50, settings);
            assert!(found < 1e-12, "{loss:?} {batch}: {found}");
            let single = NetworkSgd::<f32>::new(&problem.0, settings).unwrap();
            let found = distance(problem, &single, 5, settings);
            assert!(found > 0.0 && found < 1e-5, "{loss:?} {batch}: {found}");
        }
    }
}

/// Outputs that end within a panel of sixteen, and beyond one.
#[test]
fn perceptrons_of_every_loss_differ_from_the_general_chain_by_rounding() {
    for loss in OutputLoss::ALL {
        for layers in [DENSE, r#"[{"linear": 7}, "tanh", {"linear": 3}]"#, r#"[{"linear": 3}]"#] {
            let problem = network(&[5], layers, loss);
            for (batch, sampling) in [1, 6, 20].into_iter().zip(SAMPLINGS) {
                let settings = settings(0.05, batch, sampling);
                let double = MlpSgd::<f64>::on(&problem.0, settings).unwrap().unwrap();
                let found = distance(&problem, &double, 50, settings);
                assert!(found < 1e-12, "{loss:?} {layers} {batch}: {found}");
                let single = MlpSgd::<f32>::on(&problem.0, settings).unwrap().unwrap();
                let found = distance(&problem, &single, 5, settings);
                assert!(found > 0.0 && found < 1e-5, "{loss:?} {layers} {batch}: {found}");
            }
        }
    }
}

#[test]
fn a_network_has_a_layout_in_either_precision_whatever_the_sampling() {
    let mixed = network(&[2, 6, 6], MIXED, OutputLoss::Huber).0;
    let dense = network(&[5], DENSE, OutputLoss::CrossEntropy).0;
    let bent = network(&[5], r#"[{"linear": 4}, "tanh", {"linear": 3}, "relu"]"#, OutputLoss::MeanSquare).0;
    let twice = network(&[5], r#"[{"linear": 4}, "tanh", {"linear": 4}, "relu", {"linear": 3}]"#, OutputLoss::Huber).0;
    let bare = [
        r#"[{"linear": 4, "bias": false}, "tanh", {"linear": 3}]"#,
        r#"[{"linear": 4}, "tanh", {"linear": 3, "bias": false}]"#,
    ]
    .map(|layers| network(&[5], layers, OutputLoss::MeanSquare).0);
    let leaky = [0.01, 0.2].map(|slope| {
        let layers = format!(r#"[{{"linear": 4}}, {{"leaky-relu": {slope}}}, {{"linear": 3}}]"#);
        network(&[5], &layers, OutputLoss::Huber).0
    });
    let linear = network(&[5], r#"[{"linear": 4}, {"linear": 3}]"#, OutputLoss::Huber).0;
    for (network, layout) in [
        (&mixed, "NetworkSgd"),
        (&dense, "MlpSgd"),
        (&bent, "NetworkSgd"),
        (&twice, "NetworkSgd"),
        (&linear, "NetworkSgd"),
        (&bare[0], "NetworkSgd"),
        (&bare[1], "NetworkSgd"),
        (&leaky[0], "MlpSgd"),
        (&leaky[1], "NetworkSgd"),
    ] {
        for sampling in SAMPLINGS {
            for (precision, real) in [(Precision::Float64, "f64"), (Precision::Float32, "f32")] {
                let name = format!("{:?}", Sgd::on(network, settings(0.1, 2, sampling), precision).unwrap());
                assert!(name.contains(layout) && name.contains(&format!("{real}>")), "{name}");
            }
        }
        assert!(Sgd::on(network, settings(0.1, 51, Sampling::EpochShuffle), Precision::Float32).is_err());
    }
}

/// The ends are those of the general chain, whatever the test.
fn check_ends<R: Float>() {
    let (problem, start) = network(&[2, 6, 6], MIXED, OutputLoss::CrossEntropy);
    let drawn = settings(0.05, 4, Sampling::WithReplacement);
    let general = Sgd::new(&problem, drawn).unwrap();
    let fast = NetworkSgd::<R>::new(&problem, drawn).unwrap();
    let by = |reach: f64| start.iter().map(|x| x + reach).collect::<Vec<f64>>();
    let (low, high) = (by(-0.1), by(0.1));
    // The second plane is the nearer one.
    let normals = wave(2 * start.len(), 1.0);
    let height = |plane: usize| normals[plane * start.len()..].iter().zip(&start).map(|(n, x)| n * x).sum::<f64>();
    let offsets = [height(0) + 1.0, height(1) + 0.02];
    for exit in [
        ExitTest::HalfSpaces { normals: &normals, offsets: &offsets },
        ExitTest::Box { lower: &low, upper: &high },
        ExitTest::Ball { centre: &start, radius_squared: 0.05 },
        ExitTest::Never,
    ] {
        let (mut solo, mut block) = (general.block(), fast.block());
        solo.load(0, &replica(&start, 9, 1));
        block.load(0, &replica(&start, 9, 1));
        let want = general.advance(&mut solo, 400, &exit);
        assert_eq!(fast.advance(&mut block, 400, &exit), want, "{exit:?}");
        assert_eq!(block.ends(), solo.ends());
        assert_eq!(block.ends() == [Some(LaneEnd::Escaped)], exit != ExitTest::Never, "{exit:?}");
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

/// A replica moved through a checkpoint into another block half-way has the same bits.
fn check_moves<R: Float>(sampling: Sampling) {
    let (problem, start) = network(&[2, 6, 6], MIXED, OutputLoss::Logistic);
    let sgd = NetworkSgd::<R>::new(&problem, settings(0.05, 7, sampling)).unwrap();
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
    for sampling in SAMPLINGS {
        check_moves::<f32>(sampling);
        check_moves::<f64>(sampling);
    }
}

/// Out of a ball, and through a level of the loss.
#[test]
fn an_ensemble_does_not_depend_on_the_number_of_threads() {
    let (problem, start) = network(&[2, 6, 6], MIXED, OutputLoss::CrossEntropy);
    let level = 1.02 * LossMeter::new(&problem).loss(&start);
    for region in
        [Region::Ball { centre: start.clone(), radius: 0.3 }, Region::LossLevel { loss: level, check_every: 1 }]
    {
        let sgd = NetworkSgd::<f32>::new(&problem, settings(0.2, 2, Sampling::WithReplacement)).unwrap();
        let sgd = AnyDynamics::new(sgd);
        let run = EscapeRun { start: start.clone(), region, replicas: 20, max_steps: 200, seed: 3 };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run.run(&sgd, &problem, &Stop::new(), |_| {}).unwrap())
        };
        let ends = on(1);
        assert!(ends.iter().any(|end| matches!(end, Termination::Escaped { .. })), "{ends:?}");
        assert_eq!(ends, on(3));
    }
}
