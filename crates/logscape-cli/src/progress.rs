//! A run on a terminal: a spinner while a stage is at work, a bar with the remaining time of an ensemble, and the log.

use crate::outcome::tell;
use crate::words::line;
use indicatif::{ProgressBar, ProgressStyle};
use logscape_study::events::{Event, Events, Progress, Unit};
use std::time::Duration;

/// Tells events on standard error; where that is no terminal, the log alone.
pub(crate) struct Terminal {
    stage: ProgressBar,
    bar: ProgressBar,
}

impl Terminal {
    /// Nothing is shown yet.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} replicas, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        let stage = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            stage.set_style(style);
        }
        Self { stage, bar }
    }

    fn replicas(&self, progress: &Progress) {
        let Progress { done, expected, .. } = *progress;
        if self.bar.length() != Some(expected) {
            self.bar.reset();
            self.bar.set_length(expected);
        }
        self.bar.set_position(done);
        if done == expected {
            self.bar.finish_and_clear();
            self.bar.set_length(0);
        }
    }
}

impl Events for Terminal {
    fn tell(&self, event: &Event) {
        match event {
            Event::Stage { name, .. } => {
                self.stage.reset();
                self.stage.set_message(*name);
                self.stage.enable_steady_tick(Duration::from_millis(200));
            }
            Event::Progress(progress) if progress.unit == Unit::Replicas => self.replicas(progress),
            _ => {}
        }
        if let Some(line) = line(event) {
            self.stage.finish_and_clear();
            self.bar.suspend(|| tell(&line));
        }
    }
}
