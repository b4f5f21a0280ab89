//! Whether anything went wrong, told by code that shares nothing with the bots: from the database's
//! rows, from the books of the two sandboxes, and from what the bots noted of their locks.

mod books;
mod database;
mod linear;
mod locks;
mod messages;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::bed::Bed;
use crate::faults::Fault;

/// Violations told of each check at most.
const TOLD_MOST: usize = 10;

/// Something that must never be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Violation {
    /// Which check found it.
    pub(crate) check: &'static str,
    /// What it found.
    pub(crate) what: String,
}

/// Time in which a fault explains what else would be a violation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) fault: Fault,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// Violations as they are found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    violations: Vec<Violation>,
    /// What was looked at, for the report: a check that saw nothing says nothing.
    pub(crate) seen: Vec<(String, usize)>,
    /// Whether what hangs on the machine's pace may be judged.
    pub(crate) machine_has_time: bool,
}

impl Findings {
    pub(crate) fn add(&mut self, check: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.violations.push(Violation { check, what });
    }

    pub(crate) fn extend(&mut self, check: &'static str, found: Vec<String>) {
        let count = found.len();
        for what in found.into_iter().take(TOLD_MOST) {
            self.add(check, what);
        }
        if count > TOLD_MOST {
            self.add(check, format!("and {} more", count - TOLD_MOST));
        }
    }

    pub(crate) fn saw(&mut self, what: &str, count: usize) {
        self.seen.push((what.to_owned(), count));
    }

    pub(crate) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}

/// Looks at everything, once nothing is under way any more.
pub(crate) async fn check(
    bed: &Bed,
    windows: &[Window],
    began: (Instant, u64),
    state: &Path,
    findings: &mut Findings,
) -> Result<()> {
    let mut database = bed.database().await?;
    database::check(&mut database, findings).await?;
    books::check(bed, &mut database, findings).await?;
    messages::check(bed, &mut database, windows, findings).await?;
    let clock = locks::Clock::new(began);
    let history = bed.fleet.history();
    locks::check(&history, windows, clock, findings);
    std::fs::write(state.join("chaos-locks.txt"), history)?;
    if let Err(said) = bed.fleet.administer(&["audit"]).await {
        findings.add("auditor", format!("{said:#}"));
    }
    Ok(())
}

/// Waits until webhooks, inbox, outbox, notifications and payments are at rest, each payment having
/// been looked at once more.
pub(crate) async fn settle(bed: &Bed, limit: Duration) -> Result<(), String> {
    let until = Instant::now() + limit;
    if !bed.whatsapp.idle(limit).await {
        return Err(format!("{} webhooks are not taken", bed.whatsapp.waiting()));
    }
    // Forged ones are refused and sent again for a while; nobody need wait for their end.
    let _ = bed.midtrans.quiet(limit / 8).await;
    let hastened = database::hasten_looks(bed).await;
    hastened.map_err(|error| format!("{error:#}"))?;
    loop {
        let pending = database::pending(bed).await;
        match pending {
            Ok(0) => return Ok(()),
            _ if Instant::now() < until => {}
            Ok(rows) => {
                return Err(format!(
                    "{rows} rows of inbox, outbox or payments still wait"
                ));
            }
            Err(error) => return Err(format!("{error:#}")),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
