//! One claimed conversation: reads its waiting messages, lets the flows answer, closes the turn.

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use warung_domain::conversation::Command;
use warung_whatsapp::{
    inbound::{Content, Inbound, parse_message},
    reply::render,
};

use super::receipts;
use super::turn::{Answer, Closing, Opening, PurchaseLock, SoldOut, Turn};
use crate::{
    app::App,
    flows::{
        self,
        purchase::{self, Busy},
    },
    inbox::{self, Claim, Item},
    reading::{self, Reading},
};

/// A message older than this is not acted on: after an outage a customer gets one summary.
const TOO_OLD: TimeDelta = TimeDelta::minutes(10);

/// Pause before a purchase whose lock another holder has is tried again.
const BUSY_PAUSE: TimeDelta = TimeDelta::milliseconds(500);

/// A message with what it says.
struct Said {
    item: Item,
    inbound: Inbound,
}

/// Works on a claimed conversation. Returns how the turn ended, for the metric.
pub(super) async fn run(app: &App, claim: Claim, items: Vec<Item>) -> Result<&'static str> {
    let now = app.clock.now();
    // The reply may be claimed with the commit, and the commit's answer may be slow.
    let _coming = app.sender.coming(now);
    if let Some(survivor) = claim.customer.merged_into {
        inbox::rehome(&app.pool, claim.customer.id, survivor).await?;
        release(app, &claim).await?;
        app.signals.inbound.notify_one();
        return Ok("rehomed");
    }
    let Some(wake_at) = due(app, &claim, &items, now) else {
        return answer(app, claim, items, now).await;
    };
    inbox::postpone(&app.pool, app.bot_id, claim.customer.id, wake_at).await?;
    release(app, &claim).await?;
    Ok("postponed")
}

async fn release(app: &App, claim: &Claim) -> Result<()> {
    inbox::release(&app.pool, app.bot_id, claim.customer.id, claim.epoch).await?;
    Ok(())
}

/// When these messages must wait, until when: an earlier one that failed is not due yet, or a burst
/// of texts is still going on.
fn due(app: &App, claim: &Claim, items: &[Item], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let first = items.first()?;
    if first.run_at > now {
        return Some(first.run_at);
    }
    let window = TimeDelta::from_std(app.config.limits.burst_window).ok()?;
    let quiet_at = claim.conversation.last_text_at? + window;
    let is_text = matches!(
        parse_message(&first.payload),
        Ok(Inbound {
            content: Content::Text { .. },
            ..
        })
    );
    // A tap answers what was just shown; a text within the window goes on from the last one. It is
    // held back once only: its own arrival already lies a window behind when it is looked at again.
    let held = first.received_at + window <= now;
    (is_text && quiet_at > now && !held).then(|| quiet_at.min(first.received_at + window))
}

async fn answer(
    app: &App,
    claim: Claim,
    mut items: Vec<Item>,
    now: DateTime<Utc>,
) -> Result<&'static str> {
    if items.first().is_some_and(|first| first.attempts > 0) {
        // One of several was at fault; alone, the faulty one shows itself and spares the others.
        items.truncate(1);
    }
    if items.is_empty() {
        release(app, &claim).await?;
        return Ok("empty");
    }
    let recipient = claim
        .customer
        .recipient()
        .context("the customer has no address")?;
    let (customer_id, epoch) = (claim.customer.id, claim.epoch);
    let mut turn = Turn::begin(Opening {
        app,
        now,
        customer: claim.customer,
        conversation: claim.conversation,
        recipient,
        trace: items.first().and_then(|item| item.trace.clone()),
    });
    let mut progress = Progress::default();
    for item in items {
        let inbound = parse_message(&item.payload)?;
        match progress.take(&mut turn, Said { item, inbound }).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.is::<Busy>() => {
                // Nothing was done: a purchase is the first of its turn.
                drop(turn);
                inbox::postpone(&app.pool, app.bot_id, customer_id, now + BUSY_PAUSE).await?;
                inbox::release(&app.pool, app.bot_id, customer_id, epoch).await?;
                return Ok("postponed");
            }
            Err(error) => return Err(error),
        }
    }
    let outcome = if progress.answer.is_some() {
        "answered"
    } else {
        "silent"
    };
    if close(app, turn, epoch, progress).await? {
        return Ok(outcome);
    }
    // The next claim begins with what is left now.
    inbox::release(&app.pool, app.bot_id, customer_id, epoch).await?;
    app.signals.inbound.notify_one();
    Ok("outrun")
}

