//! `warung-bot` with points to die at and guards that can be taken out, for `make chaos`.

use std::process::ExitCode;

use clap::Parser;
use warung_bot::cli::Cli;

fn main() -> ExitCode {
    warung_bot::cli::run(Cli::parse())
}
