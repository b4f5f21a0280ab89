//! `warung-bot`: one shop's bot and its administration.

use std::process::ExitCode;

use clap::Parser;
use warung_bot::cli::Cli;

fn main() -> ExitCode {
    warung_bot::cli::run(Cli::parse())
}
