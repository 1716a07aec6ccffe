//! What a reader must do with whatever it is given: end, soon, in little memory, and say what is wrong in words for the user.

use crate::input::Input;
use crate::memory;
use crate::target::Target;
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
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

/// Whether the reader took the input, which is written to `folder`.
///
/// # Errors
/// How it failed; a refusal is no failure.
pub(crate) fn judge(target: &Target, input: &Input, folder: &Path) -> Result<bool, Failure> {
    let (mut outcome, mut time) = once(target, input, folder)?;
    // A loaded machine may hold one up, but not three times.
    for _ in 0..2 {
        if time > target.time {
            let again = once(target, input, folder)?;
            (outcome, time) = (again.0, again.1.min(time));
        }
    }
    if time > target.time {
        return Err(Failure { kind: "slow", words: format!("took {time:?}, more than {:?}", target.time) });
    }
    let Err(said) = outcome else { return Ok(true) };
    if !target.names.iter().any(|name| said.contains(name)) {
        let words = format!("names none of {}: {said}", target.names.join(", "));
        return Err(Failure { kind: "unnamed", words });
    }
    let debug = DEBUG.iter().find(|part| said.contains(**part) && !input.holds(part.as_bytes()));
    match debug {
        Some(part) => Err(Failure { kind: "debug", words: format!("has `{part}`: {said}") }),
        None => Ok(false),
    }
}

/// What the reader said, and the time it took.
fn once(target: &Target, input: &Input, folder: &Path) -> Result<(Result<(), String>, Duration), Failure> {
    input.write(folder).map_err(|error| Failure { kind: "folder", words: error.to_string() })?;
    PLACE.set(Some(String::new()));
    let begun = Instant::now();
    let (outcome, bytes) = memory::most(|| panic::catch_unwind(AssertUnwindSafe(|| (target.read)(folder))));
    let time = begun.elapsed();
    let place = PLACE.take().unwrap_or_default();
    let outcome =
        outcome.map_err(|panic| Failure { kind: "panic", words: format!("{} at {place}", words_of(&*panic)) })?;
    let most = target.memory.max(10 * input.size() + target.beside);
    if bytes > most {
        return Err(Failure { kind: "memory", words: format!("took {bytes} bytes, more than {most}") });
    }
    if let Err(said) = &outcome
        && let Some(wrong) = said.strip_prefix(crate::target::WRONG)
    {
        return Err(Failure { kind: "wrong", words: wrong.to_owned() });
    }
    Ok((outcome, time))
}
