//! Looks at the books every minute and keeps the record of what is wrong with them.

use anyhow::Result;

use crate::{
    app::App,
    auditor,
    store::{audit::Scope, violations},
};

/// Rows of each table that one look goes back.
const ROWS: i64 = 2_000;

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    let limits = &app.config.limits;
    let scope = Scope {
        rows: Some(ROWS),
        now,
        purchases: i64::from(limits.transactions),
        window: limits.window,
    };
    let broken = violations::broken_rules(&app.relaxed).await?;
    let audit = auditor::audit(&app.relaxed, &scope, &broken).await?;
    app.metrics.ledger_imbalance.set(audit.imbalance);
    if !(audit.violations.is_empty() && broken.is_empty()) {
        let changes = violations::record(&app.relaxed, &audit.violations, now).await?;
        for (rule, subject) in &changes.found {
            tracing::error!(rule, subject, "an invariant is violated");
            app.metrics
                .invariant_violations
                .with_label_values(&[rule])
                .inc();
        }
        for (rule, subject) in &changes.cleared {
            tracing::info!(rule, subject, "a violation was cleared");
        }
    }
    let open = violations::open(&app.relaxed).await?;
    app.metrics.invariant_violations_open.set(open);
    Ok(())
}
