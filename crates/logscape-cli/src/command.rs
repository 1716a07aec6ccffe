//! The arguments of the command, and what each of its commands does.

use crate::outcome::{self, BAD_INPUT, FAILED, fail, print, tell};
use crate::progress::Terminal;
use crate::quantity::{bytes, seconds};
use crate::shipped::{self, STUDIES};
use crate::{check, new, signals};
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use logscape::dynamics;
use logscape::model::memory;
use logscape::theory;
use logscape_study::record::{RecordError, RunFolder};
use logscape_study::text::count;
use logscape_study::{Destination, RunError, Study, StudyError};
use miette::Report;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// SGD as a noisy walk on the logarithm of the loss: measure, predict, simulate.
#[derive(Parser)]
#[command(name = "logscape", version, after_help = "Exit codes: 0 done, 1 run failed, 2 bad input.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Validate a study and its data, tell what will run and how long, and print it whole
    Check(StudyArguments),
    /// Run a study; print a summary and keep the record in a folder
    Run {
        #[command(flatten)]
        work: WorkArguments,
        /// Take over the replicas and repeats of this complete record of the same study with fewer of them
        #[arg(long, value_name = "RECORD", conflicts_with = "resume")]
        extend: Option<PathBuf>,
    },
    /// Measure curvature and noise of a study's minimum alone: spectra, densities and traces as its section [curvature] says
    Curvature {
        #[command(flatten)]
        work: WorkArguments,
    },
    /// Run shipped studies and check what they say that they show
    Reproduce {
        /// Which one [default: each that needs no data of yours]
        #[arg(value_parser = PossibleValuesParser::new(STUDIES.map(|(name, _)| name)))]
        name: Option<String>,
        /// Replace a value, for example --set problem.data.path=FOLDER
        #[arg(long = "set", value_name = "SECTION.FIELD=VALUE", requires = "name")]
        overrides: Vec<String>,
        /// Folder of the records; those of an earlier reproduction are replaced
        #[arg(long, default_value = "runs/reproduce")]
        out: PathBuf,
    },
    /// Write a commented study to start from, for a problem or for data of yours
    New(new::NewArguments),
    /// Print the sources of the theories and of the dynamics
    Cite,
    /// Print the dynamics that a study can name, with their equations and options
    Dynamics,
    /// Draw the figures and report.html of a complete record again, or a page of what an unfinished run has come to
    Report {
        /// Folder of the record, or of the unfinished run (`RECORD.partial`), which may be at work
        record: PathBuf,
    },
}

/// What is run, and how.
#[derive(clap::Args)]
struct WorkArguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    place: PlaceArguments,
    /// Refuse what would take more memory than this, such as 8GB [default: the memory of the machine]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Threads [default: one per core]; results do not depend on it
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Print results.json instead of the summary
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// Only check the study, as `logscape check` does
    #[arg(long)]
    dry_run: bool,
}

/// Where a record is kept, and what of earlier work is taken up.
#[derive(clap::Args)]
struct PlaceArguments {
    /// Folder of the record [default: runs/NAME-HASH, by the hash of the resolved study]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replace a record or an unfinished run that is there already
    #[arg(long)]
    force: bool,
    /// Continue an unfinished run
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Go on with the work of another version of logscape; its numbers may differ
    #[arg(long)]
    allow_other_version: bool,
    /// Seconds between checkpoints of a running ensemble: the most that a killed run loses of it
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    checkpoint_every: Duration,
}

#[derive(clap::Args)]
struct StudyArguments {
    /// The study file (TOML) [default: the embedded study `digits`]
    study: Option<PathBuf>,
    /// Replace a value, for example --set sgd.batch_size=[1,4]
    #[arg(long = "set", value_name = "SECTION.FIELD=VALUE")]
    overrides: Vec<String>,
}

impl WorkArguments {
    /// Runs what `part` makes of the study.
    fn run(self, extend: Option<PathBuf>, part: impl FnOnce(&Study) -> Study) -> u8 {
        with_study(&self.study, |study| {
            let study = part(study);
            let PlaceArguments { out, force, resume, allow_other_version, checkpoint_every } = self.place;
            let place = out.unwrap_or_else(|| RunFolder::default_place(&study));
            let destination =
                Destination { place, force, resume, extend, allow_other_version, checkpoint_every, memo: None };
            self.memory.into_iter().for_each(memory::set_limit);
            let threads = self.threads.map_or(0, NonZeroUsize::get);
            if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
                return fail(&format!("cannot start {}: {error}", count(threads, "thread")), FAILED);
            }
            if self.dry_run {
                return check::check(&study, self.study.base());
            }
            match record(&study, self.study.base(), &destination, self.json) {
                Ok(text) => print(&text),
                Err(error) => fail(&error.to_string(), if error.is_bad_input() { BAD_INPUT } else { FAILED }),
            }
        })
    }
}

