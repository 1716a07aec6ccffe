//! Work that is held up for a while.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether work is held up, and how long it has been.
#[derive(Default)]
pub(super) struct Hold {
    /// The same as `times.since`, to be asked often.
    on: AtomicBool,
    /// How often it has begun.
    begun: AtomicU64,
    times: Mutex<Times>,
    changed: Condvar,
}

#[derive(Default)]
struct Times {
    /// When it began; none where nothing is held up.
    since: Option<Instant>,
    /// How long all others took.
    before: Duration,
}

impl Hold {
    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self) {
        let mut times = self.times();
        if times.since.is_none() {
            times.since = Some(Instant::now());
            self.begun.fetch_add(1, Ordering::Relaxed);
            self.on.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn end(&self) {
        let mut times = self.times();
        if let Some(since) = times.since.take() {
            times.before += since.elapsed();
            self.on.store(false, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }

    /// Lets those that wait look around.
    pub(super) fn wake(&self) {
        drop(self.times());
        self.changed.notify_all();
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// How often it has begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// How long it has been on in all.
    pub(super) fn total(&self) -> Duration {
        let times = self.times();
        times.before + times.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits until it ends, but not longer than `most`, nor where `raised`, which is asked again at a [`wake`](Self::wake).
    pub(super) fn wait(&self, most: Duration, raised: impl Fn() -> bool) {
        let waits = |times: &mut Times| times.since.is_some() && !raised();
        let waited = self.changed.wait_timeout_while(self.times(), most, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
