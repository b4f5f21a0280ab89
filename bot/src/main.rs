//! `warung-bot`: one shop's bot and its administration.

use std::process::ExitCode;

use clap::Parser;
use warung_bot::cli::Cli;

/// The allocator of musl is slow with threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    warung_bot::cli::run(Cli::parse())
}