impl StudyArguments {
    fn load(&self) -> Result<Study, StudyError> {
        match &self.study {
            Some(file) => logscape_study::load(file, &self.overrides),
            None => logscape_study::parse("digits (embedded)", STUDIES[0].1, &self.overrides),
        }
    }

    /// The folder that relative paths in the study start at.
    fn base(&self) -> &Path {
        self.study.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }
}

/// Runs the command with these arguments, of which the first is its name; returns its exit code: 0 done, 1 run failed, 2 bad input.
///
/// Commands that work for long listen to Ctrl-C and SIGTERM from then on. They end the process where they do not hear of one soon.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command.run(),
        Err(told) => outcome::told(&told),
    }
}

impl Command {
    fn run(self) -> u8 {
        match self {
            Command::Check(arguments) => with_study(&arguments, |study| check::check(study, arguments.base())),
            Command::Run { work, extend } => work.run(extend, Study::clone),
            Command::Curvature { work } => work.run(None, Study::of_curvature),
            Command::New(arguments) => new::new(&arguments),
            Command::Reproduce { name, overrides, out } => {
                shipped::reproduce(name.as_deref(), &overrides, &out, &signals::stop(None))
            }
            Command::Cite => {
                let theories = theory::all().iter().map(|theory| (theory.name(), theory.reference()));
                let all = theories.chain(dynamics::all().iter().map(|kind| (kind.name(), kind.reference())));
                let all: Vec<_> = all.collect();
                let width = width(all.iter().map(|(name, _)| *name));
                let lines: Vec<String> = all.iter().map(|(name, text)| format!("{name:<width$}{text}\n")).collect();
                print(&lines.concat())
            }
            Command::Dynamics => {
                let width = width(dynamics::all().iter().map(|kind| kind.name()));
                let line = |kind: &&dyn dynamics::Kind| {
                    let options = kind.options().join(", ");
                    let options =
                        if options.is_empty() { options } else { format!("\n{:width$}options: {options}", "") };
                    format!("{:<width$}{}{options}\n", kind.name(), kind.equation())
                };
                print(&dynamics::all().iter().map(line).collect::<String>())
            }
            Command::Report { record } => report(&record),
        }
    }
}

/// Width of a column of names, with room behind the longest.
fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    2 + names.map(str::len).max().unwrap_or(0)
}

/// Goes on with the study that the arguments name, or tells what is wrong with it.
fn with_study(arguments: &StudyArguments, go_on: impl FnOnce(&Study) -> u8) -> u8 {
    match arguments.load() {
        Ok(study) => go_on(&study),
        Err(error) => {
            tell(&format!("{:?}", Report::new(error)));
            BAD_INPUT
        }
    }
}

/// Draws the pages of a record again, or that of an unfinished run; prints where the page is.
fn report(record: &Path) -> u8 {
    match logscape_study::report::draw(record) {
        Ok(drawn) => {
            drawn.missing.iter().for_each(|missing| tell(&format!("the run is not finished: {missing}")));
            print(&format!("{}\n", drawn.page.display()))
        }
        Err(error) => {
            fail(&error.to_string(), if matches!(error, RecordError::Write { .. }) { FAILED } else { BAD_INPUT })
        }
    }
}

/// Runs the study and keeps its record; returns what to print.
fn record(study: &Study, base: &Path, destination: &Destination, json: bool) -> Result<String, RunError> {
    let stop = signals::stop(Some(RunFolder::partial_of(&destination.place)));
    let (record, place) = logscape_study::run(study, base, destination, &stop, &Terminal::of(&study.sgd.grid()))?;
    if json {
        tell(&format!("record: {}", place.display()));
        return Ok(std::fs::read_to_string(place.join("results.json")).unwrap_or_default());
    }
    let report = place.join("report.html");
    Ok(format!("{}report: {}\n", logscape_study::summary::summary(&record.results), report.display()))
}
