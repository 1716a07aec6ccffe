//! What a run tells, and who hears it.

use logscape::SgdSettings;
use logscape_cli::{Log, Terminal};
use logscape_study::events::{Event, Events};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Not at all.
    Nothing,
    /// As the command shows it on a terminal, on the standard error of the process.
    Terminal,
    /// By a callable that gets every event as JSON.
    Events,
    /// By a callable that gets the line of an event, if it has one, and what is at work.
    Lines,
}

impl FromPyObject<'_, '_> for Show {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match object.extract::<&str>()? {
            "nothing" => Ok(Self::Nothing),
            "terminal" => Ok(Self::Terminal),
            "events" => Ok(Self::Events),
            "lines" => Ok(Self::Lines),
            other => Err(PyValueError::new_err(format!("no way to show a run: {other}"))),
        }
    }
}

/// Who is told by a run, on its threads.
pub(crate) struct Teller {
    terminal: Option<Terminal>,
    /// To the thread that waits for the run.
    waiting: Option<Sender<Event>>,
    last: Mutex<Option<Event>>,
    stage: Mutex<Option<&'static str>>,
}

impl Teller {
    /// Shows a run of these settings in that way; who waits hears through `waiting`.
    pub(crate) fn new(show: Show, settings: &[SgdSettings], waiting: Sender<Event>) -> Self {
        Self {
            terminal: (show == Show::Terminal).then(|| Terminal::of(settings)),
            waiting: matches!(show, Show::Events | Show::Lines).then_some(waiting),
            last: Mutex::new(None),
            stage: Mutex::new(None),
        }
    }

    /// The name of the last stage that has begun.
    pub(crate) fn stage(&self) -> Option<&'static str> {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last event as JSON.
    pub(crate) fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(json)
    }

    /// The run has ended: takes away what stands on the terminal.
    pub(crate) fn clear(&self) {
        self.terminal.iter().for_each(Terminal::clear);
    }
}

impl Events for Teller {
    fn tell(&self, event: &Event) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
        if let Event::Stage { name, .. } = event {
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
        }
        if let Some(terminal) = &self.terminal {
            terminal.tell(event);
        }
        if let Some(waiting) = &self.waiting {
            // Where nobody waits any more, nobody wants to know.
            let _ = waiting.send(event.clone());
        }
    }
}

/// Who hears of a run, on the thread that waits for it.
pub(crate) struct Hearer {
    hear: Py<PyAny>,
    /// Where lines are wanted.
    log: Option<(Log, Instant)>,
}

impl Hearer {
    /// A callable that hears of a run of these settings in that way.
    pub(crate) fn new(hear: Py<PyAny>, show: Show, settings: &[SgdSettings]) -> Self {
        Self { hear, log: (show == Show::Lines).then(|| (Log::of(settings), Instant::now())) }
    }

    /// Hands on an event.
    ///
    /// # Errors
    /// What the callable raises.
    pub(crate) fn tell(&mut self, py: Python, event: &Event) -> PyResult<()> {
        match &mut self.log {
            None => self.hear.call1(py, (json(event),))?,
            Some((log, begun)) => {
                let now = begun.elapsed().as_secs_f64();
                let line = log.hear(event, now);
                self.hear.call1(py, (line, log.state(now)))?
            }
        };
        Ok(())
    }
}

fn json(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_else(|_| "null".to_owned())
}
