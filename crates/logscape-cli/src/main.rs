//! The command `logscape`: parses its arguments, calls the library, prints.
//!
//! Data go to standard output, words to standard error. Exit codes: 0 done, 1 run failed, 2 bad input.

use clap::{Parser, Subcommand};
use miette::Report;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

/// SGD as a noisy walk on the logarithm of the loss: measure, predict, simulate.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 run failed, 2 bad input.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Validate a study and print it with every default filled in
    Check {
        /// The study file (TOML)
        study: PathBuf,
        /// Replace a value, for example --set sgd.batch_size=[1,4]
        #[arg(long = "set", value_name = "SECTION.FIELD=VALUE")]
        overrides: Vec<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { study, overrides } => match logscape_study::load(&study, &overrides) {
            Ok(study) => print_study(&study),
            Err(error) => {
                eprintln!("{:?}", Report::new(error));
                ExitCode::from(BAD_INPUT)
            }
        },
    }
}

fn print_study(study: &logscape_study::Study) -> ExitCode {
    let written = toml::to_string(study)
        .map_err(|error| error.to_string())
        .and_then(|text| std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logscape: cannot print the study: {error}");
            ExitCode::from(FAILED)
        }
    }
}
