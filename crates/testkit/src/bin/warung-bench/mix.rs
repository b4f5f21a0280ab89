//! A day's mix: 10,000 customers of very different activity look around, fill carts, buy by saldo
//! and ask for orders and saldo; then the same mix at rising rates, until replies take too long.

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::Value;
use warung_sandbox::whatsapp::Customer;
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::browse::{REPEATED_ONE_IN, SEED, look, says};
use crate::goods;
use crate::load::{self, Planned};
use crate::report::{Bar, Line, Quantiles};
use crate::usage::Shares;

/// The names by which they are chosen.
pub(crate) const NAME: &str = "mix-500";
pub(crate) const KNEE_NAME: &str = "knee";
/// 10,000 customers at three messages a minute each.
pub(crate) const PER_SECOND: u32 = 500;
/// Messages a second of the search for the knee, step by step.
const RATES: [u32; 12] = [
    50, 100, 150, 200, 300, 400, 500, 600, 800, 1_000, 1_300, 1_700,
];
/// Seconds of each step.
const STEP_SECONDS: u32 = 4;
/// A reply's p99 beyond which a rate is not served well.
pub(crate) const KNEE_P99_MS: f64 = 250.0;
/// Of 100 messages 10 belong to purchases: five begin one, five tap its offer. The taps follow
/// their replies, so 95 are on the schedule.
const SCHEDULED_OF_100: u32 = 95;
/// Exponent of Zipf's law: the n-th busiest customer writes 1/n as often as the busiest.
const ZIPF: f64 = 1.0;
/// How long a customer reads an answer before they write again, and how long they take to buy.
const READING: Duration = Duration::from_secs(1);
const BUYING: Duration = Duration::from_secs(3);
/// How often a customer who still reads is passed over for another.
const DRAWS: usize = 32;

/// What customers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Browse,
    Cart,
    Buy,
    Account,
}

/// One rate of the search for the knee.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) reply_ms: Option<Quantiles>,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) merged: u64,
    pub(crate) refused: u64,
    pub(crate) cpu_seconds_per_thousand: Shares,
    /// Whether p99 was at most [`KNEE_P99_MS`] and nothing was lost or refused.
    pub(crate) held: bool,
}

/// Runs the mix at 500 messages a second.
pub(crate) async fn run(bed: &Bed, seconds: u32) -> Result<Line> {
    const BARS: &[Bar] = &[Bar::ReplyP99Ms(100.0), Bar::NoneRefused, Bar::AllBought];
    let outcome = load::play(bed, schedule(&bed.customers, PER_SECOND, seconds)).await?;
    let about = "500 messages a second of 10,000 customers: browse, cart, buy, orders and saldo";
    let line = Line::of(NAME, about, &outcome, BARS);
    say(&line.to_string());
    Ok(line)
}

/// Raises the rate until it is not held.
pub(crate) async fn knee(bed: &Bed) -> Result<Vec<Rate>> {
    let mut rates = Vec::new();
    for per_second in RATES {
        let rate = step(bed, per_second).await?;
        say(&rate.to_string());
        let held = rate.held;
        rates.push(rate);
        if !held {
            break;
        }
    }
    Ok(rates)
}

/// Plays the mix at one rate.
pub(crate) async fn step(bed: &Bed, per_second: u32) -> Result<Rate> {
    let outcome = load::play(bed, schedule(&bed.customers, per_second, STEP_SECONDS)).await?;
    let reply_ms = Quantiles::of(&outcome.replies);
    let quick = reply_ms.as_ref().is_some_and(|q| q.p99 <= KNEE_P99_MS);
    let wrong = outcome.lost + outcome.refused + outcome.unbought;
    Ok(Rate {
        per_second,
        held: quick && wrong == 0,
        reply_ms,
        lost: outcome.lost + outcome.unbought,
        doubled: outcome.doubled,
        merged: outcome.merged,
        refused: outcome.refused,
        cpu_seconds_per_thousand: outcome.used.per_thousand(load::float(outcome.sent)),
    })
}

/// The highest rate that was held; 0 if none was.
pub(crate) fn highest(rates: &[Rate]) -> u32 {
    let held = rates.iter().filter(|rate| rate.held);
    held.map(|rate| rate.per_second).max().unwrap_or(0)
}

