//! Why a record cannot be kept, continued or read.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a record cannot be kept, continued or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The record is there already.
    #[error("{} exists already\n  hint: choose another --out", .0.display())]
    Exists(PathBuf),
    /// An unfinished run is there.
    #[error("{} holds an unfinished run\n  hint: continue it with --resume, or choose another --out", .0.display())]
    Unfinished(PathBuf),
    /// Another process is at work there.
    #[error("a run is at work in {} (process {process})\n  hint: let it end, or choose another --out", place.display())]
    AtWork {
        /// The place of its record.
        place: PathBuf,
        /// Its number.
        process: String,
    },
    /// No record can be moved there.
    #[error("{} {reason}\n  hint: choose another --out", place.display())]
    Place {
        /// The place.
        place: PathBuf,
        /// Why not, after its name.
        reason: &'static str,
    },
    /// A record is there already, and nothing is left to do.
    #[error("{} is complete already\n  hint: read its report.html, or choose another --out", .0.display())]
    Complete(PathBuf),
    /// A record is complete, but was not moved to its place.
    #[error("{} holds a complete record that was not moved to its place\n  hint: move it to {}", partial.display(), place.display())]
    NotMoved {
        /// Where it is.
        partial: PathBuf,
        /// Its place.
        place: PathBuf,
    },
    /// There is nothing to report.
    #[error("{} holds neither a record nor an unfinished run\n  hint: give the folder of a record, or of a run that is at work or was interrupted, which ends with .partial; of a run that was interrupted before it had finished a stage nothing is left", .0.display())]
    NothingToReport(PathBuf),
    /// There is nothing to report yet.
    #[error("{} holds nothing to report yet: the minimum is not measured\n  hint: report it when the run has come further; one that is at work no more goes on with --resume", .0.display())]
    NothingYet(PathBuf),
    /// The run ended while it was read.
    #[error("the run in {} has ended meanwhile\n  hint: its record, if it has come to one, is {}", partial.display(), place.display())]
    Ended {
        /// Where it was.
        partial: PathBuf,
        /// The place of its record.
        place: PathBuf,
    },
    /// There is nothing to resume.
    #[error("{} holds no unfinished run\n  hint: run the study without --resume", .0.display())]
    NothingToResume(PathBuf),
    /// The record is of another study, or of one with more replicas.
    #[error("the record {} cannot be extended: its study differs by more than fewer replicas or repeats\n  hint: give the same study and settings as then, with larger `escape.replicas`, `escape.rare.repeats` or `stationary.replicas` (from 16 on)", .0.display())]
    CannotExtend(PathBuf),
    /// A checkpoint is not what was written.
    #[error("{} is damaged: its checksum does not fit\n  hint: delete the file to compute that part again", .0.display())]
    Damaged(PathBuf),
    /// The data are not those that the kept work was made from.
    #[error("the data have changed since the work in {} was done: {what}\n  hint: restore them, or run anew, without --extend and with another --out", place.display())]
    DataChanged {
        /// The folder.
        place: PathBuf,
        /// How they differ.
        what: String,
    },
    /// The kept work is of another version of the program.
    #[error("the work in {} is by version {version} of logscape, and this is {own}, which may come to other numbers\n  hint: go on with version {version}, or with this one by --allow-other-version, or run anew, without --extend and with another --out", place.display())]
    OtherVersion {
        /// The folder.
        place: PathBuf,
        /// The version of the work.
        version: String,
        /// The version of the program.
        own: String,
    },
    /// The unfinished run is of another study.
    #[error("{} holds an unfinished run of another study\n  hint: resume with the same file and the same --set, or choose another --out", .0.display())]
    OtherStudy(PathBuf),
    /// The system refused.
    #[error("cannot write the record {}: {source}\n  hint: is there space, and may you write there? Finished stages, if any, are kept for --resume", path.display())]
    Write {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a record is missing or not what it should be.
    #[error("cannot read {}: {reason}\n  hint: give the folder of a complete record, or run the study again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
