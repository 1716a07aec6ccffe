//! The one limit of memory: what would take more is refused before it is allocated, since a process that asks the system for too
//! much is ended without a word.
//!
//! The limit is that of the process. It is the memory of the machine, or of the control group where that is less, unless
//! [`set_limit`] gives another.
//!
//! ```
//! # use logscape::model::memory::require;
//! assert!(require("a batch", 1_000, 8).is_ok());
//! let refused = require("a batch", 1 << 50, 8).unwrap_err().to_string();
//! assert!(refused.starts_with("a batch would take 9.0 PB of memory, and the limit is "), "{refused}");
//! ```

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Bytes; 0 until one is set or found.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// The limit where the system does not tell its memory.
const UNKNOWN: u64 = 8 << 30;

/// Something would take more memory than the limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} would take {} of memory, and the limit is {}", in_words(*.bytes), in_words(u128::from(*.limit)))]
pub struct TooLarge {
    /// What.
    pub what: String,
    /// Bytes that it would take.
    pub bytes: u128,
    /// Bytes that it may take.
    pub limit: u64,
}

/// Sets the limit in bytes, of this process from now on.
pub fn set_limit(bytes: u64) {
    LIMIT.store(bytes.max(1), Ordering::Relaxed);
}

/// The limit in bytes.
pub fn limit() -> u64 {
    match LIMIT.load(Ordering::Relaxed) {
        0 => {
            let found = of_machine().unwrap_or(UNKNOWN);
            set_limit(found);
            found
        }
        set => set,
    }
}

/// Refuses `count` things of so many bytes, which are called `what`, where they would take more than the limit.
///
/// # Errors
/// If they would.
pub fn require(what: impl Into<String>, count: u128, bytes_each: u128) -> Result<(), TooLarge> {
    let (bytes, limit) = (count.saturating_mul(bytes_each), limit());
    if bytes <= u128::from(limit) { Ok(()) } else { Err(TooLarge { what: what.into(), bytes, limit }) }
}

/// The machine's memory in bytes, or that of the process's control group where it is less.
fn of_machine() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").as_deref().and_then(total);
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group =
        group.into_iter().filter_map(read).filter_map(|text| text.trim().parse().ok()).filter(|bytes| *bytes > 0);
    machine.into_iter().chain(group).min()
}

/// `MemTotal` of `/proc/meminfo` in bytes.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The most memory that this process has taken so far, in bytes, where the system tells.
pub fn taken() -> Option<u128> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u128>().ok()?.checked_mul(1024)
}

/// Bytes with two digits and a decimal unit.
pub fn in_words(bytes: u128) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if size < 9.95 && unit > 0 { format!("{size:.1} {}", UNITS[unit]) } else { format!("{size:.0} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       24576000 kB\n"), Some(24_576_000 * 1024));
        assert_eq!(total("MemTotal: many kB"), None);
        let machine = of_machine().expect("this system tells");
        assert!((1 << 28..1 << 50).contains(&machine), "{machine}");
        let before = taken().expect("this system tells");
        let held = vec![1_u8; 1 << 26];
        let after = taken().expect("this system tells");
        assert!(held.iter().all(|byte| *byte == 1) && after >= 1 << 26 && after >= before, "{before} {after}");
    }

    #[test]
    fn sizes_are_told_in_words_and_do_not_overflow() {
        for (bytes, words) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (640_000_000_000, "640 GB"), (9_960_000, "10 MB")]
        {
            assert_eq!(in_words(bytes), words);
        }
        assert!(require("all", u128::MAX, u128::MAX).is_err());
    }
}