/// The mix of these customers at a rate.
pub(crate) fn schedule(customers: &[Customer], per_second: u32, seconds: u32) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(SEED + u64::from(per_second));
    let count = per_second * seconds * SCHEDULED_OF_100 / 100;
    let gap = Duration::from_secs(u64::from(seconds)) / count;
    let mut crowd = Crowd::new(customers.len());
    let planned = (0..count).map(|turn| {
        let after = gap * turn;
        let deed = deed(&mut random);
        let customer = crowd.next(&mut random, after, deed);
        Planned {
            after,
            customer: customers[customer].clone(),
            content: content(&mut random, deed),
            answered: true,
            repeated: u64::from(turn).is_multiple_of(REPEATED_ONE_IN),
            buys: deed == Deed::Buy,
        }
    });
    planned.collect()
}

fn deed(random: &mut StdRng) -> Deed {
    match random.random_range(0..SCHEDULED_OF_100) {
        0..60 => Deed::Browse,
        60..85 => Deed::Cart,
        85..90 => Deed::Buy,
        _ => Deed::Account,
    }
}

fn content(random: &mut StdRng, deed: Deed) -> Value {
    let sku = goods::sku(random.random_range(0..goods::PRODUCTS));
    let text = match (deed, random.random_range(0..5)) {
        (Deed::Browse, _) => look(random),
        (Deed::Cart, 0..3) => format!("tambah {sku} 1"),
        (Deed::Cart, 3) => "keranjang".to_owned(),
        (Deed::Cart, _) => format!("hapus {sku}"),
        (Deed::Buy, _) => format!("beli {sku} 1"),
        (Deed::Account, 0..3) => "pesanan".to_owned(),
        (Deed::Account, _) => "saldo".to_owned(),
    };
    says(&text)
}

/// Who writes next.
struct Crowd {
    /// How often the customers up to this one write, of all that is written.
    share: Vec<f64>,
    quiet_until: Vec<Duration>,
}

impl Crowd {
    fn new(customers: usize) -> Self {
        let mut total = 0.0;
        let mut share: Vec<f64> = (1..=customers)
            .map(|rank| {
                total += f64::from(u32::try_from(rank).unwrap_or(u32::MAX)).powf(-ZIPF);
                total
            })
            .collect();
        for part in &mut share {
            *part /= total;
        }
        Self {
            share,
            quiet_until: vec![Duration::ZERO; customers],
        }
    }

    /// By Zipf's law, without those who still read: however busy, nobody writes twice a second.
    fn next(&mut self, random: &mut StdRng, now: Duration, deed: Deed) -> usize {
        let last = self.share.len() - 1;
        let drawn = (0..DRAWS).map(|_| {
            let point = random.random_range(0.0..1.0);
            self.share.partition_point(|part| *part < point).min(last)
        });
        let free = drawn
            .into_iter()
            .find(|customer| self.quiet_until[*customer] <= now);
        let customer = free.unwrap_or_else(|| random.random_range(0..=last));
        let pause = if deed == Deed::Buy { BUYING } else { READING };
        self.quiet_until[customer] = now + pause;
        customer
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p50, p99) = self
            .reply_ms
            .as_ref()
            .map_or((0.0, 0.0), |q| (q.p50, q.p99));
        write!(
            out,
            "    {:>5}/s   p50 {p50:7.1} ms   p99 {p99:7.1} ms   lost {}, doubled {}, merged {}, \
             refused {}; CPU-s per 1,000: {}{}",
            self.per_second,
            self.lost,
            self.doubled,
            self.merged,
            self.refused,
            self.cpu_seconds_per_thousand,
            if self.held { "" } else { " (not held)" },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_write_most_and_nobody_twice_a_second() {
        let mut random = StdRng::seed_from_u64(SEED);
        let mut crowd = Crowd::new(1_000);
        let mut written = vec![Vec::new(); 1_000];
        for turn in 0..5_000 {
            let now = Duration::from_millis(turn * 5);
            written[crowd.next(&mut random, now, Deed::Browse)].push(now);
        }
        assert!(written[0].len() > 15, "{}", written[0].len());
        assert!(written[0].len() > written[500].len());
        let quick = written[..10]
            .iter()
            .flat_map(|times| times.windows(2))
            .any(|pair| pair[1].saturating_sub(pair[0]) < READING);
        assert!(!quick);
    }

    #[test]
    fn the_mix_is_what_it_is_said_to_be() {
        let mut random = StdRng::seed_from_u64(SEED);
        let deeds: Vec<Deed> = (0..9_500).map(|_| deed(&mut random)).collect();
        let share = |which| deeds.iter().filter(|one| **one == which).count();
        let near = |count: usize, wanted: usize| count.abs_diff(wanted) < wanted / 8;
        assert!(near(share(Deed::Browse), 6_000));
        assert!(near(share(Deed::Cart), 2_500));
        assert!(near(share(Deed::Buy), 500));
        assert!(near(share(Deed::Account), 500));
    }
}
