//! Runs of studies on threads of their own.

use crate::error::{of_run, other, words};
use crate::events::{Hearer, Show, Teller};
use crate::outside::Outside;
use crate::problem::Model;
use crate::record::Record;
use crate::study::Study;
use logscape::model::memory;
use logscape::{SgdSettings, Stop};
use logscape_cli::checkpoint_time;
use logscape_study::record::{OpenRecord, RunFolder};
use logscape_study::{Destination, Event, Memo, RunError};
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use rayon::ThreadPoolBuilder;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks for a signal.
const LOOK: Duration = Duration::from_millis(20);

/// What a run has made.
enum Made {
    Record(Arc<OpenRecord>),
    /// What theories say, as JSON.
    Predictions(String),
}

/// What a run came to.
enum Outcome {
    Done(Made),
    Failed(RunError),
    /// It panicked, which is a defect.
    Defect(String),
}

/// What the thread of a run shares with those that wait for it.
struct Shared {
    outcome: Mutex<Option<Arc<Outcome>>>,
    ended: Condvar,
    teller: Teller,
}

impl Shared {
    /// What the run came to, once it has ended, within that time.
    fn within(&self, time: Duration) -> Option<Arc<Outcome>> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ended.wait_timeout_while(outcome, time, |outcome| outcome.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn end(&self, outcome: Outcome) {
        self.teller.clear();
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(outcome));
        self.ended.notify_all();
    }
}

/// What runs of a process have made, for other runs on the same problem.
#[pyclass(frozen, name = "Memo", module = "logscape._lib")]
#[derive(Default)]
pub(crate) struct SharedMemo(Memo);

#[pymethods]
impl SharedMemo {
    #[new]
    fn new() -> Self {
        Self::default()
    }
}

/// A run of a study, which works on threads of its own.
#[pyclass(frozen, module = "logscape._lib")]
pub(crate) struct Run {
    stop: Stop,
    /// Where its record goes, if it makes one.
    place: Option<PathBuf>,
    show: Show,
    settings: Vec<SgdSettings>,
    events: Mutex<Receiver<Event>>,
    /// Its problem, if that computes by calls.
    outside: Option<Arc<Outside>>,
    shared: Arc<Shared>,
}

/// Starts a run of a study.
#[pyfunction]
#[pyo3(signature = (study, *, problem, memo, to, force, resume, extend, allow_other_version, checkpoint_every, memory, threads, show))]
#[allow(clippy::too_many_arguments, reason = "they are named where it is called")]
#[allow(clippy::fn_params_excessive_bools, reason = "they are named where it is called")]
pub(crate) fn start(
    py: Python,
    study: &Study,
    problem: Option<Bound<Model>>,
    memo: Option<Bound<SharedMemo>>,
    to: Option<PathBuf>,
    force: bool,
    resume: bool,
    extend: Option<PathBuf>,
    allow_other_version: bool,
    checkpoint_every: f64,
    memory: Option<u64>,
    threads: Option<usize>,
    show: Show,
) -> PyResult<Run> {
    let Study { study, base } = study;
    let (study, base) = (study.clone(), base.clone());
    let place = to.unwrap_or_else(|| RunFolder::default_place(&study));
    // The current folder may be another one when the record is moved to its place.
    let place = std::path::absolute(&place).unwrap_or(place);
    let checkpoint_every = checkpoint_time(checkpoint_every)
        .map_err(|error| PyValueError::new_err(format!("checkpoint_every: {error}")))?;
    let memo = memo.map(|memo| memo.get().0.clone());
    let destination =
        Destination { place: place.clone(), force, resume, extend, allow_other_version, checkpoint_every, memo };
    memory.into_iter().for_each(memory::set_limit);
    let settings = study.sgd.grid();
    begin(py, Begin { problem, place: Some(place), threads, show, settings }, move |model, stop, events| {
        let (record, folder) = match model {
            None => logscape_study::run(&study, &base, &destination, stop, events)?,
            Some(model) => {
                logscape_study::run_with(&*model.problem(), &model.start, &study, &destination, stop, events)?
            }
        };
        Ok(Made::Record(Arc::new(OpenRecord::of(folder, record))))
    })
}

