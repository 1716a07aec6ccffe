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
    ] {
        let shape: &[usize] = if text.starts_with(r#"[{"linear"#) { &[5] } else { &[2, 6, 5] };
        for loss in OutputLoss::ALL {
            Case::new(shape, &layers(text), loss, &mut rng).check(&mut rng);
        }
    }
}

/// Random layers that fit, the last of them flat: of each kind, each as often.
fn architecture(rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<LayerWord>) {
    let shape = vec![rng.random_range(1..3), rng.random_range(3..7), rng.random_range(3..7)];
    let mut layers: Vec<LayerWord> = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        let word = match rng.random_range(0..8) {
            0 | 1 => {
                let windows = Windows {
                    kernel: rng.random_range(1..4),
                    stride: rng.random_range(1..3),
                    padding: rng.random_range(0..2),
                };
                LayerWord::Conv2d { channels: 2 * rng.random_range(1..3), windows, groups: rng.random_range(1..3) }
            }
            2 => LayerWord::MaxPool2d(Windows {
                kernel: 2,
                stride: rng.random_range(1..3),
                padding: rng.random_range(0..2),
            }),
            3 => LayerWord::AvgPool2d(Windows {
                kernel: 2,
                stride: rng.random_range(1..3),
                padding: rng.random_range(0..2),
            }),
            4 => [LayerWord::LayerNorm, LayerWord::BatchNorm, LayerWord::GroupNorm { groups: 1 }]
                [rng.random_range(0..3)]
            .clone(),
            5 => {
                let windows = Windows { kernel: 1, stride: 1, padding: 0 };
                let channels = rng.random_range(1..5);
                LayerWord::Residual(vec![
                    LayerWord::Conv2d { channels, windows, groups: 1 },
                    LayerWord::Activation(Activation::Tanh),
                ])
            }
            _ => LayerWord::Activation(Activation::ALL[rng.random_range(0..Activation::ALL.len())]),
        };
        let longer = [&layers[..], &[word]].concat();
        if words::graph(&shape, &longer).is_ok() {
            layers = longer;
        }
    }
    layers.extend([LayerWord::Flatten, LayerWord::Linear { outputs: rng.random_range(1..4) }]);
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
