//! What is printed and written.

use std::fmt;

use anyhow::Result;
use serde::Serialize;
use warung_testkit::console::say;

use crate::against::Comparison;
use crate::bed::Bed;
use crate::fleet::Side;
use crate::growth::Grown;
use crate::instructions::Instructions;
use crate::limits::Limits;
use crate::load::Outcome;
use crate::mix::Rate;
use crate::scaling::Scale;
use crate::usage::{self, Shares};

/// Bars for the bots at rest.
const IDLE_RSS_MIB: f64 = 30.0;
const START_TO_READY_MS: u128 = 500;
/// Bar for purchases by saldo.
const PURCHASES_PER_SECOND: f64 = 1_000.0;

/// Bar for purchases against what PostgreSQL does with a bare function call.
const PURCHASE_SHARE: f64 = 0.4;

/// All results of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    load_average_before: String,
    load_average_after: String,
    pub(crate) footprint: Option<Footprint>,
    pub(crate) limits: Option<Limits>,
    scenarios: Vec<Line>,
    pub(crate) ramp: Vec<Step>,
    pub(crate) hot_ramp: Vec<Step>,
    /// The mix at rising rates.
    pub(crate) knee: Vec<Rate>,
    pub(crate) against: Option<Comparison>,
    pub(crate) scaling: Vec<Scale>,
    pub(crate) growth: Vec<Grown>,
    pub(crate) instructions: Option<Instructions>,
    peak_rss_mib: Vec<f64>,
}

/// The bots at rest.
#[derive(Debug, Serialize)]
pub(crate) struct Footprint {
    pub(crate) idle_rss_mib: Vec<f64>,
    pub(crate) start_to_ready_ms: Vec<u128>,
}

/// What is asked of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    ReplyP50Ms(f64),
    ReplyP99Ms(f64),
    AckP99Ms(f64),
    PerSecond(f64),
    CpuPerThousand(f64),
    NoneRefused,
    AllBought,
}

/// The result of one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    name: &'static str,
    about: &'static str,
    sent: u64,
    per_second: f64,
    reply_ms: Option<Quantiles>,
    acknowledged_ms: Option<Quantiles>,
    lost: u64,
    merged: u64,
    doubled: u64,
    refused: u64,
    bought: u64,
    unbought: u64,
    cpu_seconds_per_thousand: Shares,
    verdicts: Vec<Verdict>,
}

/// Latencies in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// A bar, and whether it was met.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    bar: String,
    met: bool,
}

/// One step of the ramp of purchases.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) begun_per_second: u32,
    pub(crate) completed_per_second: f64,
    pub(crate) held: bool,
    pub(crate) begun: u32,
    pub(crate) completed: u32,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    pub(crate) cpu_seconds_per_thousand: Shares,
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(micros: u64) -> f64 {
    f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            load_average_before: usage::load_average(),
            load_average_after: String::new(),
            footprint: None,
            limits: None,
            scenarios: Vec::new(),
            ramp: Vec::new(),
            hot_ramp: Vec::new(),
            knee: Vec::new(),
            against: None,
            scaling: Vec::new(),
            growth: Vec::new(),
            instructions: None,
            peak_rss_mib: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, line: Line) {
        self.scenarios.push(line);
    }

    /// Reads what is known only at the end.
    pub(crate) fn finish(&mut self, bed: &Bed) -> Result<()> {
        self.peak_rss_mib = bed
            .pids()
            .into_iter()
            .map(usage::peak_mib)
            .collect::<Result<_>>()?;
        self.load_average_after = usage::load_average();
        Ok(())
    }

    /// Whether nothing was lost and nothing doubled.
    pub(crate) fn is_correct(&self) -> bool {
        self.scenarios
            .iter()
            .all(|line| line.lost == 0 && line.doubled == 0)
            && self
                .ramp
                .iter()
                .chain(&self.hot_ramp)
                .all(|step| step.lost == 0 && step.doubled == 0)
            && self
                .knee
                .iter()
                .chain(self.ours())
                .all(|rate| rate.lost == 0 && rate.doubled == 0)
    }

    /// What our bots did beside the peer: the peer's faults are its own.
    fn ours(&self) -> impl Iterator<Item = &Rate> {
        let rounds = self.against.iter().flat_map(|against| &against.rounds);
        let ours = rounds.filter(|round| round.side == Side::Warung);
        ours.flat_map(|round| &round.rates)
    }

    pub(crate) fn print(&self) {
        say(&format!(
            "\nload average {} before, {} after; peak memory of the bots {}",
            self.load_average_before,
            self.load_average_after,
            mib(&self.peak_rss_mib),
        ));
        for verdict in self.verdicts() {
            say(&format!(
                "  {} {}",
                if verdict.met { "✓" } else { "✗" },
                verdict.bar
            ));
        }
        let correct = if self.is_correct() {
            "✓ nothing lost, nothing doubled"
        } else {
            "✗ something was lost or doubled"
        };
        say(&format!("  {correct}"));
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        if let Some(footprint) = &self.footprint {
            let idle = &footprint.idle_rss_mib;
            verdicts.push(Verdict {
                bar: format!("bot at rest: ≤ {IDLE_RSS_MIB:.0} MiB (took {})", mib(idle)),
                met: idle.iter().all(|taken| *taken <= IDLE_RSS_MIB),
            });
            let times = &footprint.start_to_ready_ms;
            verdicts.push(Verdict {
                bar: format!("start to ready: ≤ {START_TO_READY_MS} ms (took {times:?})"),
                met: times.iter().all(|taken| *taken <= START_TO_READY_MS),
            });
        }
        for line in &self.scenarios {
            let bars = line.verdicts.iter();
            verdicts.extend(bars.map(|verdict| Verdict {
                bar: format!("{}: {}", line.name, verdict.bar),
                met: verdict.met,
            }));
        }
        let ramps = [
            ("purchases by saldo", &self.ramp),
            ("of one product", &self.hot_ramp),
        ];
        for (name, ramp) in ramps.into_iter().filter(|(_, ramp)| !ramp.is_empty()) {
            let held = ramp.iter().filter(|step| step.held);
            let best = held
                .map(|step| step.completed_per_second)
                .fold(0.0, f64::max);
            verdicts.push(Verdict {
                bar: format!("{name}: ≥ {PURCHASES_PER_SECOND:.0}/s (held {best:.0}/s)"),
                met: best >= PURCHASES_PER_SECOND,
            });
            let bare = self.limits.as_ref();
            if let Some(bare) = bare.and_then(|limits| limits.bare_purchases_per_second) {
                verdicts.push(Verdict {
                    bar: format!(
                        "{name}: ≥ {:.0} % of a bare function call ({best:.0} of {bare:.0}/s, {:.0} %)",
                        PURCHASE_SHARE * 100.0,
                        best / bare * 100.0
                    ),
                    met: best >= PURCHASE_SHARE * bare,
                });
            }
        }
        verdicts
    }
}