/// Starts asking the theories of the study's settings, of which nothing is simulated.
#[pyfunction]
pub(crate) fn predict(
    py: Python,
    study: &Study,
    problem: Bound<Model>,
    memo: Bound<SharedMemo>,
    show: Show,
) -> PyResult<Run> {
    let (study, memo, settings) = (study.study.clone(), memo.get().0.clone(), study.study.sgd.grid());
    let begin_with = Begin { problem: Some(problem), place: None, threads: None, show, settings };
    begin(py, begin_with, move |model, stop, events| {
        let found = model.map(|model| {
            logscape_study::predict_with(&*model.problem(), &model.start, &study, Some(memo), stop, events)
        });
        let text = serde_json::to_string(&found.transpose()?.unwrap_or_default());
        Ok(Made::Predictions(text.unwrap_or_else(|_| "[]".to_owned())))
    })
}

/// What a run begins with.
struct Begin<'py> {
    problem: Option<Bound<'py, Model>>,
    place: Option<PathBuf>,
    threads: Option<usize>,
    show: Show,
    settings: Vec<SgdSettings>,
}

/// Starts `work` on threads of its own.
fn begin(
    py: Python,
    Begin { problem, place, threads, show, settings }: Begin,
    work: impl FnOnce(Option<&Model>, &Stop, &Teller) -> Result<Made, RunError> + Send + 'static,
) -> PyResult<Run> {
    let failed = |error: String| other(py, format!("cannot start threads: {error}"));
    let pool = ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|error| failed(error.to_string()))?;
    let (waiting, events) = channel();
    let teller = Teller::new(show, &settings, waiting);
    let shared = Arc::new(Shared { outcome: Mutex::new(None), ended: Condvar::new(), teller });
    let model = problem.map(|model| model.get().afresh(py));
    let outside = model.as_ref().and_then(Model::outside).cloned();
    let run = Run { stop: Stop::new(), place, show, settings, events: Mutex::new(events), outside, shared };
    let (stop, shared) = (run.stop.clone(), Arc::clone(&run.shared));
    let work = move || {
        let run = || work(model.as_ref(), &stop, &shared.teller);
        let outcome = match catch_unwind(AssertUnwindSafe(|| pool.install(run))) {
            Ok(Ok(made)) => Outcome::Done(made),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(panic) => Outcome::Defect(message(&*panic)),
        };
        shared.end(outcome);
    };
    thread::Builder::new().name("logscape".to_owned()).spawn(work).map_err(|error| failed(error.to_string()))?;
    Ok(run)
}

/// What a panic says.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it does not say why").to_owned()
}

#[pymethods]
impl Run {
    /// Where its record goes.
    #[getter]
    fn place(&self) -> Option<PathBuf> {
        self.place.clone()
    }

    /// Whether it has ended, in whatever way.
    fn done(&self) -> bool {
        self.shared.within(Duration::ZERO).is_some()
    }

    /// The last event as JSON.
    fn last(&self) -> Option<String> {
        self.shared.teller.last()
    }

    /// Asks it to wait soon, on all of its threads.
    fn pause(&self) {
        self.stop.hold();
    }

    /// Lets it go on.
    fn resume(&self) {
        self.stop.release();
    }

    /// Whether it waits, or will soon.
    fn paused(&self) -> bool {
        self.stop.is_held() && !self.done()
    }

    /// Asks it to stop soon.
    fn cancel(&self) {
        self.stop.request();
    }

    /// Waits until it has ended, while `hear` is told what happens. A signal, and what `hear` raises, stops the run, and is raised when that
    /// has ended.
    #[pyo3(signature = (hear=None))]
    fn follow(&self, py: Python, hear: Option<Py<PyAny>>) -> PyResult<()> {
        let hearer = hear.map(|hear| Hearer::new(hear, self.show, &self.settings));
        self.hear(py, hearer).or_else(|error| {
            self.stop.request();
            // A second signal ends the waiting; the run still ends in the same way.
            self.wait(py, None)?;
            Err(error)
        })
    }

