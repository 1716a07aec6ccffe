//! Panics of readers that are not ours, on input that may be damaged.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is at work whose panics are not printed.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns; none where it panics, of which nothing is printed. What `work` had in its hands is not to be used then.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                others(panic);
            }
        }));
    });
    let before = CAUGHT.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_others_go_on() {
        assert_eq!(caught(|| 1), Some(1));
        let nested = caught(|| {
            assert_eq!(caught(|| [1][black_box(1)]), None);
            2
        });
        assert_eq!(nested, Some(2));
        assert!(!CAUGHT.get());
    }

    use std::hint::black_box;
}
