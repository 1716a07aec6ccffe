//! The log of a run: which events make a line, and what is at work at any time.

use crate::remaining::Remaining;
use crate::words;
use logscape::SgdSettings;
use logscape_study::events::{Event, Progress, Trained};
use logscape_study::summary::FEW;

/// Least time between two lines on how far the run has come, in seconds, and the least share of the time that it has taken: so
/// that a run of a week has some thirty of them.
const APART: (f64, f64) = (10.0, 0.5);
/// Settings of many whose beginnings make lines.
const TOLD: usize = 10;

/// What was heard of a run.
pub struct Log {
    remaining: Remaining,
    /// The setting at work: its number, and when it began.
    setting: Option<(usize, f64)>,
    /// Number of all settings.
    of: usize,
    /// The stage at work.
    stage: &'static str,
    /// How far its ensemble has come.
    progress: Option<Progress>,
    /// How far the training has come, while it is at work.
    training: Option<Trained>,
    /// How far something else has come, in words: the reading of the data, products with a matrix.
    detail: Option<String>,
    /// When the last line was written.
    last: f64,
}

impl Log {
    /// The log of a study with these settings.
    pub fn of(settings: &[SgdSettings]) -> Self {
        let remaining = Remaining::of(settings);
        let of = settings.len();
        Self { remaining, setting: None, of, stage: "", progress: None, training: None, detail: None, last: 0.0 }
    }

    /// Takes up an event, so many seconds after the run began; returns its line, if it has one.
    ///
    /// Of a few settings each has its lines; of many, some have one, and there is one from time to time on how far all have come.
    pub fn hear(&mut self, event: &Event, now: f64) -> Option<String> {
        self.detail = match event {
            Event::Reading { share } => Some(words::reading(*share)),
            Event::Eigenvalues { matrix, products, wanted, converged, largest } => {
                Some(words::eigenvalues(*matrix, *products, (*converged, *wanted), largest))
            }
            Event::Products { what, matrix, block, products, of: Some(of), seconds } => {
                Some(words::products(what, (*matrix, block.as_deref()), (*products, *of), *seconds))
            }
            Event::Measuring { what, done, of } => Some(words::measuring(what, *done, *of)),
            // Their iteration says more of them.
            Event::Products { of: None, .. } => self.detail.take(),
            _ => None,
        };
        let line = match event {
            Event::Stage { name, .. } => {
                (self.stage, self.progress) = (name, None);
                None
            }
            Event::Training(training) => {
                let end = training.steps == training.of;
                self.training = Some(training.clone()).filter(|_| !end);
                end.then(|| words::trained(training))
            }
            Event::Setting { number, sgd, .. } => {
                (self.setting, self.stage, self.progress) = (Some((*number, now)), "", None);
                let line = words::setting(*number, self.of, sgd, self.left(now));
                (self.of <= FEW || number % self.of.div_ceil(TOLD) == 0).then_some(line)
            }
            Event::SettingDone { number, seconds, whole, .. } => {
                if *whole {
                    self.remaining.learn(*number, *seconds);
                }
                let end = self.of > FEW && number + 1 == self.of;
                (self.setting, self.progress) = (None, None);
                end.then(|| words::all_done(self.of, now))
            }
            Event::Method { .. } => words::line(event).filter(|_| self.of <= FEW),
            Event::Progress(progress) => {
                let end = (progress.done == progress.expected).then(|| words::ended(progress));
                self.progress = Some(progress.clone()).filter(|_| end.is_none());
                end.filter(|_| self.of <= FEW)
            }
            event => words::line(event),
        };
        let (apart, share) = APART;
        let tells = self.setting.is_some() || self.training.is_some() || self.detail.is_some();
        let late = now - self.last > apart.max(share * self.last) && tells;
        let line = line.or_else(|| late.then(|| self.state(now)));
        if line.is_some() {
            self.last = now;
        }
        line
    }

    /// What is at work, how far it has come, and how long the rest takes where that is known.
    pub fn state(&self, now: f64) -> String {
        let place = self.setting.map(|(number, _)| words::place(number, self.of));
        let work = match (&self.detail, &self.training, &self.progress) {
            (Some(detail), ..) => detail.clone(),
            (None, Some(training), _) => words::training(training),
            (None, None, Some(progress)) => words::so_far(progress),
            (None, None, None) => self.stage.to_owned(),
        };
        let parts: Vec<String> = place.into_iter().chain(Some(work).filter(|work| !work.is_empty())).collect();
        let of_stage = self.training.as_ref().map(Trained::seconds_left);
        let of_stage = of_stage.unwrap_or_else(|| self.progress.as_ref().and_then(Progress::seconds_left));
        let left = match (self.left(now), of_stage) {
            (Some(left), _) => words::left(left),
            (None, Some(seconds)) => words::left_of_stage(seconds),
            (None, None) => String::new(),
        };
        parts.join(": ") + &left
    }

