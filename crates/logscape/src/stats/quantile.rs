//! Quantiles: of histograms of independent groups, and of censored times.

use super::groups::jackknife;
use super::{Histogram, SurvivalPoint};
use crate::Estimate;

/// The quantile of `share` of all counts of the groups, which have the same bins, with a jackknife interval over the groups.
///
/// Within a bin the distribution function is interpolated along the bins' axis, so that the error of binning is less than the
/// width of a bin, and far less where the density is smooth. `None` where the quantile lies outside of the bins, with or
/// without any one group, or with fewer than two groups that have counts.
pub fn quantile(groups: &[Histogram], share: f64) -> Option<Estimate> {
    let groups: Vec<&Histogram> = groups.iter().filter(|group| group.total() > 0).collect();
    jackknife(&groups, |kept| of(kept, share).unwrap_or(f64::NAN))
}

fn of(groups: &[&Histogram], share: f64) -> Option<f64> {
    let first = groups.first()?;
    let wanted = share * groups.iter().map(|group| group.total() as f64).sum::<f64>();
    let mut below = groups.iter().map(|group| group.underflow() as f64).sum::<f64>();
    if wanted < below {
        return None;
    }
    for bin in 0..first.counts().len() {
        let count = groups.iter().map(|group| group.counts()[bin] as f64).sum::<f64>();
        if count > 0.0 && below + count >= wanted {
            return Some(first.inside(bin, (wanted - below) / count));
        }
        below += count;
    }
    None
}

/// The time by which `share` of the replicas have had their event, from a Kaplan–Meier curve; the interval is where the ends of
/// the curve's band pass `1 − share` (Brookmeyer & Crowley 1982), and has no upper end where the upper one does not come so low. `None`
/// where the curve does not.
pub fn survival_quantile(curve: &[SurvivalPoint], share: f64) -> Option<Estimate> {
    let left = 1.0 - share;
    let passed = |height: fn(&SurvivalPoint) -> f64| curve.iter().find(|p| height(p) <= left).map(|p| p.time);
    Some(Estimate {
        value: passed(|p| p.survival.value)?,
        ci95: [passed(|p| p.survival.ci95[0])?, passed(|p| p.survival.ci95[1]).unwrap_or(f64::INFINITY)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Observation, Scale, kaplan_meier};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Exponential numbers, whose quantiles are `−ln(1 − p)`.
    #[test]
    fn quantiles_of_exponential_numbers_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for (scale, lower, upper) in [(Scale::Logarithmic, 1e-4, 1e2), (Scale::Linear, 0.0, 20.0)] {
            let mut groups = vec![Histogram::new(scale, lower, upper, 200).unwrap(); 16];
            for group in &mut groups {
                (0..20_000).for_each(|_| group.add(-rng.random::<f64>().ln()));
            }
            for p in [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] {
                let (found, exact) = (quantile(&groups, p).unwrap(), -(1.0_f64 - p).ln());
                let error = (found.ci95[1] - found.ci95[0]) / (2.0 * 2.13);
                // 320,000 numbers: standard error √(p/(1 − p)/n) of the quantile; bins add a hundredth of their width.
                let known = (p / (1.0 - p) / 320_000.0_f64).sqrt();
                assert!(error > 0.4 * known && error < 2.0 * known, "{p}: {error} {known}");
                let bin = if scale == Scale::Linear { 0.1 } else { 0.07 * exact };
                assert!((found.value - exact).abs() < 4.0 * known + 0.02 * bin, "{p}: {found:?} against {exact}");
            }
        }
    }

    #[test]
    fn a_quantile_outside_of_the_bins_is_none() {
        let mut groups = vec![Histogram::new(Scale::Linear, 0.0, 1.0, 10).unwrap(); 2];
        groups.iter_mut().for_each(|group| [-1.0, -1.0, 0.5, 2.0].into_iter().for_each(|x| group.add(x)));
        assert_eq!(quantile(&groups, 0.2), None);
        assert_eq!(quantile(&groups, 0.9), None);
        assert!((quantile(&groups, 0.6).unwrap().value - 0.54).abs() < 1e-9);
        assert_eq!(quantile(&groups[..1], 0.6), None, "one group has no interval");
    }

    #[test]
    fn medians_of_censored_times_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut times = |censor: f64| -> Vec<Observation> {
            let time = |_| -rng.random::<f64>().ln();
            (0..4_000).map(time).map(|x| Observation { time: x.min(censor), event: x <= censor }).collect()
        };
        let curve = kaplan_meier(&times(2.0));
        for p in [0.1, 0.5, 0.8] {
            let found = survival_quantile(&curve, p).unwrap();
            let (exact, error) = (-(1.0_f64 - p).ln(), (p / (1.0 - p) / 4_000.0_f64).sqrt());
            assert!((found.value - exact).abs() < 4.0 * error, "{p}: {found:?}");
            let width = (found.ci95[1] - found.ci95[0]) / (2.0 * 1.96 * error);
            assert!((0.7..1.4).contains(&width), "{p}: {width}");
        }
        // 86 % have escaped by then.
        assert_eq!(survival_quantile(&curve, 0.9), None);
        assert_eq!(survival_quantile(&[], 0.5), None);
        // Of four times the third is the last below three quarters, which the true curve may be above for ever.
        let few: Vec<Observation> = (1..5).map(|k| Observation { time: f64::from(k), event: true }).collect();
        let found = survival_quantile(&kaplan_meier(&few), 0.75).unwrap();
        assert_eq!((found.value, found.ci95[1]), (3.0, f64::INFINITY));
    }
}
