//! Sweeps: background work that takes no input. Each looks at the database, repairs what it finds,
//! and runs on a signal and on a timer alike, on every bot at once, so that one path serves the
//! usual case and the accident.

mod arrivals;
mod audit;
mod deliveries;
mod gauges;
mod invalidations;
mod merges;
mod outbox;
mod payments;
mod reservations;
mod retention;
mod settings;

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::Result;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::app::App;

/// What wakes a sweep before its time.
type Signal = fn(&App) -> Option<&Notify>;

const TIMER_ONLY: Signal = |_| None;

/// Starts every sweep; all end when the process is told to stop.
pub fn start(app: &App, tasks: &TaskTracker) {
    let sweeps = Sweeps { app, tasks };
    sweeps.start(
        "payments",
        SECOND,
        |app| Some(&app.signals.payments),
        payments::run,
    );
    sweeps.start("reservations", 5 * SECOND, TIMER_ONLY, reservations::run);
    sweeps.start("deliveries", 5 * SECOND, TIMER_ONLY, deliveries::run);
    sweeps.start("arrivals", 60 * SECOND, TIMER_ONLY, arrivals::run);
    sweeps.start("outbox", SECOND / 2, TIMER_ONLY, outbox::run);
    let invalidated: Signal = |app| Some(&app.signals.invalidations);
    sweeps.start("invalidations", SECOND / 2, invalidated, invalidations::run);
    sweeps.start("settings", 2 * SECOND, TIMER_ONLY, settings::run);
    sweeps.start("merges", 60 * SECOND, TIMER_ONLY, merges::run);
    sweeps.start("gauges", 5 * SECOND, TIMER_ONLY, gauges::run);
    sweeps.start("retention", 600 * SECOND, TIMER_ONLY, retention::run);
    sweeps.start("audit", 60 * SECOND, TIMER_ONLY, audit::run);
}

const SECOND: Duration = Duration::from_secs(1);

struct Sweeps<'a> {
    app: &'a App,
    tasks: &'a TaskTracker,
}

impl Sweeps<'_> {
    fn start<F, Fut>(&self, name: &'static str, every: Duration, signal: Signal, run: F)
    where
        F: Fn(App) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send,
    {
        let app = self.app.clone();
        self.tasks.spawn(async move {
            while !app.stop.is_cancelled() {
                // A panic is one round's; the next may find better rows.
                let round = AssertUnwindSafe(run(app.clone())).catch_unwind().await;
                let outcome = match round {
                    Ok(Ok(())) => "ok",
                    Err(_) => {
                        tracing::error!(sweep = name, "sweep panicked");
                        "panicked"
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(sweep = name, error = format!("{error:#}"), "sweep failed");
                        "failed"
                    }
                };
                app.metrics.sweeps.with_label_values(&[name, outcome]).inc();
                let signalled = async {
                    match signal(&app) {
                        Some(signal) => signal.notified().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = signalled => {}
                    () = tokio::time::sleep(every) => {}
                    () = app.stop.cancelled() => {}
                }
            }
        });
    }
}
