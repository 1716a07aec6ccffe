//! Layers one by one, and networks drawn at random.

use super::*;

#[test]
fn every_layer_is_its_definition() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for text in [
        r#"[{"linear": 3}]"#,
        r#"[{"conv2d": 4, "kernel": 3, "padding": 1, "groups": 2}, "tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 3, "kernel": 2, "stride": 2}, "silu", {"conv2d": 2, "kernel": 1}]"#,
        r#"[{"conv2d": 1, "kernel": 1, "padding": 1}, "tanh", {"conv2d": 1, "kernel": 3, "padding": 3, "stride": 3}]"#,
        r#"["tanh", {"conv2d": 2, "kernel": 3, "stride": 2, "padding": 1}, "gelu", {"conv2d": 1, "kernel": 2}]"#,
        r#"[{"max-pool2d": 2}, {"conv2d": 2, "kernel": 2}, {"max-pool2d": 2, "stride": 1, "padding": 1}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"avg-pool2d": 3, "stride": 2, "padding": 1}, "sigmoid", "flatten", {"linear": 2}]"#,
        r#"["layer-norm", "softplus", {"conv2d": 2, "kernel": 2}, "layer-norm", "tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 4, "kernel": 2}, {"group-norm": 2}, "gelu-tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, "batch-norm", "relu", "flatten", "batch-norm", {"linear": 2}, "leaky-relu"]"#,
        r#"[{"residual": [{"conv2d": 2, "kernel": 3, "padding": 1}, "tanh", {"conv2d": 2, "kernel": 1}]}, "flatten", {"linear": 2}]"#,
        r#"["flatten", {"linear": 4}, {"residual": ["tanh", {"residual": [{"linear": 4}, "identity"]}]}, {"linear": 1}]"#,
        r#"[{"residual": [{"conv2d": 4, "kernel": 3, "stride": 2, "padding": 1}, "tanh", {"conv2d": 4, "kernel": 1}], "shortcut": [{"conv2d": 4, "kernel": 1, "stride": 2, "bias": false}, "batch-norm"]}, "relu", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, "gelu", {"residual": [{"residual": [{"conv2d": 2, "kernel": 1}, "silu"], "shortcut": [{"group-norm": 1}, "tanh"]}, "tanh"]}, {"residual": ["flatten", {"linear": 3}], "shortcut": [{"avg-pool2d": [5, 4]}, "flatten", {"linear": 3}]}]"#,
        r#"["flatten", "tanh", {"residual": [{"linear": 4}, "tanh", {"residual": ["sigmoid"], "shortcut": [{"linear": 4}]}], "shortcut": [{"linear": 4, "bias": false}, {"residual": [{"linear": 4}, "gelu"]}]}, {"linear": 2}]"#,
        r#"[{"linear": 4, "bias": false}, "tanh", {"linear": 3, "bias": false}]"#,
        r#"[{"linear": 4, "bias": false}, {"leaky-relu": 0.2}, {"linear": 3}, {"layer-norm": true, "epsilon": 0.3}]"#,
        r#"[{"conv2d": 4, "kernel": 3, "padding": 1, "groups": 2, "bias": false}, "batch-norm", "tanh", {"conv2d": 2, "kernel": 1, "bias": false}]"#,
        r#"[{"conv2d": 2, "kernel": 2, "bias": false}, {"batch-norm": true, "epsilon": 0.4}, "gelu", {"conv2d": 2, "kernel": 2, "bias": false}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"batch-norm": true, "scale": false}, "tanh", {"conv2d": 1, "kernel": 2}, {"batch-norm": true, "scale": false, "epsilon": 0.1}]"#,
        r#"[{"conv2d": 4, "kernel": 2}, {"group-norm": 2, "epsilon": 0.2, "scale": false}, "silu", {"conv2d": 2, "kernel": 2}, {"group-norm": 1, "scale": false}]"#,
        r#"[{"layer-norm": true, "scale": false}, {"conv2d": 2, "kernel": 2}, {"layer-norm": true, "epsilon": 0.2, "scale": false}, "flatten", {"linear": 2}]"#,
        r#"[{"layer-norm": true, "bias": false}, {"conv2d": 4, "kernel": 2}, {"group-norm": 2, "bias": false}, "silu", {"batch-norm": true, "bias": false, "epsilon": 0.2}, "flatten", {"layer-norm": true, "bias": false}, {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"max-pool2d": 2, "ceil_mode": true}, {"avg-pool2d": [2, 3], "stride": [2, 1], "padding": 1, "ceil_mode": true}, "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 1}, {"avg-pool2d": 3, "stride": [4, 3], "padding": [1, 0], "count_include_pad": false, "ceil_mode": true}, {"max-pool2d": [2, 1], "stride": 3, "padding": [1, 0], "ceil_mode": true}, "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": [3, 2], "stride": [1, 2], "padding": [2, 0]}, "tanh", {"conv2d": 2, "kernel": [1, 2], "padding": [0, 1]}]"#,
        r#"[{"conv2d": 2, "kernel": [3, 2], "dilation": [2, 3]}, "tanh", {"conv2d": 1, "kernel": 2, "dilation": 2, "padding": 2, "stride": [3, 1]}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"max-pool2d": [1, 3], "stride": [2, 1], "padding": [0, 1]}, "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"avg-pool2d": [3, 2], "stride": [2, 1], "padding": [1, 0], "count_include_pad": false}, "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"avg-pool2d": [2, 3], "padding": [1, 1]}, "flatten", {"linear": 2}]"#,
    ] {
        let shape: &[usize] = if text.starts_with(r#"[{"linear"#) { &[5] } else { &[2, 6, 5] };
        for loss in OutputLoss::ALL {
            Case::new(shape, &layers(text), loss, &mut rng).check(&mut rng);
        }
    }
}

