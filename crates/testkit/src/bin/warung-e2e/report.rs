//! The table at the end.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use warung_testkit::console::say;

use crate::drills::Drilled;

/// What was measured.
pub(crate) struct Report {
    begun: Instant,
    steps: Vec<(String, Duration)>,
    drills: Vec<Drilled>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            begun: Instant::now(),
            steps: Vec::new(),
            drills: Vec::new(),
        }
    }

    /// Notes a step, and says so.
    pub(crate) fn took(&mut self, step: &str, took: Duration) {
        say(&format!("✓ {step} ({:.1} s)", took.as_secs_f64()));
        self.steps.push((step.to_owned(), took));
    }

    /// Notes a drill, and says so.
    pub(crate) fn drill(&mut self, drilled: Drilled) {
        say(&row(&drilled));
        self.drills.push(drilled);
    }

    /// Whether nothing was lost and nothing doubled.
    pub(crate) fn is_correct(&self) -> bool {
        self.drills.iter().all(|drilled| drilled.tally.is_correct())
    }

    /// Prints the table and keeps it as JSON.
    pub(crate) fn print(&self, file: &Path) -> Result<()> {
        say("");
        for (step, took) in &self.steps {
            say(&format!("{step:<34} {:>8.1} s", took.as_secs_f64()));
        }
        say(&format!(
            "\n{:<32} {:>8} {:>6} {:>6} {:>9} {:>9} {:>9} {:>10}",
            "under load", "sent", "lost", "twice", "p50 ms", "p99 ms", "max ms", "whole s"
        ));
        for drilled in &self.drills {
            say(&row(drilled));
        }
        say(&format!(
            "\n{} in {:.0} s",
            if self.is_correct() {
                "✓ nothing lost, nothing doubled"
            } else {
                "✗ not right"
            },
            self.begun.elapsed().as_secs_f64()
        ));
        std::fs::write(file, serde_json::to_vec_pretty(&self.to_json())?)?;
        Ok(())
    }

    fn to_json(&self) -> Value {
        let steps = self
            .steps
            .iter()
            .map(|(step, took)| json!({"step": step, "seconds": took.as_secs_f64()}));
        let drills = self.drills.iter().map(|drilled| {
            let Drilled {
                name,
                whole_after,
                tally,
            } = drilled;
            json!({
                "drill": name,
                "whole_after_seconds": whole_after.as_secs_f64(),
                "sent": tally.sent,
                "unsent": tally.unsent,
                "lost": tally.lost,
                "doubled": tally.doubled,
                "p50_ms": tally.replies.value_at_quantile(0.5),
                "p99_ms": tally.replies.value_at_quantile(0.99),
                "longest_ms": tally.replies.max(),
            })
        });
        json!({"steps": steps.collect::<Vec<_>>(), "drills": drills.collect::<Vec<_>>()})
    }
}

fn row(drilled: &Drilled) -> String {
    let Drilled {
        name,
        whole_after,
        tally,
    } = drilled;
    format!(
        "{name:<32} {:>8} {:>6} {:>6} {:>9} {:>9} {:>9} {:>10.1}",
        tally.sent,
        tally.lost,
        tally.doubled,
        tally.replies.value_at_quantile(0.5),
        tally.replies.value_at_quantile(0.99),
        tally.replies.max(),
        whole_after.as_secs_f64(),
    )
}
