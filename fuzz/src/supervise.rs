//! Processes at work on one target, watched: none may be ended by what it tries, nor be at one input for ever.

use crate::search::{Count, input};
use crate::target::Target;
use crate::worker::{Note, Plan, keep, say};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing keeps a processor for longer.
const HANGS: Duration = Duration::from_secs(60);
/// Nothing waits for longer, on whatever machine.
const WAITS: Duration = Duration::from_secs(1_800);

/// A process, and what it has noted.
struct Worker {
    process: Child,
    path: PathBuf,
    note: Option<Note>,
    /// Since when it has been at that number, by the clock and by its own time.
    since: (Instant, Duration),
}

/// Time for which the process has been at work; none where the system does not tell.
fn at_work(process: &Child) -> Duration {
    // Of the fields after the name of the program, times as user and within the system in hundredths of a second.
    let text = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let hundredths: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * hundredths)
}

impl Worker {
    /// What has become of it: none while it works, or whether it ended well.
    fn look(&mut self, target: &Target, plan: Plan) -> io::Result<Option<bool>> {
        let status = self.process.try_wait()?;
        let note = Note::read(&self.path);
        if note != self.note {
            (self.note, self.since) = (note, (Instant::now(), at_work(&self.process)));
        }
        let words = match status.map(|status| (status.code(), status)) {
            Some((Some(0), _)) => return Ok(Some(true)),
            Some((Some(1), _)) => return Ok(Some(false)),
            Some((_, status)) => format!("the process was ended: {status}"),
            None if at_work(&self.process) > self.since.1 + HANGS || self.since.0.elapsed() > WAITS => {
                self.process.kill()?;
                self.process.wait()?;
                "hangs: it does not end".to_owned()
            }
            None => return Ok(None),
        };
        let Some(Note { number, .. }) = self.note else { return Err(io::Error::other(words)) };
        let kept = keep(target, plan.seed, number, &input(target, plan.seed, number))?;
        say(target, &words, &kept);
        Ok(Some(false))
    }
}

/// Tries inputs of one target by as many processes as the plan says, and prints how many and how fast; whether none failed.
///
/// # Errors
/// If the system refuses.
pub(crate) fn supervise(target: &Target, plan: Plan, begin: impl Fn(u64, &Path) -> Command) -> io::Result<bool> {
    let notes = tempfile::tempdir()?;
    let begun = Instant::now();
    let start = |first: u64| -> io::Result<Worker> {
        let path = notes.path().join(first.to_string());
        let process = begin(first, &path).spawn()?;
        Ok(Worker { process, path, note: None, since: (Instant::now(), Duration::ZERO) })
    };
    let mut workers = (0..plan.workers).map(start).collect::<io::Result<Vec<_>>>()?;
    let mut sound = true;
    let mut count = Count::default();
    while !workers.is_empty() {
        sleep(LOOK);
        let mut at_work = Vec::new();
        for mut worker in workers {
            match worker.look(target, plan)? {
                None => at_work.push(worker),
                Some(well) => {
                    sound &= well;
                    let ended = worker.note.map(|note| note.count).unwrap_or_default();
                    count = Count { tried: count.tried + ended.tried, taken: count.taken + ended.taken };
                }
            }
        }
        workers = at_work;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = count.tried as f64 / seconds;
    let share = 100.0 * count.taken as f64 / count.tried.max(1) as f64;
    println!(
        "{:<12}{:>10} inputs in {seconds:.0} s, {rate:.0} per second; {share:.0} % were taken",
        target.name, count.tried
    );
    Ok(sound)
}
