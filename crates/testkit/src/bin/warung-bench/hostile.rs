//! What customers feel while strangers mean harm: a steady load of people who look around and buy,
//! first in peace, then under each attack in turn, and in peace again.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::browse;
use crate::load::{self, Planned};
use crate::mix;
use crate::report::Quantiles;
use crate::strangers::{Deed, Raid, Tally};
use crate::usage;

/// The name by which it is chosen; it is not part of the default run.
pub(crate) const NAME: &str = "hostile";
/// Messages a second of the customers: well below what the bots could serve, because the strangers,
/// the stores and the sandbox take their part of the same processors.
const PER_SECOND: u32 = 50;
/// Customers of a stretch. Each has others: nobody is sent more than 45 messages at a stretch, and
/// then one in six seconds, as WhatsApp wants it.
const CUSTOMERS: usize = 600;
/// How long strangers have been at it before the first customer writes.
const BUILD_UP: Duration = Duration::from_secs(2);
/// How long the bots are left alone between two attacks.
const REST: Duration = Duration::from_secs(1);
/// What customers may have to wait in 99 of 100 cases.
const REPLY_P99_MS: f64 = 250.0;
/// What a bot may take: 64 each for heads, bodies and pictures on their way, and 64 for itself.
const MEMORY_MIB: f64 = 256.0;
/// Sockets of those who drip, at each bot.
const DRIPPING_SOCKETS: usize = 1_000;
/// Silent connections at each bot: more than it has room for.
const SILENT_SOCKETS: usize = 4_500;
/// Almost the longest body that a bot takes, in bytes.
const LARGE_BYTES: usize = 3_000_000;
const SMALL_BYTES: usize = 1_024;
/// Brackets of a body that does nothing but nest.
const NESTED_LEVELS: usize = 100_000;
/// Parts of a body that is nothing but parts, two bytes each.
const CRUMBS: usize = 1_400_000;

const RIGHT: bool = true;
const WRONG: bool = false;

/// An attack, or peace.
struct Attack {
    name: &'static str,
    about: &'static str,
    deed: Option<Deed>,
}

