//! What is printed and written.

use std::time::Duration;

use serde::Serialize;
use warung_testkit::console::say;

use crate::checks::Violation;
use crate::faults::Fault;
use crate::timing::Felt;

/// Bars for what a customer feels.
const AFTER_A_DEATH: Duration = Duration::from_secs(3);
const WHILE_REDIS_HANGS: Duration = Duration::from_secs(5);
const WHILE_ROLLING: Duration = Duration::from_secs(1);
/// Three times the patience of whoever sends webhooks, because for up to six seconds each try may meet
/// it again, and the life of a bot that says nothing.
const WHILE_FROZEN: Duration = Duration::from_secs(11);
/// A machine on which bars are judged: runnable tasks a core, and answers before the first fault.
const LOAD_MOST_PER_CORE: f64 = 3.0;
const CALM_P99_MOST: Duration = Duration::from_millis(250);

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) mutation: Option<String>,
    pub(crate) seconds: f64,
    pub(crate) calm: Times,
    pub(crate) faults: Vec<Line>,
    pub(crate) seen: Vec<(String, usize)>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) load_average: String,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Times {
    pub(crate) answers: usize,
    pub(crate) first: Option<f64>,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) longest: f64,
}

/// A fault and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) fault: String,
    pub(crate) happened: String,
    pub(crate) lasted_ms: f64,
    pub(crate) felt: Times,
    /// A bar that belongs to the fault, and whether it was met.
    pub(crate) bar: Option<(String, bool)>,
}

fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}

impl From<Felt> for Times {
    fn from(felt: Felt) -> Self {
        Self {
            answers: felt.answers,
            first: felt.first.map(milliseconds),
            p50: milliseconds(felt.p50),
            p99: milliseconds(felt.p99),
            longest: milliseconds(felt.longest),
        }
    }
}

impl Line {
    pub(crate) fn new(
        name: String,
        alone: Option<Fault>,
        happened: String,
        lasted: Duration,
        felt: Felt,
    ) -> Self {
        let bar = alone.and_then(bar).map(|(what, most)| {
            let text = format!("{what}: longest answer ≤ {} s", most.as_secs());
            (text, felt.longest <= most)
        });
        Self {
            fault: name,
            happened,
            lasted_ms: milliseconds(lasted),
            felt: felt.into(),
            bar,
        }
    }

    /// Whether its bar was missed.
    pub(crate) fn is_over(&self) -> bool {
        self.bar.as_ref().is_some_and(|(_, met)| !met)
    }

    pub(crate) fn print(&self) {
        let felt = &self.felt;
        let first = felt
            .first
            .map_or("none".to_owned(), |ms| format!("{ms:.0} ms"));
        let bar = match &self.bar {
            Some((bar, met)) => format!("   {} {bar}", if *met { "✓" } else { "✗" }),
            None => String::new(),
        };
        say(&format!(
            "{:<44} {}; first new answer after {first}; longest {:.0} ms, p99 {:.0}, p50 {:.0}{bar}",
            self.fault, self.happened, felt.longest, felt.p99, felt.p50,
        ));
    }
}

/// What a customer may feel of a fault at most.
fn bar(fault: Fault) -> Option<(&'static str, Duration)> {
    match fault {
        Fault::BotKilled | Fault::BotCrashes(_) => Some(("after a bot's death", AFTER_A_DEATH)),
        Fault::RedisHangs => Some(("while a Redis primary hangs", WHILE_REDIS_HANGS)),
        Fault::RollingRestart => Some(("during a rolling restart", WHILE_ROLLING)),
        Fault::BotFrozen | Fault::BotFrozenWithLock => {
            Some(("while a bot stands still", WHILE_FROZEN))
        }
        _ => None,
    }
}

impl Report {
    pub(crate) fn print(&self) {
        say("");
        for (what, count) in &self.seen {
            say(&format!("  {count:>7} {what}"));
        }
        let calm = &self.calm;
        say(&format!(
            "  before the first fault: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms; load average {}",
            calm.p50, calm.p99, calm.longest, self.load_average,
        ));
        for line in self.faults.iter().filter(|line| line.is_over()) {
            let bar = line.bar.as_ref().map_or("", |(bar, _)| bar);
            say(&format!(
                "  ✗ {}: {bar}, was {:.0} ms",
                line.fault, line.felt.longest
            ));
        }
        for violation in &self.violations {
            say(&format!("  ✗ {}: {}", violation.check, violation.what));
        }
        if self.violations.is_empty() {
            say(&format!(
                "  ✓ no violation in {:.0} s (seed {})",
                self.seconds, self.seed
            ));
        }
    }
}

/// Whether the machine has the time that bars need; whether it is right is judged on any.
pub(crate) fn is_quiet(calm: &Felt) -> bool {
    let load: f64 = load_average()
        .split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = LOAD_MOST_PER_CORE * f64::from(u16::try_from(cores).unwrap_or(u16::MAX));
    load <= most && is_quick(calm)
}

/// Whether customers are answered as fast as they are without faults on a machine that has time.
pub(crate) fn is_quick(felt: &Felt) -> bool {
    felt.answers > 0 && felt.p99 <= CALM_P99_MOST
}

/// The load averages over 1, 5 and 15 minutes.
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