/// What a turn has done so far.
#[derive(Default)]
struct Progress {
    done: Vec<i64>,
    answer: Option<Answer>,
    received_at: Option<DateTime<Utc>>,
    last: Option<Command>,
}

impl Progress {
    /// Works on one message. Returns false when it must wait for a turn of its own: a purchase is
    /// always the first of its turn, because its lock is taken before any transaction is open, and
    /// the last, so that nothing is cut from a receipt to make room for another answer.
    async fn take(&mut self, turn: &mut Turn<'_>, said: Said) -> Result<bool> {
        let is_first = self.done.is_empty();
        turn.message_key.clone_from(&said.item.key);
        turn.received_at = said.item.received_at;
        let reading = reading::read(turn, &said.inbound).await?;
        let has_bought = turn.purchase_lock.is_some();
        if has_bought || (reading.spends_money() && !is_first) {
            let again = matches!((&reading, &self.last), (Reading::Command(now), Some(before)) if now == before);
            if !again {
                return Ok(false);
            }
            // The same tap once more, before it was answered: the one answer is for both.
            self.finish(&said, None);
            return Ok(true);
        }
        let sent_at = said.item.sent_at.unwrap_or(said.item.received_at);
        let is_old = turn.now - sent_at > TOO_OLD;
        let answer = if is_old && reading.wants_an_answer() && !reading.is_opt_out() {
            flows::backlog::summary(turn)
        } else {
            self.last = match &reading {
                Reading::Command(command) => Some(command.clone()),
                _ => None,
            };
            flows::handle(turn, reading).await?
        };
        if matches!(said.inbound.content, Content::Text { .. }) {
            turn.conversation.last_text_at = Some(turn.now);
        }
        self.finish(&said, answer);
        Ok(true)
    }

    fn finish(&mut self, said: &Said, answer: Option<Answer>) {
        self.done.push(said.item.id);
        self.received_at = Some(said.item.received_at);
        self.answer = match (self.answer.take(), answer) {
            (Some(before), Some(next)) => Some(before.merged_with(next)),
            (before, next) => next.or(before),
        };
    }
}

/// Commits the turn and hands on what it leaves. `false`: another buyer was faster, and the turn
/// must be done anew.
async fn close(app: &App, mut turn: Turn<'_>, epoch: i64, progress: Progress) -> Result<bool> {
    if let Some(answer) = &progress.answer {
        turn.conversation.menu = options(app, answer);
    }
    let lock = turn.purchase_lock.take();
    let (customer_id, refund_charge) = (turn.customer.id, turn.refund_charge.take());
    let (payments_due, ordered) = (turn.payments_due, std::mem::take(&mut turn.ordered));
    let room = app.sender.room();
    let received_at = progress.received_at.unwrap_or(turn.now);
    // Without an answer either a person has the chat, or how to pay follows in a second or two.
    let message = (progress.answer.is_some() || payments_due).then(|| turn.message_key.clone());
    let typing = progress.answer.is_none();
    let closing = Closing {
        epoch,
        items: progress.done,
        received_at,
        answer: progress.answer,
    };
    crash_point!("turn.worked");
    let closed = turn.close(closing, room.is_some()).await;
    crash_point!("turn.closed");
    if closed.as_ref().is_err_and(anyhow::Error::is::<SoldOut>) {
        if let Some(PurchaseLock {
            lock: Some(lock), ..
        }) = lock
        {
            lock.release().await;
        }
        return Ok(false);
    }
    // Off the reply path: dropping a lock releases it in the background.
    drop(lock);
    let closed = closed?;
    for state in ordered {
        flows::fulfilment::count(app, state);
    }
    if payments_due {
        app.signals.payments.notify_one();
    }
    match (closed.claimed, room) {
        (Some(parcel), Some(room)) => room.send(parcel),
        _ => app.signals.outbound.notify_one(),
    }
    if let Some(message) = message {
        receipts::read(app, &message, typing);
    }
    if closed.more {
        app.signals.inbound.notify_one();
    }
    if let Some(charge) = refund_charge {
        purchase::refund(app, customer_id, &charge).await;
    }
    Ok(true)
}

/// What the customer will see is what their next number counts in.
fn options(app: &App, answer: &Answer) -> Vec<Command> {
    render(&answer.reply)
        .options
        .iter()
        .filter_map(|id| Command::decode(app.vault.verified(id)?).ok())
        .collect()
}
