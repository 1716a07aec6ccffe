//! The one way to interrupt work.

use super::hold::Hold;
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
/// Work that is [held up](Self::hold) waits, on all of its threads, where it asks. What it comes to does not depend on that.
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
    shared: Arc<Shared>,
    asks: Option<Asks>,
    pauses: Option<Asks>,
}

type Asks = Arc<dyn Fn() -> bool + Send + Sync>;

/// What clones have in common.
#[derive(Default)]
struct Shared {
    raised: AtomicBool,
    hold: Hold,
}

impl Shared {
    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}

/// Time at work since it was made: what passes while the work is [held up](Stop::hold) does not count.
#[derive(Debug, Clone)]
pub struct WorkTime {
    stop: Stop,
    begun: Instant,
    held: Duration,
}

impl WorkTime {
    /// How long that is by now.
    pub fn elapsed(&self) -> Duration {
        let held = self.stop.shared.hold.total().saturating_sub(self.held);
        self.begun.elapsed().saturating_sub(held)
    }
}

/// Pieces of work on several threads, of which none begins once one has heard a request.
pub(crate) struct Pieces<'a> {
    stop: &'a Stop,
    over: AtomicBool,
}

impl Pieces<'_> {
    /// Whether another piece is of no use; asked before each.
    pub(crate) fn are_over(&self) -> bool {
        let over = self.over.load(Ordering::Relaxed) || self.stop.is_requested();
        if over {
            self.over.store(true, Ordering::Relaxed);
        }
        over
    }

    /// An error where a piece was left out.
    pub(crate) fn ended(self) -> Result<(), Interrupted> {
        if self.over.into_inner() { Err(Interrupted) } else { Ok(()) }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("raised", &self.shared.is_raised()).finish_non_exhaustive()
    }
}

impl Stop {
    /// Time between two looks of work that is held up at a caller's own way to be interrupted.
    const LOOK: Duration = Duration::from_millis(20);
    /// The same, where there is none: whatever ends the waiting wakes it up.
    const LONG: Duration = Duration::from_secs(3600);

    /// Not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raised where `asks` says so, too: for a caller with a way of its own to be interrupted. It is asked often, from many
    /// threads.
    pub fn when(asks: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { asks: Some(Arc::new(asks)), ..Self::default() }
    }

    /// The same request, due too once so much time has passed from now, or work has been [held up](Self::hold) since.
    pub fn within(&self, time: Duration) -> Self {
        let (begun, shared, held) = (Instant::now(), Arc::clone(&self.shared), self.shared.hold.begun());
        self.or_pausing_when(move || begun.elapsed() >= time || shared.hold.begun() != held)
    }

    /// The same request, due too where `pauses` says so, which is asked as often as [`when`](Self::when)'s.
    pub fn or_pausing_when(&self, pauses: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { pauses: Some(Arc::new(pauses)), ..self.clone() }
    }

    /// Raises it and all its clones. Work that is held up hears it.
    pub fn request(&self) {
        self.shared.raised.store(true, Ordering::Relaxed);
        self.shared.hold.wake();
    }

    /// Holds work up: whoever asks any of its clones waits until work is [released](Self::release), or the request raised.
    pub fn hold(&self) {
        self.shared.hold.begin();
    }

    /// Lets work that is held up go on.
    pub fn release(&self) {
        self.shared.hold.end();
    }

    /// Whether work is held up. This does not wait.
    pub fn is_held(&self) -> bool {
        self.shared.hold.is_on() && !self.shared.is_raised()
    }

    /// Time at work, from now.
    pub fn work_time(&self) -> WorkTime {
        WorkTime { stop: self.clone(), begun: Instant::now(), held: self.shared.hold.total() }
    }

    /// Whether it is raised, not only due.
    pub fn is_requested(&self) -> bool {
        let raised = || self.shared.is_raised() || self.asks.as_ref().is_some_and(|asks| asks());
        while !raised() {
            if !self.shared.hold.is_on() {
                return false;
            }
            let most = if self.asks.is_some() { Self::LOOK } else { Self::LONG };
            self.shared.hold.wait(most, || self.shared.is_raised());
        }
        true
    }

    /// Whether it is raised, or it is time for a pause.
    pub fn is_due(&self) -> bool {
        // Work that can be kept is kept before it waits.
        self.pauses.as_ref().is_some_and(|pauses| pauses()) || self.is_requested()
    }

    /// Asked before each piece of a work.
    pub(crate) fn pieces(&self) -> Pieces<'_> {
        Pieces { stop: self, over: AtomicBool::new(false) }
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
    use std::sync::atomic::AtomicU64;
    use std::thread;

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

    #[test]
    fn work_that_is_held_up_waits_on_all_threads() {
        let (stop, steps) = (Stop::new(), Arc::new(AtomicU64::new(0)));
        let count = || steps.load(Ordering::Relaxed);
        stop.hold();
        assert!(stop.is_held());
        thread::scope(|scope| {
            for _ in 0..3 {
                let (stop, steps) = (stop.clone(), Arc::clone(&steps));
                scope.spawn(move || while !stop.is_requested() && steps.fetch_add(1, Ordering::Relaxed) < 10_000 {});
            }
            thread::sleep(Duration::from_millis(50));
            assert_eq!(count(), 0);
            stop.release();
        });
        // All have gone on to the end.
        assert!(!stop.is_held() && count() == 10_003);
    }

    #[test]
    fn a_request_is_heard_by_work_that_is_held_up() {
        let asked = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&asked);
        for stop in [Stop::new(), Stop::when(move || seen.load(Ordering::Relaxed))] {
            stop.hold();
            let waiting = stop.clone();
            let work = thread::spawn(move || (waiting.check(), Instant::now()));
            thread::sleep(Duration::from_millis(30));
            let sent = Instant::now();
            if stop.asks.is_some() {
                asked.store(true, Ordering::Relaxed);
            } else {
                stop.request();
            }
            let (heard, when) = work.join().unwrap();
            assert_eq!(heard, Err(Interrupted));
            assert!(when >= sent && when <= sent + Duration::from_secs(5));
        }
    }

    #[test]
    fn what_can_be_kept_is_due_at_once_and_stays_so() {
        let stop = Stop::new();
        let piece = stop.within(Duration::from_secs(3600));
        stop.hold();
        assert!(piece.is_due());
        stop.release();
        // Threads that have not asked meanwhile end the same piece.
        assert!(piece.is_due() && !stop.within(Duration::from_secs(3600)).is_due());
    }

    #[test]
    fn time_that_is_held_up_is_no_time_at_work() {
        let stop = Stop::new();
        let (whole, work) = (Instant::now(), stop.work_time());
        stop.hold();
        stop.hold();
        thread::sleep(Duration::from_millis(60));
        let later = stop.work_time();
        stop.release();
        stop.release();
        let (work, whole) = (work.elapsed(), whole.elapsed());
        assert!(work + Duration::from_millis(60) <= whole);
        assert!(later.elapsed() <= whole);
        thread::sleep(Duration::from_millis(20));
        assert!(later.elapsed() >= Duration::from_millis(20));
    }
}
