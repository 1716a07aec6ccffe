//! What a reader must do with whatever it is given: end, soon, in little memory, and say what is wrong in words for the user.

use crate::input::Input;
use crate::memory;
use crate::target::{Target, WRONG};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{LazyLock, Once};
use std::time::{Duration, Instant};

/// What only debug output has.
const DEBUG: [&str; 9] = ["Some(", "Err(", "Ok(", "Error {", "Error(", "kind: ", "Os {", "Custom {", "called `"];

thread_local! {
    /// Where the reader has panicked that this thread is at; none where it is at no reader.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How a reader failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What kind of failure, so that one is not taken for another when the input is made smaller.
    pub(crate) kind: &'static str,
    /// In words.
    pub(crate) words: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind, self.words)
    }
}

/// From now on panics of readers are noted, and not printed.
pub(crate) fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let noted = PLACE.with_borrow_mut(|noted| noted.as_mut().map(|noted| *noted = place));
            if noted.is_none() {
                others(panic);
            }
        }));
    });
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Time for which this thread has been at work, so that others on the machine do not count; of a clock, where the system does not tell.
fn now() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// Whether the reader took the input, which is written to `folder`.
///
/// # Errors
/// How it failed; a refusal is no failure.
pub(crate) fn judge(target: &Target, input: &Input, folder: &Path) -> Result<bool, Failure> {
    let fails = |kind, words| Err(Failure { kind, words });
    input.write(folder).map_err(|error| Failure { kind: "folder", words: error.to_string() })?;
    PLACE.set(Some(String::new()));
    let begun = now();
    let (outcome, bytes) = memory::most(|| panic::catch_unwind(AssertUnwindSafe(|| (target.read)(folder))));
    let time = now().saturating_sub(begun);
    let place = PLACE.take().unwrap_or_default();
    let most = target.memory.max(10 * input.size() + target.beside);
    let said = match outcome {
        Err(panic) => return fails("panic", format!("{} at {place}", words_of(&*panic))),
        _ if bytes > most => return fails("memory", format!("took {bytes} bytes, more than {most}")),
        _ if time > target.time => return fails("slow", format!("took {time:?}, more than {:?}", target.time)),
        Ok(Ok(())) => return Ok(true),
        Ok(Err(said)) => said,
    };
    if let Some(wrong) = said.strip_prefix(WRONG) {
        return fails("wrong", wrong.to_owned());
    }
    if !target.names.iter().any(|name| said.contains(name)) {
        return fails("unnamed", format!("names none of {}: {said}", target.names.join(", ")));
    }
    match DEBUG.iter().find(|part| said.contains(**part) && !input.holds(part.as_bytes())) {
        Some(part) => fails("debug", format!("has `{part}`: {said}")),
        None => Ok(false),
    }
}