    /// Its record, when it has ended; so long is waited, or for as long as it takes.
    #[pyo3(signature = (timeout=None))]
    fn record(&self, py: Python, timeout: Option<f64>) -> PyResult<Record> {
        match self.made(py, &*self.wait(py, seconds(timeout)?)?)? {
            Made::Record(record) => Ok(Record::of(Arc::clone(record))),
            Made::Predictions(_) => Err(other(py, "there is no record of predictions".to_owned())),
        }
    }

    /// What theories say, as JSON, when it has ended.
    fn predictions(&self, py: Python) -> PyResult<String> {
        match self.made(py, &*self.wait(py, None)?)? {
            Made::Predictions(text) => Ok(text.clone()),
            Made::Record(_) => Err(other(py, "the record has the predictions".to_owned())),
        }
    }

    /// What is to be said of where its work is, when it was stopped.
    fn note(&self) -> Option<String> {
        match &*self.shared.within(Duration::ZERO)? {
            Outcome::Done(Made::Record(record)) => {
                Some(format!("the record is complete: {}", record.folder().display()))
            }
            Outcome::Failed(error @ RunError::Interrupted { .. }) if self.place.is_some() => Some(words(error)),
            Outcome::Failed(RunError::Failed(_)) => self.shared.teller.stage().map(|stage| {
                format!("raised by the model at the stage `{stage}`; finished stages are kept where there are any")
            }),
            Outcome::Done(_) | Outcome::Failed(_) | Outcome::Defect(_) => None,
        }
    }
}

/// That many seconds.
fn seconds(timeout: Option<f64>) -> PyResult<Option<Duration>> {
    let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
    timeout.map_err(|_| PyValueError::new_err("timeout: give a number of seconds from 0 on"))
}

impl Run {
    /// What it has made, or why there is nothing.
    fn made<'a>(&self, py: Python, outcome: &'a Outcome) -> PyResult<&'a Made> {
        match outcome {
            Outcome::Done(made) => Ok(made),
            Outcome::Failed(error) => {
                let raised = self.outside.as_ref().and_then(|outside| outside.raised(py));
                Err(raised.unwrap_or_else(|| of_run(py, error)))
            }
            Outcome::Defect(message) => {
                let text = format!("the run ended by a defect of the program: {message}");
                Err(other(py, format!("{text}\n  hint: finished stages are kept; please report this")))
            }
        }
    }

    /// Tells what happens until the run has ended.
    fn hear(&self, py: Python, mut hearer: Option<Hearer>) -> PyResult<()> {
        let next = || self.events.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LOOK);
        while let Some(hearer) = &mut hearer {
            match py.detach(next) {
                Ok(event) => hearer.tell(py, &event)?,
                Err(RecvTimeoutError::Timeout) if !self.done() => {}
                Err(_) => break,
            }
            py.check_signals()?;
        }
        self.wait(py, None).map(|_| ())
    }

    /// What it came to, when it has ended.
    fn wait(&self, py: Python, timeout: Option<Duration>) -> PyResult<Arc<Outcome>> {
        let begun = Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            let look = left.map_or(LOOK, |left| left.min(LOOK));
            if let Some(outcome) = py.detach(|| self.shared.within(look)) {
                return Ok(outcome);
            }
            py.check_signals()?;
            if left.is_some_and(|left| left.is_zero()) {
                let state = if self.stop.is_held() { "paused: resume() lets it go on" } else { "still at work" };
                return Err(PyTimeoutError::new_err(format!("the run is {state}")));
            }
        }
    }
}

/// The number of bytes that a text such as `8GB` says.
#[pyfunction]
pub(crate) fn byte_count(text: &str) -> PyResult<u64> {
    logscape_cli::bytes(text).map_err(PyValueError::new_err)
}
