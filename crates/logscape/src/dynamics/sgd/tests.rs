//! Batches and one-step covariance of SGD against their definitions.

use super::*;
use crate::ensemble::testing::Line;
use crate::ensemble::{Purpose, stream};

fn settings(learning_rate: f64, batch_size: usize, sampling: Sampling) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling }
}

#[test]
fn bad_settings_are_refused() {
    let line = Line::six();
    let refuse = |rate, batch, sampling| Sgd::new(&line, settings(rate, batch, sampling)).err();
    assert_eq!(refuse(0.0, 1, Sampling::WithReplacement), Some(SgdError::LearningRate(0.0)));
    assert!(refuse(f64::NAN, 1, Sampling::WithReplacement).is_some());
    assert_eq!(refuse(0.1, 0, Sampling::WithReplacement), Some(SgdError::EmptyBatch));
    let too_large = Some(SgdError::BatchTooLarge { batch: 7, samples: 6 });
    assert_eq!(refuse(0.1, 7, Sampling::WithoutReplacement), too_large);
    assert_eq!(refuse(0.1, 7, Sampling::EpochShuffle), too_large);
    assert_eq!(refuse(0.1, 7, Sampling::WithReplacement), None);
}

#[test]
fn one_step_covariance_is_that_of_the_sampling() {
    let line = Line::six();
    let theta = 0.3;
    let gradient = |x: f64, y: f64| x * (theta * x - y);
    let mean = line.mean(gradient);
    let c = line.mean(|x, y| (gradient(x, y) - mean).powi(2));
    let (eta, steps) = (0.01, 200_000);
    for (sampling, batch, want) in [
        (Sampling::WithReplacement, 1, c),
        (Sampling::WithReplacement, 4, c / 4.0),
        (Sampling::WithoutReplacement, 4, c * 2.0 / (4.0 * 5.0)),
        (Sampling::WithoutReplacement, 6, 0.0),
        (Sampling::EpochShuffle, 3, c * 3.0 / (3.0 * 5.0)),
    ] {
        let sgd = Sgd::new(&line, settings(eta, batch, sampling)).unwrap();
        let mut replica = sgd.replica(&[theta], stream(11, Purpose::Escape, 0));
        let mut scratch = vec![0.0; sgd.scratch_len()];
        let (mut m1, mut m2, mut m4) = (0.0, 0.0, 0.0);
        for _ in 0..steps {
            replica.theta[0] = theta;
            assert_eq!(sgd.advance(&mut replica, 1, &ExitTest::Never, &mut scratch), Progress::Running);
            let deviation = (theta - replica.theta[0]) / eta - mean;
            m1 += deviation / f64::from(steps);
            m2 += deviation.powi(2) / f64::from(steps);
            m4 += deviation.powi(4) / f64::from(steps);
        }
        // Four standard errors; the rounding of θ/η stays below 1e-12.
        let error = 4.0 * ((m4 - m2 * m2).max(0.0) / f64::from(steps)).sqrt() + 1e-12;
        assert!((m2 - want).abs() < error, "{sampling:?} {batch}: {m2} against {want} ± {error}");
        assert!(m1.abs() < 4.0 * (m2 / f64::from(steps)).sqrt() + 1e-12);
    }
}

#[test]
fn an_epoch_visits_every_sample_once() {
    let line = Line::six();
    for (batch, visited) in [(1, 6), (2, 6), (3, 6), (4, 4), (5, 5)] {
        let sgd = Sgd::new(&line, settings(0.1, batch, Sampling::EpochShuffle)).unwrap();
        let mut replica = sgd.replica(&[0.0], stream(5, Purpose::Escape, 0));
        let mut total = [0_u32; 6];
        for _ in 0..6_000 {
            let mut seen = Vec::new();
            for _ in 0..6 / batch {
                let range = sgd.draw(&mut replica);
                seen.extend_from_slice(&replica.order[range]);
            }
            for &i in &seen {
                total[i as usize] += 1;
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), visited);
        }
        // Each sample is in an epoch with probability q: binomial, five standard errors.
        let q = visited as f64 / 6.0;
        let error = 5.0 * (6_000.0 * q * (1.0 - q)).sqrt();
        assert!(total.iter().all(|&n| (f64::from(n) - 6_000.0 * q).abs() <= error), "{total:?}");
    }
}

#[test]
fn subsets_have_no_repetition() {
    let line = Line::six();
    let sgd = Sgd::new(&line, settings(0.1, 4, Sampling::WithoutReplacement)).unwrap();
    let mut replica = sgd.replica(&[0.0], stream(6, Purpose::Escape, 0));
    for _ in 0..1000 {
        let range = sgd.draw(&mut replica);
        let mut batch = replica.order[range].to_vec();
        batch.sort_unstable();
        batch.dedup();
        assert_eq!(batch.len(), 4);
    }
}
