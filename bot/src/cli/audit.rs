//! `warung-bot audit`.

use std::process::ExitCode;

use anyhow::Result;
use sqlx::PgPool;

use super::say;
use crate::{auditor, clock::Clock, config::AdminConfig, store::audit::Scope};

pub(super) async fn run(pool: &PgPool, config: &AdminConfig) -> Result<ExitCode> {
    let scope = Scope {
        rows: None,
        now: Clock::system().now(),
        purchases: i64::from(config.transactions),
        window: config.window,
    };
    let audit = auditor::audit(pool, &scope, &[]).await?;
    for violation in &audit.violations {
        say(&format!(
            "{}: {}: {}",
            violation.rule, violation.subject, violation.detail
        ));
    }
    if audit.violations.is_empty() {
        say("books are in order");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}