/// What came of a stretch of peace or of an attack.
#[derive(Debug, Serialize)]
struct Stretch {
    name: &'static str,
    about: &'static str,
    sent: u64,
    reply_ms: Option<Quantiles>,
    /// Messages after which their customer heard nothing, and purchases without a receipt.
    lost: u64,
    doubled: u64,
    merged: u64,
    /// Customers' webhooks that were not answered 200 at first, and were sent again.
    sent_again: u64,
    bought: u64,
    /// What the strangers met with, at all bots together.
    strangers: Tally,
    /// The most that each bot took meanwhile.
    peak_rss_mib: Vec<f64>,
    /// Processors that the bots took together.
    bots_processors: f64,
    /// What was not as it must be.
    faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Results {
    load_average_before: String,
    load_average_after: String,
    customers_per_second: u32,
    seconds: u32,
    reply_p99_bar_ms: f64,
    memory_bound_mib: f64,
    stretches: Vec<Stretch>,
}

/// Plays it all and prints a table. Returns whether every customer was answered once and in time,
/// and the bots' memory stayed within its bound.
pub(crate) async fn run(bed: &Bed, seconds: u32, state: &Path) -> Result<bool> {
    browse::warm_up(bed).await?;
    let load_average_before = usage::load_average();
    say(&format!(
        "{PER_SECOND} messages a second of customers who look around and buy; {seconds} s each. The \
         strangers share the processors with the shop, its stores and its customers, and keep to \
         one."
    ));
    say(HEADINGS);
    let peace = |name| Attack {
        name,
        about: "no strangers",
        deed: None,
    };
    let mut attacks = attacks(bed);
    attacks.insert(0, peace("peace"));
    attacks.push(peace("peace again"));
    let mut in_peace = None;
    let mut stretches = Vec::new();
    for (attack, customers) in attacks.iter().zip(bed.customers.chunks_exact(CUSTOMERS)) {
        let customers = mix::schedule(customers, PER_SECOND, seconds);
        let stretch = stretch(bed, attack, customers, in_peace).await?;
        in_peace = in_peace.or_else(|| p99(&stretch));
        stretches.push(stretch);
    }
    let is_well = stretches.iter().all(|stretch| stretch.faults.is_empty());
    let results = Results {
        load_average_before,
        load_average_after: usage::load_average(),
        customers_per_second: PER_SECOND,
        seconds,
        reply_p99_bar_ms: REPLY_P99_MS,
        memory_bound_mib: MEMORY_MIB,
        stretches,
    };
    if in_peace.is_none_or(|p99| p99 > REPLY_P99_MS) {
        say("this machine is too slow or too busy for the bar: p99 is above it in peace already");
    }
    say(if is_well {
        "✓ every customer was answered, once and in time, and memory stayed within its bound"
    } else {
        "✗ customers or memory suffered"
    });
    let file = state.join("hostile.json");
    fs::write(&file, serde_json::to_vec_pretty(&results)?)?;
    say(&format!("report: {}", file.display()));
    Ok(is_well)
}

async fn stretch(
    bed: &Bed,
    attack: &Attack,
    customers: Vec<Planned>,
    in_peace: Option<f64>,
) -> Result<Stretch> {
    for pid in bed.pids() {
        usage::forget_peak(pid)?;
    }
    let deed = attack.deed.as_ref();
    let raid = deed.map(|deed| Raid::begin(deed, &bed.fleet.addresses()));
    let raid = raid.transpose()?;
    if raid.is_some() {
        tokio::time::sleep(BUILD_UP).await;
    }
    let outcome = load::play(bed, customers).await?;
    let strangers = raid.map(Raid::end).transpose()?.unwrap_or_default();
    let peaks = bed.pids().into_iter().map(usage::peak_mib);
    let mut stretch = Stretch {
        name: attack.name,
        about: attack.about,
        sent: outcome.sent,
        reply_ms: Quantiles::of(&outcome.replies),
        lost: outcome.lost + outcome.unbought,
        doubled: outcome.doubled,
        merged: outcome.merged,
        sent_again: outcome.refused,
        bought: outcome.bought,
        strangers,
        peak_rss_mib: peaks.collect::<Result<_>>()?,
        bots_processors: outcome.used.per_thousand(outcome.seconds * 1000.0).bots,
        faults: Vec::new(),
    };
    stretch.faults = faults(&stretch, in_peace);
    say(&stretch.to_string());
    for fault in &stretch.faults {
        say(&format!("    ✗ {fault}"));
    }
    tokio::time::sleep(REST).await;
    Ok(stretch)
}

/// What is wrong with a stretch. Its p99 is judged where it was good in peace.
fn faults(stretch: &Stretch, in_peace: Option<f64>) -> Vec<String> {
    let mut faults = Vec::new();
    if stretch.lost > 0 {
        faults.push(format!("{} messages or purchases were lost", stretch.lost));
    }
    if stretch.doubled > 0 {
        faults.push(format!("{} answers came twice", stretch.doubled));
    }
    let is_judged = in_peace.is_some_and(|p99| p99 <= REPLY_P99_MS);
    if is_judged && p99(stretch).is_none_or(|p99| p99 > REPLY_P99_MS) {
        faults.push(format!("p99 is above {REPLY_P99_MS:.0} ms"));
    }
    if stretch.peak_rss_mib.iter().any(|peak| *peak > MEMORY_MIB) {
        faults.push(format!("a bot took more than {MEMORY_MIB:.0} MiB"));
    }
    faults
}

fn p99(stretch: &Stretch) -> Option<f64> {
    stretch.reply_ms.as_ref().map(|quantiles| quantiles.p99)
}

/// All attacks; rates are at each bot.
fn attacks(bed: &Bed) -> Vec<Attack> {
    let mut attacks = holding();
    attacks.extend(large(bed));
    attacks.extend(small(bed));
    attacks
}

/// Connections that are opened and kept.
fn holding() -> Vec<Attack> {
    let hold = |sockets, words: String, drips| {
        let words = words.into_bytes();
        Some(Deed::Hold {
            sockets,
            words,
            drips,
        })
    };
    let start = "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\n";
    let head = format!("{start}x: ");
    let body =
        format!("{start}x-hub-signature-256: sha256=00\r\ncontent-length: 3145728\r\n\r\n{{");
    vec![
        Attack {
            name: "dripped heads",
            about: "1,000 sockets that send a byte of a header a second",
            deed: hold(DRIPPING_SOCKETS, head, true),
        },
        Attack {
            name: "dripped bodies",
            about: "1,000 sockets that send a byte of an announced 3 MiB a second",
            deed: hold(DRIPPING_SOCKETS, body, true),
        },
        Attack {
            name: "silence",
            about: "4,500 connections without a word, of which there is room for 4,096",
            deed: hold(SILENT_SOCKETS, String::new(), false),
        },
    ]
}

/// These requests in turn, so many a second.
fn ask(per_second: u32, requests: Vec<Vec<u8>>) -> Deed {
    let requests = requests.into();
    Deed::Ask {
        per_second,
        requests,
    }
}

/// Bodies of almost 3 MiB.
fn large(bed: &Bed) -> Vec<Attack> {
    let letters = format!("{{\"entry\":[\"{}\"", "x".repeat(LARGE_BYTES));
    let closed = format!("{letters}]}}");
    let crumbs = format!("{{\"entry\":[0{}]}}", ",0".repeat(CRUMBS));
    vec![
        Attack {
            name: "large, forged",
            about: "10 JSON bodies of 3 MB a second, wrongly signed",
            deed: Some(ask(10, vec![post(bed, &closed, WRONG)])),
        },
        Attack {
            name: "large, signed",
            about: "5 bodies of 3 MB a second, rightly signed: a letter of that length, no JSON, no \
                    webhook",
            deed: Some(ask(
                5,
                vec![
                    post(bed, &closed, RIGHT),
                    post(bed, &letters, RIGHT),
                    post(bed, &"x".repeat(LARGE_BYTES), RIGHT),
                    post(bed, &format!("[0{}]", ",0".repeat(CRUMBS)), RIGHT),
                ],
            )),
        },
        Attack {
            name: "crumbs, signed",
            about: "2 bodies a second, rightly signed, of 1,400,000 items that are none",
            deed: Some(ask(2, vec![post(bed, &crumbs, RIGHT)])),
        },
    ]
}

/// Many requests a second.
fn small(bed: &Bed) -> Vec<Attack> {
    let nested = |open: &str, close: &str| {
        format!(
            "{}{}",
            open.repeat(NESTED_LEVELS),
            close.repeat(NESTED_LEVELS)
        )
    };
    let open = nested("[", "");
    let within = format!(
        "{{\"entry\":[{{\"changes\":[{{\"value\":{}}}]}}]}}",
        nested("[", "]")
    );
    let letters = format!("{{\"entry\":\"{}\"}}", "x".repeat(SMALL_BYTES));
    let many = "x: y\r\n".repeat(200);
    let wide = format!("x: {}\r\n", "y".repeat(32 * 1_024));
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\n{headers}host: x\r\n\r\n").into_bytes()
    };
    let picture = format!("/media/{}.png", "ab".repeat(32));
    vec![
        Attack {
            name: "nested",
            about: "40 bodies a second that nest 100,000 deep, half of them rightly signed",
            deed: Some(ask(
                40,
                vec![
                    post(bed, &open, WRONG),
                    post(bed, &open, RIGHT),
                    post(bed, &within, WRONG),
                    post(bed, &within, RIGHT),
                ],
            )),
        },
        Attack {
            name: "small, forged",
            about: "1,000 wrong signatures a second, of 1 KB bodies",
            deed: Some(ask(1_000, vec![post(bed, &letters, WRONG)])),
        },
        Attack {
            name: "header floods",
            about: "250 requests a second with 200 headers, or one of 32 KiB",
            deed: Some(ask(250, vec![get("/livez", &many), get("/livez", &wide)])),
        },
        Attack {
            name: "questions",
            about: "500 requests a second for a picture that is none, /readyz and /metrics",
            deed: Some(ask(
                500,
                vec![get(&picture, ""), get("/readyz", ""), get("/metrics", "")],
            )),
        },
        Attack {
            name: "churn",
            about: "250 connections a second, opened and closed",
            deed: Some(Deed::Knock { per_second: 250 }),
        },
    ]
}