    fn left(&self, now: f64) -> Option<crate::remaining::Left> {
        let (number, since) = self.setting?;
        self.remaining.after(number, now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logscape::Sampling;
    use logscape_study::events::Unit;

    fn settings(count: usize) -> Vec<SgdSettings> {
        let of = |k: usize| SgdSettings {
            learning_rate: 0.1 * (k + 1) as f64,
            batch_size: 1,
            sampling: Sampling::WithReplacement,
        };
        (0..count).map(of).collect()
    }

    fn progress(done: u64, seconds: f64) -> Event {
        Event::Progress(Progress {
            setting: 0,
            dynamics: "sgd".to_owned(),
            stage: "escape",
            method: "direct",
            unit: Unit::Replicas,
            done,
            expected: 20,
            seconds,
            done_before: 0,
        })
    }

    /// The lines of settings of which each takes so long, and has an event each second.
    fn lines(count: usize, seconds: usize) -> Vec<String> {
        let settings = settings(count);
        let (mut log, mut said, mut now) = (Log::of(&settings), Vec::new(), 0.0);
        for (number, &sgd) in settings.iter().enumerate() {
            said.extend(log.hear(&Event::Setting { number, of: count, sgd }, now));
            for second in 1..=seconds {
                now += 1.0;
                said.extend(log.hear(&progress(1 + second as u64 % 18, second as f64), now));
            }
            said.extend(log.hear(&progress(20, seconds as f64), now));
            let done = Event::SettingDone { number, of: count, seconds: seconds as f64, whole: true };
            said.extend(log.hear(&done, now));
        }
        said
    }

    #[test]
    fn the_time_left_is_that_of_the_study_once_a_setting_has_ended() {
        let said = lines(3, 5);
        assert_eq!(said[0], "setting 1 of 3: learning rate 0.1, batch size 1");
        assert_eq!(said[1], "escape: 20 replicas ended");
        assert_eq!(said[2], "setting 2 of 3: learning rate 0.2, batch size 1; about 10 s left");
        assert_eq!(said[4], "setting 3 of 3: learning rate 0.3, batch size 1; about 5 s left");
        assert_eq!(said.len(), 6, "{said:?}");
    }

    #[test]
    fn before_that_it_is_that_of_the_stage_and_says_so() {
        let settings = settings(2);
        let mut log = Log::of(&settings);
        log.hear(&Event::Setting { number: 0, of: 2, sgd: settings[0] }, 0.0);
        assert_eq!(log.state(0.0), "setting 1 of 2");
        let line = log.hear(&progress(5, 20.0), 20.0);
        assert_eq!(line.as_deref(), Some("setting 1 of 2: escape: 5 of 20 replicas; about 60 s left of this stage"));
        // What was taken from an earlier run tells nothing.
        log.hear(&Event::SettingDone { number: 0, of: 2, seconds: 0.1, whole: false }, 21.0);
        log.hear(&Event::Setting { number: 1, of: 2, sgd: settings[1] }, 21.0);
        assert_eq!(log.state(21.0), "setting 2 of 2");
    }

    #[test]
    fn training_is_told_from_time_to_time_and_at_its_end() {
        let training = |steps, seconds, before: f64| {
            Event::Training(Trained {
                optimiser: "adam",
                steps,
                of: 1000,
                loss: Some(0.25),
                seconds,
                share: steps as f64 / 1000.0,
                share_before: before / 1000.0,
            })
        };
        let mut log = Log::of(&settings(1));
        log.hear(&Event::Stage { name: "training", setting: None }, 0.0);
        assert_eq!(log.hear(&training(100, 1.0, 0.0), 1.0), None);
        assert_eq!(log.state(1.0), "training: step 100 of 1000, loss 0.2500; about 9 s left of this stage");
        // What an earlier run has done took no time here.
        let line = log.hear(&training(400, 20.0, 200.0), 20.0);
        let words = "training: step 400 of 1000, loss 0.2500; about 60 s left of this stage";
        assert_eq!(line.as_deref(), Some(words));
        let line = log.hear(&training(1000, 50.0, 200.0), 50.0);
        assert_eq!(line.as_deref(), Some("training: 1000 steps of adam, loss 0.2500"));
        log.hear(&Event::Stage { name: "minimum", setting: None }, 51.0);
        assert_eq!(log.state(51.0), "minimum");
    }

    #[test]
    fn reading_is_told_until_the_data_are_there() {
        let mut log = Log::of(&settings(1));
        assert_eq!(log.hear(&Event::Reading { share: 0.456 }, 1.0), None);
        assert_eq!(log.state(1.0), "data: 46 % read");
        log.hear(&Event::Problem { samples: 3, outputs: 1, parameters: 1 }, 2.0);
        assert_eq!(log.state(2.0), "");
    }

    #[test]
    fn the_log_of_many_settings_is_short_however_long_they_take() {
        for seconds in [1, 60, 3600] {
            let said = lines(100, seconds);
            assert!(said.len() < 45, "{seconds} s each: {}", said.len());
            assert_eq!(said[0], "setting 1 of 100: learning rate 0.1, batch size 1");
            assert!(said.last().is_some_and(|line| line.starts_with("100 settings in ")), "{said:?}");
        }
        let hours = lines(100, 3600);
        assert!(
            hours.iter().any(|line| line.starts_with("setting 51 of 100: ") && line.contains(" left")),
            "{hours:?}"
        );
    }
}
