//! Ratios of mean times of replicas that were watched twice.

use super::Observation;
use super::groups::jackknife;
use crate::Estimate;

/// `log₁₀` of the ratio of two mean times, `a` over `b`, of replicas that were each watched in both ways, with the 95 % interval of a
/// jackknife over replicas.
///
/// Means are times at risk over events. What the two have in common, such as their random numbers, cancels replica by replica. `None`
/// with fewer than two replicas, or where either has no event, with or without any one replica.
pub fn log10_ratio_of_means(pairs: &[[Observation; 2]]) -> Option<Estimate> {
    let mean = |kept: &[&[Observation; 2]], k: usize| {
        let events = kept.iter().filter(|pair| pair[k].event).count();
        kept.iter().map(|pair| pair[k].time).sum::<f64>() / events as f64
    };
    jackknife(&pairs.iter().collect::<Vec<_>>(), |kept| (mean(kept, 0) / mean(kept, 1)).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A wait with the mean 3, to which a wait of the mean 1 is added: the ratio is 4/3.
    #[test]
    fn waits_after_waits_have_the_ratio_of_their_means() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut wait = || -(1.0 - rng.random::<f64>()).ln();
        let exact = (4.0_f64 / 3.0).log10();
        let (mut covered, mut width) = (0, 0.0);
        for _ in 0..500 {
            let pairs: Vec<[Observation; 2]> = (0..64)
                .map(|_| {
                    let time = 3.0 * wait();
                    [time + wait(), time].map(|time| Observation { time, event: true })
                })
                .collect();
            let found = log10_ratio_of_means(&pairs).unwrap();
            covered += usize::from(found.covers(exact));
            width += (found.ci95[1] - found.ci95[0]) / 500.0;
        }
        // Binomial(500, 0.95) lies in 459..=488 with probability 0.996.
        assert!((459..=488).contains(&covered), "{covered}");
        // Of times that have nothing in common it would be 0.3.
        assert!(width < 0.1, "{width}");
    }

    #[test]
    fn without_events_there_is_no_ratio() {
        let never = Observation { time: 5.0, event: false };
        let once = Observation { time: 2.0, event: true };
        assert_eq!(log10_ratio_of_means(&[[never, once], [never, once]]), None);
        assert_eq!(log10_ratio_of_means(&[[once, once]]), None);
    }
}
