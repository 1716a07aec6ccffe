//! How long the rest of a study takes, as its finished settings tell.

use logscape::SgdSettings;

/// The settings of a study, and how long those took that have ended.
pub(crate) struct Remaining {
    /// Logarithms of learning rate and batch size of every setting, in the order in which they are run.
    places: Vec<[f64; 2]>,
    /// Wall time of each that was computed here from its beginning, in seconds.
    took: Vec<(usize, f64)>,
}

/// Time that is left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Left {
    /// In seconds.
    pub(crate) seconds: f64,
    /// Whether the setting at work has taken longer than those like it, so that no one knows how much is missing.
    pub(crate) at_least: bool,
}

impl Remaining {
    /// Nothing is known yet of these settings.
    pub(crate) fn of(settings: &[SgdSettings]) -> Self {
        let place = |sgd: &SgdSettings| [sgd.learning_rate.ln(), (sgd.batch_size as f64).ln()];
        Self { places: settings.iter().map(place).collect(), took: Vec::new() }
    }

    /// A setting took so long. One whose work was taken from an earlier run in part tells nothing.
    pub(crate) fn learn(&mut self, number: usize, seconds: f64) {
        if number < self.places.len() {
            self.took.push((number, seconds));
        }
    }

    /// Time for the setting `current`, at work since `elapsed` seconds, and all after it, each of which takes as long as the one most
    /// like it among those that have ended. None where none has.
    pub(crate) fn after(&self, current: usize, elapsed: f64) -> Option<Left> {
        let now = self.expected(current)? - elapsed;
        let later: f64 = (current + 1..self.places.len()).filter_map(|number| self.expected(number)).sum();
        Some(Left { seconds: now.max(0.0) + later, at_least: now < 0.0 })
    }

    /// What the nearest setting took that has ended: the last one of equals.
    fn expected(&self, number: usize) -> Option<f64> {
        let [x, y] = *self.places.get(number)?;
        let distance = |other: usize| {
            let [u, v] = self.places[other];
            (x - u).hypot(y - v)
        };
        let nearer = |a: &&(usize, f64), b: &&(usize, f64)| distance(a.0).total_cmp(&distance(b.0));
        self.took.iter().rev().min_by(nearer).map(|(_, seconds)| *seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logscape::Sampling;

    fn settings(places: &[(f64, usize)]) -> Vec<SgdSettings> {
        let sampling = Sampling::WithReplacement;
        let of = |&(learning_rate, batch_size): &(f64, usize)| SgdSettings { learning_rate, batch_size, sampling };
        places.iter().map(of).collect()
    }

    #[test]
    fn nothing_is_known_before_a_setting_has_ended_here() {
        let mut remaining = Remaining::of(&settings(&[(0.1, 1), (0.2, 1)]));
        assert_eq!(remaining.after(0, 5.0), None);
        remaining.learn(0, 10.0);
        assert_eq!(remaining.after(1, 0.0), Some(Left { seconds: 10.0, at_least: false }));
    }

    #[test]
    fn a_setting_is_expected_to_take_as_long_as_the_one_most_like_it() {
        // Batch sizes of 1 take 10 s, those of 64 take 100 s: three learning rates of each, whose first have ended.
        let grid = settings(&[(0.1, 1), (0.1, 64), (0.2, 1), (0.2, 64), (0.4, 1), (0.4, 64)]);
        let mut remaining = Remaining::of(&grid);
        remaining.learn(0, 10.0);
        remaining.learn(1, 100.0);
        assert_eq!(remaining.after(2, 4.0), Some(Left { seconds: 6.0 + 100.0 + 10.0 + 100.0, at_least: false }));
        // What a nearer one takes is known better.
        remaining.learn(2, 20.0);
        assert_eq!(remaining.after(3, 0.0), Some(Left { seconds: 100.0 + 20.0 + 100.0, at_least: false }));
    }

    #[test]
    fn a_setting_that_takes_longer_than_was_thought_makes_a_lower_bound() {
        let mut remaining = Remaining::of(&settings(&[(0.1, 1), (0.2, 1), (0.3, 1)]));
        remaining.learn(0, 10.0);
        assert_eq!(remaining.after(1, 12.0), Some(Left { seconds: 10.0, at_least: true }));
    }
}
