//! Our bots and the peer in turns, under the same load in the same run.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::fleet::{PROCESSES, Side};
use crate::mix::{self, Rate};
use crate::report::Line;
use crate::usage;

/// Rounds of each side.
const ROUNDS: usize = 2;
/// How long a side is left alone before its memory is read.
const REST: std::time::Duration = std::time::Duration::from_secs(3);

/// One side's turn.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) side: Side,
    /// MiB of all its processes, at rest and at the most.
    pub(crate) idle_mib: f64,
    pub(crate) peak_mib: f64,
    pub(crate) rates: Vec<Rate>,
    /// Messages a second at the highest rate that was held.
    pub(crate) knee: u32,
    /// The mix at 500 messages a second, whether or not that is beyond the knee.
    pub(crate) mix: Option<Line>,
}

/// The two sides, and what ours takes of what the other takes.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) rounds: Vec<Round>,
    pub(crate) ratios: Vec<Ratio>,
}

/// The peer's figure by ours, of the medians of the rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    what: String,
    warung: f64,
    node: f64,
    /// How many times ours is better.
    times: f64,
}

/// Runs both in turns: ours, theirs, ours, theirs.
pub(crate) async fn run(bed: &mut Bed, directory: &Path, seconds: u32) -> Result<Comparison> {
    let peer = bed.peer(directory).await?;
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        for side in [Side::Warung, Side::Node] {
            match side {
                Side::Warung => bed.serve(PROCESSES).await?,
                Side::Node => bed.serve_peer(&peer).await?,
            }
            say(&format!("{side:?}, round {number}"));
            rounds.push(round(bed, seconds).await?);
        }
    }
    bed.serve(PROCESSES).await?;
    let ratios = ratios(&rounds);
    for ratio in &ratios {
        say(&format!(
            "  {:<48} Warung {:8.2}   Node {:8.2}   {:6.2}×",
            ratio.what, ratio.warung, ratio.node, ratio.times
        ));
    }
    Ok(Comparison { rounds, ratios })
}

async fn round(bed: &Bed, seconds: u32) -> Result<Round> {
    // What the other side left to write is written before this one is measured.
    let mut database = bed.database().await?;
    sqlx::query("CHECKPOINT").execute(&mut database).await?;
    tokio::time::sleep(REST).await;
    let idle_mib = memory(bed, usage::resident_mib)?;
    crate::browse::warm_up(bed).await?;
    let rates = mix::knee(bed).await?;
    let knee = mix::highest(&rates);
    // A side that cannot hold 500/s would only be told so once more.
    let mix = if knee >= mix::PER_SECOND {
        Some(mix::run(bed, seconds).await?)
    } else {
        None
    };
    let peak_mib = memory(bed, usage::peak_mib)?;
    say(&format!(
        "    knee {knee}/s, memory {idle_mib:.0} MiB at rest, {peak_mib:.0} MiB at the most"
    ));
    Ok(Round {
        side: bed.fleet.side,
        idle_mib,
        peak_mib,
        rates,
        knee,
        mix,
    })
}

fn memory(bed: &Bed, of: fn(u32) -> Result<f64>) -> Result<f64> {
    bed.pids().into_iter().map(of).sum()
}

fn ratios(rounds: &[Round]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    let mut add = |what: String, of: &dyn Fn(&Round) -> Option<f64>, less_is_better: bool| {
        let median = |side| median(rounds.iter().filter(|one| one.side == side).filter_map(of));
        if let (Some(warung), Some(node)) = (median(Side::Warung), median(Side::Node)) {
            let (better, worse) = if less_is_better {
                (warung, node)
            } else {
                (node, warung)
            };
            ratios.push(Ratio {
                what,
                warung,
                node,
                times: worse / better.max(f64::MIN_POSITIVE),
            });
        }
    };
    let common: Vec<u32> = rounds
        .first()
        .map(|round| round.rates.iter().map(|rate| rate.per_second).collect())
        .unwrap_or_default();
    for per_second in common {
        let at = |round: &Round, of: &dyn Fn(&Rate) -> Option<f64>| {
            let rate = round
                .rates
                .iter()
                .find(|rate| rate.per_second == per_second);
            rate.and_then(of)
        };
        add(
            format!("CPU-s per 1,000 messages at {per_second}/s"),
            &|round| at(round, &|rate| Some(rate.cpu_seconds_per_thousand.bots)),
            true,
        );
        add(
            format!("the same with PostgreSQL and Redis at {per_second}/s"),
            &|round| {
                at(round, &|rate| {
                    Some(rate.cpu_seconds_per_thousand.shop_and_stores())
                })
            },
            true,
        );
        add(
            format!("reply p99 in ms at {per_second}/s"),
            &|round| at(round, &|rate| rate.reply_ms.as_ref().map(|q| q.p99)),
            true,
        );
    }
    add(
        "knee, messages/s with p99 ≤ 250 ms".to_owned(),
        &|round| Some(f64::from(round.knee)),
        false,
    );
    add(
        "memory of two processes at rest, MiB".to_owned(),
        &|round| Some(round.idle_mib),
        true,
    );
    add(
        "memory of two processes at the most, MiB".to_owned(),
        &|round| Some(round.peak_mib),
        true,
    );
    ratios
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let other = values.len() / 2;
    Some(f64::midpoint(values[middle], values[other]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_two_lies_between_them() {
        assert_eq!(median([3.0, 1.0].into_iter()), Some(2.0));
        assert_eq!(median([3.0, 1.0, 9.0].into_iter()), Some(3.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
