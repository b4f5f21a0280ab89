//! Logs: one line of JSON each.

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// Begins to log to standard error. `filter` is such as `info` or `info,warung_operator=debug`;
/// `plain` writes for people.
///
/// # Errors
/// When the filter makes no sense.
pub fn start(filter: &str, plain: bool) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("read the log filter")?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if plain {
        logs.try_init()
    } else {
        logs.json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init()
    };
    started.map_err(|error| anyhow::anyhow!("start logging: {error}"))
}
