//! A simulator that stays alive between runs, so that compiling never counts: a line asks, a line of numbers answers.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a process said when it had started.
pub(super) enum Started {
    /// It waits for requests.
    Ready(Process),
    /// It does not have this work in this precision.
    Unsupported,
}

/// A process that answers `run` and `check`.
pub(super) struct Process {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the process and waits until it has compiled.
    pub(super) fn start(command: &mut Command) -> io::Result<Started> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take().expect("standard input is piped");
        let answers = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut process = Self { child, requests, answers };
        match process.line()?.trim() {
            "ready" => Ok(Started::Ready(process)),
            "unsupported" => Ok(Started::Unsupported),
            other => Err(io::Error::other(format!("expected `ready`, got `{other}`"))),
        }
    }

    /// Replica-steps, or what a floor counts, per second.
    pub(super) fn run(&mut self) -> io::Result<f64> {
        match self.ask("run")?[..] {
            [rate] => Ok(rate),
            ref other => Err(io::Error::other(format!("expected one rate, got {other:?}"))),
        }
    }

    /// The means of the observables and their squares, each with its standard error.
    pub(super) fn check(&mut self) -> io::Result<Vec<(f64, f64)>> {
        Ok(self.ask("check")?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    fn ask(&mut self, request: &str) -> io::Result<Vec<f64>> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        let line = self.line()?;
        line.split_whitespace()
            .map(|word| word.parse().map_err(|_| io::Error::other(format!("expected numbers, got `{}`", line.trim()))))
            .collect()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::Error::other("it ended without an answer")),
            _ => Ok(line),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is to be gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
