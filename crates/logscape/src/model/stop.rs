//! The one way to interrupt work.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// The work was stopped on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Asks work to stop soon. Its clones are raised together, from any thread.
///
/// Work that can go on where it was pauses when [`is_due`](Self::is_due), such as for a checkpoint; work that cannot ends at a
/// [request](Self::is_requested) only.
///
/// ```
/// # use logscape::Stop;
/// let stop = Stop::new();
/// let handler = stop.clone();
/// assert!(stop.check().is_ok());
/// handler.request();
/// assert!(stop.check().is_err());
/// ```
#[derive(Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    asks: Option<Asks>,
    pauses: Option<Asks>,
}

type Asks = Arc<dyn Fn() -> bool + Send + Sync>;

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("flag", &self.flag).finish_non_exhaustive()
    }
}

impl Stop {
    /// Not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raised where `asks` says so, too: for a caller with a way of its own to be interrupted. It is asked often, from many
    /// threads.
    pub fn when(asks: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { asks: Some(Arc::new(asks)), ..Self::default() }
    }

    /// The same request, due too once so much time has passed from now.
    pub fn within(&self, time: Duration) -> Self {
        let begun = Instant::now();
        self.or_pausing_when(move || begun.elapsed() >= time)
    }

    /// The same request, due too where `pauses` says so, which is asked as often as [`when`](Self::when)'s.
    pub fn or_pausing_when(&self, pauses: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { pauses: Some(Arc::new(pauses)), ..self.clone() }
    }

    /// Raises it and all its clones.
    pub fn request(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised, not only due.
    pub fn is_requested(&self) -> bool {
        self.flag.load(Ordering::Relaxed) || self.asks.as_ref().is_some_and(|asks| asks())
    }

    /// Whether it is raised, or it is time for a pause.
    pub fn is_due(&self) -> bool {
        self.is_requested() || self.pauses.as_ref().is_some_and(|pauses| pauses())
    }

    /// An error where it is raised.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_requested() { Err(Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_pauses_but_is_no_request() {
        let stop = Stop::new();
        let past = stop.within(Duration::ZERO);
        assert!(past.is_due() && !past.is_requested() && past.check().is_ok());
        assert!(!stop.within(Duration::from_secs(3600)).is_due());
        past.request();
        assert!(stop.is_due() && stop.check() == Err(Interrupted));
    }

    #[test]
    fn a_callers_own_way_counts_too() {
        let raised = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&raised);
        let stop = Stop::when(move || seen.load(Ordering::Relaxed));
        assert!(!stop.is_requested());
        raised.store(true, Ordering::Relaxed);
        assert!(stop.is_requested() && stop.clone().is_due());
    }
}
