//! Instructions per message, counted by callgrind: a figure that no neighbour on the machine changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use warung_sandbox::whatsapp::{Customer, Observed};
use warung_testkit::bot::{self, Bot};
use warung_testkit::console::say;
use warung_testkit::ports;
use warung_testkit::process::{Program, Signal, find};

use crate::bed::{Bed, reaction};
use crate::browse::says;
use crate::fleet::PROCESSES;
use crate::goods;
use crate::purchase::onward;

/// The name by which it is chosen; it is not part of the default run.
pub(crate) const NAME: &str = "instructions";
/// Messages that fill caches and connections before anything is counted.
const WARM: usize = 20;
/// Messages of each measurement.
const COUNTED: usize = 100;
/// A bot under callgrind is some fifty times slower.
const TURN_LIMIT: Duration = Duration::from_mins(1);
/// How long the bot is watched at rest, to know what its timers take.
const REST: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// Instructions of the bot for each message, those of its timers taken off.
#[derive(Debug, Serialize)]
pub(crate) struct Instructions {
    /// A message that is stored and not answered: its webhook, and a turn without a reply.
    webhook: f64,
    /// "produk": its webhook, turn and send, and three statuses.
    browse: f64,
    /// "beli" and the tap: two of each.
    purchase: f64,
    /// What a bot at rest takes in a second.
    second_at_rest: f64,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Webhook,
    Browse,
    Purchase,
}

/// Counts on one bot that runs under callgrind.
pub(crate) async fn run(bed: &mut Bed, state: &Path) -> Result<Instructions> {
    let valgrind = find("valgrind", &[])
        .context("valgrind is missing: scripts/setup --instructions installs it")?;
    let directory = tempfile::Builder::new()
        .prefix("callgrind-")
        .tempdir_in(state)?;
    bed.fleet.stop().await;
    let (port, log) = (ports::free()?, state.join("logs/bench-callgrind.log"));
    let out = directory.path().join("out");
    let program = bed.shop.program(&valgrind);
    let program = program
        .args(["--tool=callgrind", "--fair-sched=try"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&bed.program)
        .arg("serve")
        .env("LISTEN_ADDR", format!("127.0.0.1:{port}"))
        .dies_by(Signal::TERM)
        .log_to(&log);
    let process = program.spawn()?;
    let bot = Bot { port, log, process };
    bot.ready(&bot::http_client()?).await?;
    let hook = bot.url("/webhooks/whatsapp");
    bed.sandbox.set_webhooks(vec![hook]);
    let counter = Counter {
        pid: bot.process.pid(),
        out,
        dumps: 0,
    };
    let instructions = count(bed, counter).await;
    // It has been counted: how it ends tells nothing.
    let _ = bot.process.stop(STOP_LIMIT).await;
    bed.serve(PROCESSES).await?;
    instructions
}

async fn count(bed: &Bed, mut counter: Counter) -> Result<Instructions> {
    let mut customers = bed.customers.iter().cycle();
    let mut replies = bed.tracker.follow();
    for deed in [Deed::Browse, Deed::Purchase, Deed::Webhook] {
        for number in 0..WARM {
            let customer = customers.next().context("no customers")?;
            play(bed, deed, number, customer, &mut replies).await?;
        }
    }
    settled(bed).await?;
    counter.since_last().await?;
    tokio::time::sleep(REST).await;
    let second_at_rest = counter.since_last().await? / REST.as_secs_f64();
    say(&format!(
        "  {second_at_rest:10.0} instructions a second at rest"
    ));
    let mut each = [0.0; 3];
    for (deed, each) in [Deed::Webhook, Deed::Browse, Deed::Purchase]
        .into_iter()
        .zip(&mut each)
    {
        let begun = Instant::now();
        for number in 0..COUNTED {
            let customer = customers.next().context("no customers")?;
            play(bed, deed, number, customer, &mut replies).await?;
        }
        settled(bed).await?;
        let at_rest = second_at_rest * begun.elapsed().as_secs_f64();
        let total = counter.since_last().await? - at_rest;
        *each = total / f64::from(u32::try_from(COUNTED)?);
        say(&format!("  {:10.0} instructions: {deed:?}", *each));
    }
    let [webhook, browse, purchase] = each;
    Ok(Instructions {
        webhook,
        browse,
        purchase,
        second_at_rest,
    })
}

async fn play(
    bed: &Bed,
    deed: Deed,
    number: usize,
    customer: &Customer,
    replies: &mut mpsc::UnboundedReceiver<Observed>,
) -> Result<()> {
    let content = match deed {
        Deed::Webhook => reaction(),
        Deed::Browse => says("produk"),
        Deed::Purchase => says(&format!("beli {} 1", goods::sku(number))),
    };
    let mut reply = ask(bed, deed, customer, &content, replies).await?;
    while let Some(tap) = reply.as_ref().and_then(|reply| onward(&reply.payload)) {
        reply = ask(bed, deed, customer, &tap, replies).await?;
    }
    Ok(())
}

async fn ask(
    bed: &Bed,
    deed: Deed,
    customer: &Customer,
    content: &Value,
    replies: &mut mpsc::UnboundedReceiver<Observed>,
) -> Result<Option<Observed>> {
    let status = bed.sandbox.deliver(&[customer.composes(content)]).await;
    ensure!(status == Some(200), "a webhook was answered {status:?}");
    if matches!(deed, Deed::Webhook) {
        return Ok(None);
    }
    let reply = tokio::time::timeout(TURN_LIMIT, replies.recv()).await;
    reply
        .with_context(|| format!("no reply within {TURN_LIMIT:?}"))?
        .map(Some)
        .context("the sandbox is gone")
}

/// Waits until the bot has nothing more to do.
async fn settled(bed: &Bed) -> Result<()> {
    let mut database = bed.database().await?;
    let deadline = Instant::now() + TURN_LIMIT;
    ensure!(bed.sandbox.idle(TURN_LIMIT).await, "statuses are not taken");
    while bed.waiting(&mut database).await? > 0 {
        ensure!(Instant::now() < deadline, "the bot has not finished");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Reads the counters of a program that runs under callgrind.
struct Counter {
    pid: u32,
    out: PathBuf,
    dumps: u32,
}

impl Counter {
    /// Instructions since it was asked last.
    async fn since_last(&mut self) -> Result<f64> {
        let control = find("callgrind_control", &[]).context("callgrind_control is missing")?;
        let (status, text) = Program::new(control)
            .args(["--dump=bench", &self.pid.to_string()])
            .run_to_end()
            .await?;
        ensure!(status.success(), "callgrind_control: {text}");
        self.dumps += 1;
        let file = self.out.with_extension(self.dumps.to_string());
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        parse_total(&text).with_context(|| format!("no total in {}", file.display()))
    }
}

/// The last line that sums up.
fn parse_total(text: &str) -> Option<f64> {
    let sums = |line: &&str| line.starts_with("totals:") || line.starts_with("summary:");
    let line = text.lines().rfind(sums)?;
    line.split_once(':')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        let text = "version: 1\nevents: Ir\nsummary: 12\n\nfn=(1)\n3 4\n\ntotals: 1234567\n";
        assert_eq!(parse_total(text), Some(1_234_567.0));
        assert_eq!(parse_total("nothing"), None);
    }
}