/// A webhook as it goes over the wire.
fn post(bed: &Bed, body: &str, is_signed: bool) -> Vec<u8> {
    let signature = if is_signed {
        bed.sandbox.sign(body.as_bytes())
    } else {
        format!("sha256={}", "00".repeat(32))
    };
    format!(
        "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: {signature}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const HEADINGS: &str = "\n                  reply ms        customers' messages                   bots\n\
    attack             p50     p99     sent lost twice again bought     MiB, processors   \
    strangers met with";

impl std::fmt::Display for Stretch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p50, p99) = self
            .reply_ms
            .as_ref()
            .map_or((0.0, 0.0), |q| (q.p50, q.p99));
        let peak = self.peak_rss_mib.iter().copied().fold(0.0, f64::max);
        let mut met = String::new();
        for (what, count) in &self.strangers {
            write!(met, "  {what} {count}")?;
        }
        write!(
            out,
            "{:<15} {p50:7.1} {p99:7.1} {:8} {:4} {:5} {:5} {:6} {peak:7.0} {:11.2} {met}",
            self.name,
            self.sent,
            self.lost,
            self.doubled,
            self.sent_again,
            self.bought,
            self.bots_processors,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch() -> Stretch {
        Stretch {
            name: "silence",
            about: "",
            sent: 500,
            reply_ms: Some(Quantiles {
                p50: 8.0,
                p99: 40.0,
                p999: 60.0,
            }),
            lost: 0,
            doubled: 0,
            merged: 0,
            sent_again: 3,
            bought: 25,
            strangers: Tally::new(),
            peak_rss_mib: vec![60.0, 90.0],
            bots_processors: 0.2,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_message_lost_or_doubled_a_slow_answer_and_too_much_memory_are_told() {
        let peace = Some(30.0);
        assert!(faults(&stretch(), peace).is_empty());
        let lost = Stretch {
            lost: 1,
            ..stretch()
        };
        let doubled = Stretch {
            doubled: 1,
            ..stretch()
        };
        let large = Stretch {
            peak_rss_mib: vec![60.0, 257.0],
            ..stretch()
        };
        let slow = || Stretch {
            reply_ms: Some(Quantiles {
                p50: 8.0,
                p99: 251.0,
                p999: 260.0,
            }),
            ..stretch()
        };
        for wrong in [lost, doubled, large, slow()] {
            assert_eq!(faults(&wrong, peace).len(), 1, "{wrong:?}");
        }
        assert!(
            faults(&slow(), Some(300.0)).is_empty(),
            "slow in peace already"
        );
    }
}
