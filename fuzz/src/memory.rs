//! How much memory a thread takes: an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread has taken and not given back since it was asked to count, and the most of them at one time. What another
    /// thread gives back is not counted.
    static TAKEN: Cell<[isize; 2]> = const { Cell::new([0; 2]) };
}

/// The system's allocator, counted.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn count(bytes: isize) {
    // A thread that ends has no counter any more.
    let _ = TAKEN.try_with(|taken| {
        let [now, most] = taken.get();
        let now = now.saturating_add(bytes);
        taken.set([now, most.max(now)]);
    });
}

// SAFETY: every call goes to the system's allocator as it is; the counter allocates nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.cast_signed().saturating_sub(layout.size().cast_signed()));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What the work returns, and the most bytes that this thread held at one time for it.
pub(crate) fn most<T>(work: impl FnOnce() -> T) -> (T, usize) {
    TAKEN.set([0; 2]);
    let value = work();
    (value, TAKEN.get()[1].unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_at_one_time_is_counted() {
        let (length, bytes) = most(|| {
            drop(vec![1_u8; 30_000]);
            let mut kept = vec![0_u8; 10_000];
            kept.reserve_exact(50_000);
            kept.len()
        });
        assert_eq!(length, 10_000);
        assert!((60_000..61_000).contains(&bytes), "{bytes}");
        assert_eq!(most(|| ()).1, 0);
    }
}