impl Line {
    pub(crate) fn of(
        name: &'static str,
        about: &'static str,
        outcome: &Outcome,
        bars: &[Bar],
    ) -> Self {
        let sent = crate::load::float(outcome.sent);
        let mut line = Self {
            name,
            about,
            sent: outcome.sent,
            per_second: sent / outcome.seconds,
            reply_ms: Quantiles::of(&outcome.replies),
            acknowledged_ms: Quantiles::of(&outcome.acknowledged),
            lost: outcome.lost,
            merged: outcome.merged,
            doubled: outcome.doubled,
            refused: outcome.refused,
            bought: outcome.bought,
            unbought: outcome.unbought,
            cpu_seconds_per_thousand: outcome.used.per_thousand(sent),
            verdicts: Vec::new(),
        };
        line.verdicts = bars.iter().map(|bar| line.judge(*bar)).collect();
        line
    }

    fn judge(&self, bar: Bar) -> Verdict {
        let at_most = |what: &str, value: Option<f64>, most: f64, unit: &str| Verdict {
            bar: format!("{what} ≤ {most} {unit} (was {})", number(value)),
            met: value.is_some_and(|value| value <= most),
        };
        let reply = self.reply_ms.as_ref();
        let acknowledged = self.acknowledged_ms.as_ref();
        match bar {
            Bar::ReplyP50Ms(most) => at_most("reply p50", reply.map(|q| q.p50), most, "ms"),
            Bar::ReplyP99Ms(most) => at_most("reply p99", reply.map(|q| q.p99), most, "ms"),
            Bar::AckP99Ms(most) => at_most("200 p99", acknowledged.map(|q| q.p99), most, "ms"),
            Bar::CpuPerThousand(most) => {
                let value = Some(self.cpu_seconds_per_thousand.bots);
                at_most("processor per 1,000 messages", value, most, "s")
            }
            Bar::PerSecond(least) => Verdict {
                bar: format!("≥ {least}/s (was {:.0})", self.per_second),
                met: self.per_second >= least,
            },
            Bar::NoneRefused => Verdict {
                bar: format!("no webhook refused (was {})", self.refused),
                met: self.refused == 0,
            },
            Bar::AllBought => Verdict {
                bar: format!(
                    "each purchase ends with a receipt ({} did, {} did not)",
                    self.bought, self.unbought
                ),
                met: self.unbought == 0,
            },
        }
    }
}

impl Quantiles {
    pub(crate) fn of(histogram: &hdrhistogram::Histogram<u64>) -> Option<Self> {
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}", self.name, self.about)?;
        let rows = [("reply", &self.reply_ms), ("200", &self.acknowledged_ms)];
        for (what, quantiles) in rows {
            if let Some(q) = quantiles {
                writeln!(
                    out,
                    "    {what:<6} p50 {:7.1} ms   p99 {:7.1} ms   p99.9 {:7.1} ms",
                    q.p50, q.p99, q.p999
                )?;
            }
        }
        write!(
            out,
            "    sent {} at {:.0}/s, lost {}, doubled {}, merged {}, refused {}; CPU-s per 1,000: {}",
            self.sent,
            self.per_second,
            self.lost,
            self.doubled,
            self.merged,
            self.refused,
            self.cpu_seconds_per_thousand,
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "purchases: {}/s begun, {:.0}/s completed{}   p50 {:.1} ms   p99 {:.1} ms   \
             lost {}, doubled {}; CPU-s per 1,000: {}",
            self.begun_per_second,
            self.completed_per_second,
            if self.held { "" } else { " (not held)" },
            self.p50_ms,
            self.p99_ms,
            self.lost,
            self.doubled,
            self.cpu_seconds_per_thousand,
        )
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "shop {:.2}, PostgreSQL {:.2}, Redis {:.2}, sandbox and load {:.2}",
            self.bots, self.postgres, self.redis, self.load,
        )
    }
}

fn mib(values: &[f64]) -> String {
    let each: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
    format!("{} MiB", each.join(" and "))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.2}"))
}
