//! A process that tries inputs. It may be ended by what it tries, so that it notes the number of each before.

use crate::input::Input;
use crate::judge::{judge, note_panics};
use crate::search::{Count, Found, search};
use crate::target::{LIMIT, Target};
use logscape::model::memory;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Which inputs are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Processes, each of which tries every so manieth.
    pub(crate) workers: u64,
    /// As many in all, if it is said.
    pub(crate) inputs: Option<u64>,
    /// For so long, if it is said.
    pub(crate) time: Option<Duration>,
}

/// What a process has noted: the number it is at, how many it has tried, and how many of them the reader took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) number: u64,
    pub(crate) count: Count,
}

impl Note {
    fn write(self, file: &File) -> io::Result<()> {
        let words = [self.number, self.count.tried, self.count.taken].map(u64::to_le_bytes);
        file.write_all_at(words.as_flattened(), 0)
    }

    /// The last note in a file; none where there is none yet.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let word = |k: usize| bytes.get(8 * k..8 * k + 8)?.try_into().ok().map(u64::from_le_bytes);
        Some(Self { number: word(0)?, count: Count { tried: word(1)?, taken: word(2)? } })
    }
}

/// Readers are told the limit of memory, and panics are noted.
pub(crate) fn prepare() {
    note_panics();
    memory::set_limit(LIMIT as u64);
}

/// A folder for inputs, in memory where the system has such a place.
pub(crate) fn scratch() -> io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

/// Tries this worker's inputs; where one fails, keeps it and says how to try it again. Whether none failed.
///
/// # Errors
/// If the system refuses.
pub(crate) fn work(target: &Target, plan: Plan, first: u64, note: &Path) -> io::Result<bool> {
    prepare();
    let (note, folder) = (File::create(note)?, scratch()?);
    let begun = Instant::now();
    let numbers = (first..plan.inputs.unwrap_or(u64::MAX)).step_by(plan.workers as usize);
    let mut refused = Ok(());
    let mut last = Note { number: first, count: Count::default() };
    let found = search(target, plan.seed, numbers, &folder.path().join("input"), |number, count| {
        last = Note { number, count };
        refused = last.write(&note);
        let late = plan.time.is_some_and(|time| begun.elapsed() > time);
        if refused.is_err() || late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    refused?;
    match found {
        Ok(count) => Note { count, ..last }.write(&note).map(|()| true),
        Err(found) => {
            let Found { number, input, failure } = *found;
            let kept = keep(target, plan.seed, number, &input)?;
            say(target, &failure.to_string(), &kept);
            Ok(false)
        }
    }
}

/// Keeps an input in the folder of the workspace's build.
///
/// # Errors
/// If the system refuses.
pub(crate) fn keep(target: &Target, seed: u64, number: u64, input: &Input) -> io::Result<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz").join(format!("{}-{seed}-{number}", target.name));
    input.write(&folder)?;
    Ok(folder)
}

/// Says that a reader fails at an input that is kept.
pub(crate) fn say(target: &Target, words: &str, kept: &Path) {
    eprintln!(
        "{} fails: {words}\n  try it again: cargo xtask fuzz {} --input {}",
        target.name,
        target.name,
        kept.display()
    );
}

/// Tries one input that was kept, and says what comes of it; whether it does not fail.
///
/// # Errors
/// If the input cannot be read, or the system refuses.
pub(crate) fn again(target: &Target, kept: &Path) -> io::Result<bool> {
    prepare();
    let input = Input::read(kept)?;
    let folder = scratch()?;
    let place = folder.path().join("input");
    match judge(target, &input, &place) {
        Ok(true) => println!("{} takes it", target.name),
        Ok(false) => {
            input.write(&place)?;
            println!("{} refuses it: {}", target.name, (target.read)(&place).err().unwrap_or_default());
        }
        Err(failure) => eprintln!("{} fails: {failure}", target.name),
    }
    judge(target, &input, &place).map_or(Ok(false), |_| Ok(true))
}
