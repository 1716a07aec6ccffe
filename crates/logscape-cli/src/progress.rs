//! What takes long on a terminal: what is at work, how far it has come and how long the rest takes, below the lines of the log.

use crate::log::Log;
use crate::outcome::tell;
use indicatif::{ProgressBar, ProgressStyle};
use logscape::SgdSettings;
use logscape_study::events::{Event, Events};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells events on standard error; where that is no terminal, the lines of the log alone.
pub struct Terminal {
    begun: Instant,
    log: Mutex<Log>,
    state: ProgressBar,
}

impl Terminal {
    /// Of a study with these settings that begins now.
    pub fn of(settings: &[SgdSettings]) -> Self {
        let state = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed} so far)") {
            state.set_style(style);
        }
        Self { begun: Instant::now(), log: Mutex::new(Log::of(settings)), state }
    }

    /// Takes away what stands below the log.
    pub fn clear(&self) {
        self.state.finish_and_clear();
    }
}

impl Events for Terminal {
    fn tell(&self, event: &Event) {
        if matches!(event, Event::Finished { .. }) {
            self.clear();
            return;
        }
        let now = self.begun.elapsed().as_secs_f64();
        // Lines come in the order of their events.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let line = log.hear(event, now);
        if !self.state.is_hidden() {
            self.state.set_message(log.state(now));
            self.state.enable_steady_tick(Duration::from_millis(200));
        }
        if let Some(line) = line {
            self.state.suspend(|| tell(&line));
        }
    }
}
