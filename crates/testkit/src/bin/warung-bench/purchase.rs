//! Purchases by saldo at a rising rate: from "beli" to the receipt, tapping what the shop offers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use warung_sandbox::whatsapp::{Customer, Observed};
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::load::{histogram, record};
use crate::report::Step;
use crate::usage::Shares;

/// The names by which they are chosen.
pub(crate) const NAME: &str = "purchases";
pub(crate) const HOT_NAME: &str = "purchases of one product";
/// Purchases begun a second, step by step.
const RATES: [u32; 5] = [100, 200, 400, 800, 1_200];
const STEP: Duration = Duration::from_secs(3);
/// A step holds when its last purchase ends this soon after it began: no queue has built up.
const HELD_WITHIN: Duration = Duration::from_secs(1);
/// How long the purchases of a step may go on after its last message.
const TAIL: Duration = Duration::from_secs(30);
/// Turns within which a purchase ends.
const TURNS: usize = 4;

/// A purchase under way.
#[derive(Debug)]
struct Purchase {
    customer: Customer,
    scheduled: Instant,
    turns: usize,
}

/// Raises the rate until the bots no longer keep up. `sku` is what a buyer wants.
pub(crate) async fn ramp(bed: &Bed, sku: fn(usize) -> String) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for rate in RATES {
        let step = climb(bed, rate, sku).await?;
        say(&step.to_string());
        let held = step.held;
        steps.push(step);
        if !held {
            break;
        }
    }
    Ok(steps)
}

async fn climb(bed: &Bed, rate: u32, sku: fn(usize) -> String) -> Result<Step> {
    let mut database = bed.database().await?;
    let paid_before = bed.fleet.side.paid(&mut database).await?;
    let mut replies = bed.tracker.follow();
    let before = Shares::now(bed)?;
    let begun = Instant::now();
    let count = rate * u32::try_from(STEP.as_secs())?;
    let gap = Duration::from_secs(1) / rate;
    let (started, mut starting) = mpsc::unbounded_channel();
    let sandbox = bed.sandbox.clone();
    // Those who were busiest in the mix come first, and WhatsApp lets only a message each six seconds
    // go to one who had many.
    let customers: Vec<Customer> = bed
        .customers
        .iter()
        .rev()
        .take(usize::try_from(count)?)
        .cloned()
        .collect();
    tokio::spawn(async move {
        for (turn, (index, customer)) in (0..count).zip(customers.into_iter().enumerate()) {
            let scheduled = begun + gap * turn;
            tokio::time::sleep_until(scheduled.into()).await;
            let text = format!("beli {} 1", sku(index));
            let item = customer.composes(&json!({"type": "text", "text": {"body": text}}));
            // The list of purchases has closed when the step was given up.
            let _ = started.send(Purchase {
                customer,
                scheduled,
                turns: 0,
            });
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.deliver(&[item]).await });
        }
    });
    let mut open: HashMap<String, Purchase> = HashMap::new();
    let mut times = histogram();
    let (mut completed, deadline) = (0, begun + STEP + TAIL);
    while completed < count {
        tokio::select! {
            biased;
            Some(purchase) = starting.recv() => {
                open.insert(purchase.customer.wa_id().to_owned(), purchase);
            }
            Some(reply) = replies.recv() => {
                if advance(bed, &mut open, &reply, &mut times)? {
                    completed += 1;
                }
            }
            () = tokio::time::sleep_until(deadline.into()) => break,
        }
    }
    let took = begun.elapsed();
    bed.sandbox.idle(TAIL).await;
    let paid = u32::try_from(bed.fleet.side.paid(&mut database).await? - paid_before)?;
    let per_second = f64::from(completed) / took.max(STEP).as_secs_f64();
    Ok(Step {
        begun_per_second: rate,
        completed_per_second: per_second,
        held: completed == count && took <= STEP + HELD_WITHIN,
        begun: count,
        completed,
        p50_ms: milliseconds(&times, 0.5),
        p99_ms: milliseconds(&times, 0.99),
        lost: count - completed.min(count),
        doubled: paid.saturating_sub(count),
        cpu_seconds_per_thousand: Shares::now(bed)?
            .since(before)
            .per_thousand(f64::from(completed)),
    })
}

/// Takes a reply: taps on, or ends the purchase. Returns whether it ended.
fn advance(
    bed: &Bed,
    open: &mut HashMap<String, Purchase>,
    reply: &Observed,
    times: &mut Histogram<u64>,
) -> Result<bool> {
    let Some(purchase) = open.get_mut(&reply.wa_id) else {
        return Ok(false);
    };
    purchase.turns += 1;
    if purchase.turns > TURNS {
        bail!("a purchase does not end: {}", reply.payload);
    }
    let Some(content) = onward(&reply.payload) else {
        record(
            times,
            reply.at.saturating_duration_since(purchase.scheduled),
        );
        let first = purchase.turns == 1;
        open.remove(&reply.wa_id);
        if first {
            bail!("no purchase was offered: {}", reply.payload);
        }
        return Ok(true);
    };
    let item = purchase.customer.composes(&content);
    let sandbox = bed.sandbox.clone();
    tokio::spawn(async move { sandbox.deliver(&[item]).await });
    Ok(false)
}

/// A tap on the option that pays by saldo, if there is one.
pub(crate) fn onward(payload: &Value) -> Option<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let action = &payload["interactive"]["action"];
    let buttons = list(&action["buttons"]);
    let buttons = buttons
        .iter()
        .map(|button| ("button_reply", button["reply"].clone()));
    let sections = list(&action["sections"]);
    let rows = sections.iter().flat_map(|section| list(&section["rows"]));
    let rows = rows.map(|row| ("list_reply", row));
    let by_saldo = |option: &Value| {
        // A signature follows the command.
        let command = option["id"].as_str().unwrap_or_default().split('~').next();
        command.is_some_and(|id| id.starts_with("v1|pay|") && id.ends_with("|saldo"))
    };
    let (kind, option) = buttons.chain(rows).find(|(_, option)| by_saldo(option))?;
    let reply = json!({"id": option["id"], "title": option["title"]});
    Some(json!({"type": "interactive", "interactive": {"type": kind, (kind): reply}}))
}

fn milliseconds(times: &Histogram<u64>, quantile: f64) -> f64 {
    crate::report::milliseconds(times.value_at_quantile(quantile))
}
