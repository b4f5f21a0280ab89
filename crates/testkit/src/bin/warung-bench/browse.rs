//! Scenarios of one turn each: customers look around, or send what needs no answer.

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use warung_testkit::console::say;

use crate::bed::{Bed, reaction};
use crate::goods;
use crate::load::{self, Planned};
use crate::report::{Bar, Line};

/// Makes every run send the same.
pub(crate) const SEED: u64 = 20_261_124;
const WARM_UP_SECONDS: u32 = 2;
/// Every tenth webhook arrives twice.
pub(crate) const REPEATED_ONE_IN: u64 = 10;

/// A load of one-turn messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    about: &'static str,
    per_second: u32,
    seconds: u32,
    customers: usize,
    kind: Kind,
    bars: &'static [Bar],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Menu, lists, searches, details.
    Browsing,
    /// Messages that are stored and not answered.
    Silent,
    /// All in the same moment.
    Burst,
}

/// The scenarios, the lightest first.
pub(crate) fn scenarios(seconds: u32) -> [Scenario; 4] {
    let scenario = Scenario {
        name: "browse-100",
        about: "100 customers at once look around, each once a second",
        per_second: 100,
        seconds,
        customers: 100,
        kind: Kind::Browsing,
        bars: &[Bar::ReplyP50Ms(10.0), Bar::ReplyP99Ms(50.0)],
    };
    [
        scenario,
        Scenario {
            name: "burst-100",
            about: "100 customers write in the same moment",
            seconds: 1,
            kind: Kind::Burst,
            bars: &[],
            ..scenario
        },
        Scenario {
            name: "durable-1000",
            about: "1,000 webhooks a second, each durable before its 200",
            per_second: 1_000,
            customers: 10_000,
            kind: Kind::Silent,
            bars: &[
                Bar::AckP99Ms(250.0),
                Bar::PerSecond(990.0),
                Bar::CpuPerThousand(0.3),
                Bar::NoneRefused,
            ],
            ..scenario
        },
        Scenario {
            name: "chat-250",
            about: "250 messages and 750 statuses a second, Meta's proportion",
            per_second: 250,
            customers: 10_000,
            bars: &[Bar::AckP99Ms(250.0)],
            ..scenario
        },
    ]
}

/// Lets caches and connections fill before anything is measured.
pub(crate) async fn warm_up(bed: &Bed) -> Result<()> {
    let [scenario, ..] = scenarios(WARM_UP_SECONDS);
    load::play(bed, schedule(bed, &scenario)).await.map(drop)
}

/// Runs a scenario and prints its line.
pub(crate) async fn run(bed: &Bed, scenario: &Scenario) -> Result<Line> {
    let outcome = load::play(bed, schedule(bed, scenario)).await?;
    let line = Line::of(scenario.name, scenario.about, &outcome, scenario.bars);
    say(&line.to_string());
    Ok(line)
}

fn schedule(bed: &Bed, scenario: &Scenario) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(SEED);
    let count = scenario.per_second * scenario.seconds;
    let gap = Duration::from_secs(1) / scenario.per_second;
    let planned = (0..count).zip(0_usize..).map(|(turn, index)| Planned {
        after: if scenario.kind == Kind::Burst {
            Duration::ZERO
        } else {
            gap * turn
        },
        customer: bed.customers[index % scenario.customers].clone(),
        content: match scenario.kind {
            Kind::Silent => reaction(),
            Kind::Browsing | Kind::Burst => words(&mut random),
        },
        answered: scenario.kind != Kind::Silent,
        repeated: scenario.kind != Kind::Silent && u64::from(turn).is_multiple_of(REPEATED_ONE_IN),
        buys: false,
    });
    planned.collect()
}

/// What a customer who looks around writes.
fn words(random: &mut StdRng) -> Value {
    let text = match random.random_range(0..100) {
        0..90 => look(random),
        90..95 => "saldo".to_owned(),
        _ => "pesanan".to_owned(),
    };
    says(&text)
}

/// How customers look at the goods.
pub(crate) fn look(random: &mut StdRng) -> String {
    let sku = goods::sku(random.random_range(0..goods::PRODUCTS));
    match random.random_range(0..90) {
        0..25 => "menu".to_owned(),
        25..60 => "produk".to_owned(),
        60..75 => format!("cari {}", sku.to_lowercase()),
        _ => format!("detail {sku}"),
    }
}

/// A text as the content of a message.
pub(crate) fn says(text: &str) -> Value {
    json!({"type": "text", "text": {"body": text}})
}
