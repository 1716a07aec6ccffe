//! Second moments of the samples' Hessians in the span of the outliers.

use crate::model::HessianMoments;
use crate::operator::full::sum_over_chunks;
use crate::{Interrupted, Problem, Samples, Stop};
use std::f64::consts::FRAC_1_SQRT_2;

/// Leading outliers of which all pairs count: the exact growth of 16 directions is an eigenvalue of a matrix of size 136.
const MIXED: usize = 16;

/// Samples that the problem takes at once for each of a call, whose memory `n` vectors multiply.
const FEWER: usize = 32;

/// The second moments of `A_μ = VᵀH_μV` for the unit vectors `V` (`n` of length `P`), over all samples: one pass over the data
/// with `n` Hessian products for each sample.
///
/// # Errors
/// On an interrupt.
pub(super) fn hessian_moments(
    problem: &dyn Problem,
    theta: &[f64],
    vectors: &[Vec<f64>],
    stop: &Stop,
) -> Result<HessianMoments, Interrupted> {
    let n = vectors.len();
    let mixed = |i: usize| (i..n).filter(move |&j| i == j || j < MIXED).map(move |j| [i, j]);
    let pairs: Vec<[usize; 2]> = (0..n).flat_map(mixed).collect();
    let vectors = vectors.concat();
    let rows = || (0..pairs.len()).map(|row| row * (row + 1) / 2..(row + 1) * (row + 2) / 2);
    let entries = pairs.len() * (pairs.len() + 1) / 2;
    let at_once = problem.samples_at_once().div_ceil(FEWER);
    let sums = sum_over_chunks(problem, entries, |range, out, scratch| {
        let mut hessians = vec![0.0; at_once * n * n];
        for first in range.clone().step_by(at_once) {
            // What is left undone is not used: the same question comes again below.
            if stop.check().is_err() {
                return;
            }
            let samples = first..(first + at_once).min(range.end);
            let hessians = &mut hessians[..samples.len() * n * n];
            problem.sample_hessians_into(theta, &vectors, Samples::Range(samples), hessians, scratch);
            for hessian in hessians.chunks_exact(n * n) {
                for (row, &[i, j]) in rows().zip(&pairs) {
                    let (of_i, of_j) = (&hessian[i * n..][..n], &hessian[j * n..][..n]);
                    for (out, &[k, l]) in out[row].iter_mut().zip(&pairs) {
                        *out += of_i[k] * of_j[l] + of_i[l] * of_j[k];
                    }
                }
            }
        }
    });
    stop.check()?;
    // tr(E_ij A E_kl A) for E_ij = v_i v_jᵀ + v_j v_iᵀ is twice what is summed, and these are normalised.
    let weight = |[i, j]: [usize; 2]| if i == j { FRAC_1_SQRT_2 } else { 1.0 };
    let share = 1.0 / problem.samples() as f64;
    let matrix = rows()
        .zip(&pairs)
        .map(|(row, &a)| sums[row].iter().zip(&pairs).map(|(sum, &b)| share * weight(a) * weight(b) * sum).collect())
        .collect();
    Ok(HessianMoments { pairs, matrix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{GeometryConfig, SpectrumConfig, measure, spectrum};
    use crate::network::Activation;
    use crate::operator::dense::eigen;
    use crate::operator::testing::Linear;
    use crate::problem::Mlp;
    use crate::random::{Purpose, stream};
    use crate::theory::stationary::mean_square_growth;
    use crate::{Geometry, Minimum, Sampling, SgdSettings};
    use faer::Mat;
    use rand_distr::{Distribution, StandardNormal};

    fn measured(problem: &Linear) -> Geometry {
        let minimum = Minimum {
            theta: vec![0.0; problem.x[0].len()],
            loss: 1.0,
            gradient_norm: 0.0,
            converged: true,
            iterations: 0,
            method: String::new(),
            interpolating: None,
            running_away: None,
        };
        let config = GeometryConfig { resamples: 2, scaling_points: 3, ..GeometryConfig::default() };
        measure(problem, &minimum, &config, &Stop::new()).unwrap()
    }

    fn growth(geometry: &Geometry, learning_rate: f64, batch_size: usize, sampling: Sampling) -> f64 {
        mean_square_growth(geometry, &SgdSettings { learning_rate, batch_size, sampling }).unwrap()
    }

    /// Six inputs with the first five moments of the normal law.
    #[test]
    fn growth_of_gaussian_inputs_has_its_closed_form() {
        let x = [0.0, 0.0, 0.0, 0.0, 3.0_f64.sqrt(), -3.0_f64.sqrt()].map(|x| vec![x]).to_vec();
        let found = measured(&Linear { x, y: vec![1.0, -1.0, 1.0, -1.0, 0.5, 0.5] });
        for eta in [0.1, 0.5, 0.9, 1.4] {
            for batch in [1, 2, 5] {
                let exact = |effective: f64| 1.0 - 2.0 * eta + eta * eta * (1.0 + 2.0 / effective);
                let with = growth(&found, eta, batch, Sampling::WithReplacement);
                assert!((with - exact(batch as f64)).abs() < 1e-12, "{eta} {batch}: {with}");
                let without = growth(&found, eta, batch, Sampling::WithoutReplacement);
                assert!((without - exact(5.0 * batch as f64 / (6.0 - batch as f64))).abs() < 1e-12, "{without}");
            }
            // The full batch is gradient descent.
            let full = growth(&found, eta, 6, Sampling::WithoutReplacement);
            assert!((full - (1.0 - eta).powi(2)).abs() < 1e-12, "{full}");
        }
        assert!((growth(&found, 0.9, 1, Sampling::WithReplacement) - 1.63).abs() < 1e-12);
    }

    /// All batches of two or three samples, one by one, of a network away from any perfect fit.
    #[test]
    fn growth_is_the_spectral_radius_over_all_batches() {
        const N: usize = 8;
        let mut rng = stream(3, Purpose::Check, 0);
        let mut normals = |count: usize| -> Vec<f64> { StandardNormal.sample_iter(&mut rng).take(count).collect() };
        let problem = Mlp::new(&[2, 2, 1], Activation::Tanh, normals(2 * N), normals(N)).unwrap();
        let (theta, p) = (normals(9), 9);
        let found = spectrum(&problem, &theta, &SpectrumConfig::default(), &Stop::new(), &|_| {}).unwrap();
        let mut geometry = measured(&Linear::gaussian(1, N, 1.0, 1));
        geometry.eigenvalues.clone_from(&found.values);
        geometry.hessian_moments = hessian_moments(&problem, &theta, &found.vectors, &Stop::new()).unwrap();
        let hessians: Vec<Mat<f64>> = (0..N)
            .map(|sample| {
                let mut columns = vec![0.0; p * p];
                let unit: Vec<f64> = (0..p * p).map(|k| f64::from(u8::from(k % (p + 1) == 0))).collect();
                let mut scratch = vec![0.0; problem.scratch_len(1)];
                let one = Samples::Range(sample..sample + 1);
                problem.hvp_block_into(&theta, &unit, one, &mut columns, &mut scratch);
                Mat::from_fn(p, p, |i, j| columns[j * p + i])
            })
            .collect();
        let radius = |batches: &[Vec<usize>], eta: f64| {
            let mut mean = Mat::<f64>::zeros(p * p, p * p);
            for batch in batches {
                let step = Mat::from_fn(p, p, |i, j| {
                    let hessian: f64 = batch.iter().map(|&k| hessians[k][(i, j)]).sum::<f64>() / batch.len() as f64;
                    f64::from(u8::from(i == j)) - eta * hessian
                });
                mean += Mat::from_fn(p * p, p * p, |a, b| step[(a / p, b / p)] * step[(a % p, b % p)]);
            }
            eigen((mean / batches.len() as f64).as_ref()).unwrap().0[0]
        };
        let words = |length: u32| -> Vec<Vec<usize>> {
            (0..N.pow(length)).map(|word| (0..length).map(|k| word / N.pow(k) % N).collect()).collect()
        };
        let sharpest = 1.0 / found.values[0];
        for eta in [0.3 * sharpest, 1.2 * sharpest] {
            for length in [1, 2, 3] {
                let with = words(length);
                let distinct = |word: &Vec<usize>| (1..word.len()).all(|k| !word[..k].contains(&word[k]));
                let without: Vec<_> = with.iter().filter(|word| distinct(word)).cloned().collect();
                for (batches, sampling) in [(with, Sampling::WithReplacement), (without, Sampling::WithoutReplacement)]
                {
                    let (exact, found) = (radius(&batches, eta), growth(&geometry, eta, length as usize, sampling));
                    assert!((found / exact - 1.0).abs() < 1e-11, "{eta} {length} {sampling:?}: {found} {exact}");
                }
            }
        }
    }

    /// Beyond 16 outliers the growth is a lower bound, and close where samples are many: the mixed pairs average out.
    #[test]
    fn growth_of_many_outliers_is_a_close_lower_bound() {
        let (d, n, eta) = (24, 600, 0.05);
        let problem = Linear::gaussian(d, n, 1.0, 4);
        let mut geometry = measured(&problem);
        let found = spectrum(&problem, &vec![0.0; d], &SpectrumConfig::default(), &Stop::new(), &|_| {}).unwrap();
        geometry.eigenvalues.clone_from(&found.values);
        geometry.hessian_moments = hessian_moments(&problem, &vec![0.0; d], &found.vectors, &Stop::new()).unwrap();
        assert_eq!(geometry.hessian_moments.pairs.len(), 16 * 17 / 2 + 8);
        // Power iteration over the samples: (I − ηxxᵀ) M (I − ηxxᵀ).
        let mut matrix = Mat::<f64>::identity(d, d);
        let mut exact = 0.0;
        for _ in 0..200 {
            let mut next = Mat::<f64>::zeros(d, d);
            for x in &problem.x {
                let image: Vec<f64> = (0..d).map(|i| (0..d).map(|j| matrix[(i, j)] * x[j]).sum()).collect();
                let square: f64 = x.iter().zip(&image).map(|(x, y)| x * y).sum();
                next += Mat::from_fn(d, d, |i, j| {
                    let cross = x[i] * image[j] + image[i] * x[j];
                    (matrix[(i, j)] - eta * cross + eta * eta * square * x[i] * x[j]) / n as f64
                });
            }
            exact = next.norm_l2() / matrix.norm_l2();
            matrix = next;
        }
        let found = growth(&geometry, eta, 1, Sampling::WithReplacement);
        assert!(found <= exact * (1.0 + 1e-12) && found > 0.98 * exact, "{found} {exact}");
    }
}
