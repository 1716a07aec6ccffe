//! How many steps a block takes between two looks at the clock.

use std::time::{Duration, Instant};

/// As many steps as take about [`TIME`](Self::TIME), so that a request to stop is heard soon however dear a step is. What replicas
/// do does not depend on it.
pub(super) struct Pace {
    most: u64,
}

impl Pace {
    /// The longest time between two looks, but for that of one step.
    const TIME: Duration = Duration::from_millis(100);
    /// The most steps.
    const MOST: u64 = 4096;

    /// Nothing is known of a step yet.
    pub(super) fn new() -> Self {
        Self { most: 8 }
    }

    /// Lets `advance` take `wanted` steps, or as many of them as there is time for.
    pub(super) fn time<T>(&mut self, wanted: u64, advance: impl FnOnce(u64) -> T) -> T {
        let (steps, begun) = (wanted.min(self.most), Instant::now());
        let done = advance(steps);
        self.learn(steps, begun.elapsed());
        done
    }

    fn learn(&mut self, steps: u64, took: Duration) {
        if took > Self::TIME {
            self.most = (steps / 2).max(1);
        } else if steps == self.most && took < Self::TIME / 4 {
            self.most = (2 * self.most).min(Self::MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dear_steps_are_few_and_cheap_ones_many() {
        for (step, at_least, at_most) in
            [(Duration::from_secs(1), 1, 1), (Duration::from_millis(3), 8, 33), (Duration::from_nanos(10), 4096, 4096)]
        {
            let mut pace = Pace::new();
            for _ in 0..40 {
                let steps = pace.most.min(1_000_000);
                pace.learn(steps, step * steps as u32);
            }
            assert!((at_least..=at_most).contains(&pace.most), "{} steps of {step:?}", pace.most);
        }
        assert_eq!(Pace::new().time(3, |steps| steps), 3);
    }
}
