//! What the programs of this crate share of the terminal: lines, and how they end.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use warung_sandbox::serve::stop_signal;

/// Prints a line at once.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no reason to end half-way.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Runs to the end, or until told to stop, which counts as not having gone well.
pub async fn until_stopped(run: impl Future<Output = Result<bool>>) -> ExitCode {
    let outcome = tokio::select! {
        outcome = run => outcome,
        _ = stop_signal() => Ok(false),
    };
    exit_code(&outcome)
}

/// Success when it went well; an error is printed.
pub fn exit_code(outcome: &Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("✗ {error:#}"));
            ExitCode::FAILURE
        }
    }
}
