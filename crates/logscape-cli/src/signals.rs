//! Signals that end a run.

use crate::outcome::{FAILED, tell};
use logscape::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Time between two looks for a signal.
const LOOK: Duration = Duration::from_millis(20);
/// How long work may take to hear of it. What does not hear ends with the process: whatever is on the disk is whole at any time.
const PATIENCE: Duration = Duration::from_millis(800);

/// A request to stop that Ctrl-C and SIGTERM raise from now on, for a run whose unfinished work is in `partial`. A hangup is left
/// to the system, so that `nohup` does what it says.
pub(crate) fn stop(partial: Option<PathBuf>) -> Stop {
    let stop = Stop::new();
    let (requested, raised) = (stop.clone(), Arc::new(AtomicBool::new(false)));
    for signal in [SIGINT, SIGTERM] {
        if let Err(error) = flag::register(signal, Arc::clone(&raised)) {
            tell(&format!("warning: signal {signal} will end the run at once: {error}"));
        }
    }
    thread::spawn(move || {
        while !raised.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
        }
        requested.request();
        thread::sleep(PATIENCE);
        let kept = partial.filter(|folder| folder.join("checkpoint").is_dir()).map(|folder| {
            format!(
                "; what was finished is kept in {}\n  hint: continue with the same command and --resume",
                folder.display()
            )
        });
        tell(&format!("error: interrupted{}", kept.unwrap_or_default()));
        process::exit(i32::from(FAILED));
    });
    stop
}