fn sides(rng: &mut ChaCha8Rng, of: std::ops::Range<usize>) -> [usize; 2] {
    [rng.random_range(of.clone()), rng.random_range(of)]
}

fn windows(rng: &mut ChaCha8Rng, kernel: std::ops::Range<usize>) -> Windows {
    Windows { kernel: sides(rng, kernel), stride: sides(rng, 1..3), padding: sides(rng, 0..2) }
}

/// Random layers that fit, the last of them flat: of each kind, each as often.
fn architecture(rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<LayerWord>) {
    let shape = vec![rng.random_range(1..3), rng.random_range(3..7), rng.random_range(3..7)];
    let mut layers: Vec<LayerWord> = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        let word = match rng.random_range(0..9) {
            0 | 1 => LayerWord::Conv2d {
                channels: 2 * rng.random_range(1..3),
                windows: windows(rng, 1..4),
                dilation: sides(rng, 1..3),
                groups: rng.random_range(1..3),
                bias: rng.random(),
            },
            2 => LayerWord::MaxPool2d { windows: windows(rng, 1..4), ceil: rng.random() },
            3 => LayerWord::AvgPool2d { windows: windows(rng, 1..4), counts_padding: rng.random(), ceil: rng.random() },
            4 => {
                let epsilon = [1e-5, 0.1][rng.random_range(0..2)];
                let normalised = Normalised { epsilon, scale: rng.random(), bias: rng.random() };
                match rng.random_range(0..3) {
                    0 => LayerWord::LayerNorm(normalised),
                    1 => LayerWord::BatchNorm(normalised),
                    _ => LayerWord::GroupNorm { groups: rng.random_range(1..3), normalised },
                }
            }
            5 => {
                let windows = Windows { kernel: [1; 2], stride: [rng.random_range(1..3); 2], padding: [0; 2] };
                let (channels, bias) = (rng.random_range(1..5), rng.random());
                let branch = |function: Activation| {
                    let convolution = LayerWord::Conv2d { channels, windows, dilation: [1; 2], groups: 1, bias };
                    vec![convolution, LayerWord::Activation(function)]
                };
                let shortcut = if rng.random() { branch(Activation::Silu) } else { Vec::new() };
                LayerWord::Residual { layers: branch(Activation::Tanh), shortcut }
            }
            6 => LayerWord::LeakyRelu { slope: rng.random_range(-0.5..1.5) },
            _ => LayerWord::Activation(Activation::ALL[rng.random_range(0..Activation::ALL.len())]),
        };
        let longer = [&layers[..], &[word]].concat();
        if builder::graph(&shape, &longer).is_ok() {
            layers = longer;
        }
    }
    layers.extend([LayerWord::Flatten, LayerWord::Linear { outputs: rng.random_range(1..4), bias: rng.random() }]);
    (shape, layers)
}

#[test]
fn random_networks_are_their_definition() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for k in 0..60 {
        let (shape, layers) = architecture(&mut rng);
        Case::new(&shape, &layers, OutputLoss::ALL[k % 4], &mut rng).check(&mut rng);
    }
}

#[test]
fn a_block_of_samples_is_its_samples() {
    // More samples than a block has, which is made small.
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let text = r#"[{"conv2d": 2, "kernel": 3}, "tanh", "flatten", {"linear": 2}]"#;
    let inputs = normals(7 * 25, &mut rng);
    let targets = normals(14, &mut rng);
    let mut network = Network::new(&[1, 5, 5], &layers(text), OutputLoss::MeanSquare, inputs, targets).unwrap();
    network.block = 3;
    let theta = network.init(Initialisation::He, &mut rng);
    let report = check(&network, &theta, 4);
    assert!(report.is_ok(), "{report}");
}
