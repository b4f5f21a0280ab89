//! Confirming a quote: the one path by which an order comes about.
//!
//! Before the transaction: the quote is read, the purchase is charged against the customer's limit,
//! the purchase lock is taken and a fence token drawn. Inside: the fence, the authoritative count,
//! the stock (all of it or nothing), the order, the money. Redis only makes this cheaper; what
//! makes it right is the fence's row, the unique nonce and the conditions of the statements.

use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use warung_coordination::{LockError, RateDecision};
use warung_domain::{
    conversation::Command,
    money::Rupiah,
    order::{OrderEvent, OrderState},
    order_number::{OrderNumber, OrderPrefix},
    payment::{Limits, PaymentMethod},
    quote::QuoteNonce,
};
use warung_whatsapp::reply::Reply;

use super::{checkout, fulfilment, orders as orders_flow};
use crate::{
    app::App,
    clock::{new_id, random},
    outbox::Priority,
    store::{
        fences,
        ledger::{self, Account},
        orders::{
            self,
            place::{self, Allowance, Confirmable, NewOrder, Placed},
        },
        payments::{self, NewAttempt, Purpose},
        stock::{self, Short},
    },
    worker::turn::{Answer, PurchaseLock, Turn},
};

/// The action under which purchases are limited, locked and fenced.
const ACTION: &str = "buy";
/// A customer's message is held back this long for a lock that another holder has: longer than any
/// purchase takes. A lock still held then belongs to a bot that died or is stuck; the fence keeps
/// that one out.
const LOCK_PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// Order numbers tried before a purchase fails; 25 random bits a day rarely meet.
const NUMBER_TRIES: u32 = 8;
/// A tap repeated so soon is answered by what its first already caused.
const REPEAT_QUIET: TimeDelta = TimeDelta::seconds(60);

/// How a customer wants to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The way.
    pub method: PaymentMethod,
    /// Whether saldo pays as much as it can and `method` only the rest.
    pub with_saldo: bool,
}

/// The purchase lock is another's right now. Nothing was done: try the message again soon.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the purchase lock is held by another")]
pub struct Busy;

/// Who pays how much of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Saldo all of it, at once.
    Saldo,
    /// Midtrans `rest`, and saldo (held until then) what is left.
    Midtrans {
        method: PaymentMethod,
        saldo_part: Rupiah,
        rest: Rupiah,
    },
}

/// Why a purchase did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// As many purchases as the window takes were made; the next one is possible after this.
    TooMany(TimeDelta),
    /// Less is left than wanted.
    OutOfStock(Vec<Short>),
    /// Saldo lacks this much.
    Saldo { missing: Rupiah },
    /// The method does not take this amount.
    Amount {
        method: PaymentMethod,
        limits: Limits,
    },
}

/// What the transaction came to.
enum Outcome {
    /// Paid from saldo.
    Paid(Placed),
    /// Ordered; the payments sweep asks Midtrans and tells the customer how to pay.
    Awaiting,
    /// This quote became an order before.
    Known(Uuid),
    /// Nothing was changed.
    Refused(Refused),
}

/// Yes to the open quote, paid by the shop's first method that fits.
pub async fn yes(turn: &mut Turn<'_>) -> Result<Option<Answer>> {
    match turn.conversation.open_quote {
        Some(quote) => confirm(turn, &quote).await,
        None => Ok(Some(nothing_to_confirm(turn))),
    }
}

/// Confirms a quote, paid by the shop's first method that fits.
pub async fn confirm(turn: &mut Turn<'_>, nonce: &QuoteNonce) -> Result<Option<Answer>> {
    let quote = match binding(turn, nonce, None).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    let methods = turn.app.config.midtrans.methods.iter();
    let fitting = methods
        .map(|method| Wish {
            method: *method,
            with_saldo: false,
        })
        .find(|wish| plan(*wish, quote.total, quote.spendable).is_ok());
    match fitting {
        Some(wish) => buy(turn, &quote, wish).await,
        None => checkout::methods(turn, nonce).await.map(Some),
    }
}

/// Confirms a quote and pays it as wished.
pub async fn pay(turn: &mut Turn<'_>, nonce: &QuoteNonce, wish: Wish) -> Result<Option<Answer>> {
    let quote = match binding(turn, nonce, Some(wish)).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    if !turn.app.config.midtrans.methods.contains(&wish.method) {
        return checkout::methods(turn, nonce).await.map(Some);
    }
    if let Err(refused) = plan(wish, quote.total, quote.spendable) {
        return Ok(Some(refusal(turn, &quote, wish, &refused)));
    }
    buy(turn, &quote, wish).await
}

/// The quote, if it can be confirmed now; else what to say instead.
async fn binding(
    turn: &mut Turn<'_>,
    nonce: &QuoteNonce,
    wish: Option<Wish>,
) -> Result<Result<Confirmable, Option<Answer>>> {
    let quote = place::confirmable(&turn.app.pool, turn.customer.id, nonce).await?;
    let Some(quote) = quote else {
        return Ok(Err(Some(gone(turn))));
    };
    if let Some(order) = quote.order_id {
        return again(turn, order, wish).await.map(Err);
    }
    if turn.now >= quote.expires_at {
        return Ok(Err(Some(gone(turn))));
    }
    if !turn.app.settings.current().open {
        count_refusal(turn.app, "closed");
        let closed = Reply {
            body: turn.say("purchase-closed", &[]),
            choices: vec![turn.choice(&Command::Menu, turn.say("orders-menu", &[]))],
            ..Reply::default()
        };
        return Ok(Err(Some(Answer::view(closed))));
    }
    if !quote.is_digital() && !quote.has_address {
        return checkout::address(turn, None)
            .await
            .map(|answer| Err(Some(answer)));
    }
    Ok(Ok(quote))
}

/// The same quote confirmed once more: its order as it stands, or silence where the answer to the
/// first tap is still on its way.
async fn again(turn: &mut Turn<'_>, order: Uuid, wish: Option<Wish>) -> Result<Option<Answer>> {
    let Some(order) = orders::load(&turn.app.pool, order).await? else {
        bail!("an order vanished");
    };
    let is_fresh = turn.now - order.created_at < REPEAT_QUIET;
    if is_fresh && order.state.is_paid() {
        return Ok(None);
    }
    if is_fresh && order.state == OrderState::AwaitingPayment {
        let mut connection = turn.app.pool.acquire().await?;
        let attempt = payments::of_order(&mut connection, order.id).await?;
        let same_way = match (wish, &attempt) {
            (Some(wish), Some(attempt)) => wish.method == attempt.method,
            _ => true,
        };
        if same_way && attempt.is_some_and(|attempt| attempt.state.is_live()) {
            return Ok(None);
        }
    }
    orders_flow::state(turn, &order).await.map(Some)
}

/// Who pays what, if the wish can be fulfilled. Of a mixed payment saldo pays as much as it can
/// while the method still takes the rest.
fn plan(wish: Wish, total: Rupiah, spendable: Rupiah) -> Result<Plan, Refused> {
    let Wish { method, with_saldo } = wish;
    let by_saldo = with_saldo || method == PaymentMethod::Saldo;
    if by_saldo && spendable >= total {
        return Ok(Plan::Saldo);
    }
    if method == PaymentMethod::Saldo {
        let missing = total.checked_sub(spendable).unwrap_or_default();
        return Err(Refused::Saldo { missing });
    }
    let limits = method.limits();
    let saldo_part = if with_saldo {
        spendable.min(total.checked_sub(limits.least).unwrap_or_default())
    } else {
        Rupiah::ZERO
    };
    let rest = total.checked_sub(saldo_part).unwrap_or_default();
    if limits.contains(rest) {
        Ok(Plan::Midtrans {
            method,
            saldo_part,
            rest,
        })
    } else {
        Err(Refused::Amount { method, limits })
    }
}

/// Takes the purchase through limit, lock and transaction, and says what came of it.
async fn buy(turn: &mut Turn<'_>, quote: &Confirmable, wish: Wish) -> Result<Option<Answer>> {
    let retry_after = charge(turn).await;
    if let Some(retry_after) = retry_after {
        let retry_after = TimeDelta::from_std(retry_after).unwrap_or(TimeDelta::MAX);
        return Ok(Some(refusal(
            turn,
            quote,
            wish,
            &Refused::TooMany(retry_after),
        )));
    }
    lock(turn).await?;
    match transact(turn, quote, wish).await? {
        Outcome::Paid(placed) => {
            turn.conversation.open_quote = None;
            paid(turn, placed).map(Some)
        }
        Outcome::Awaiting => {
            turn.conversation.open_quote = None;
            turn.payments_due = true;
            Ok(None)
        }
        Outcome::Known(order) => {
            turn.refund_charge = Some(turn.message_key.clone());
            again(turn, order, Some(wish)).await
        }
        Outcome::Refused(refused) => {
            turn.refund_charge = Some(turn.message_key.clone());
            Ok(Some(refusal(turn, quote, wish, &refused)))
        }
    }
}

/// Charges the purchase against the customer's limit. Returns the wait when it is denied; while
/// Redis is away the count in the transaction decides alone.
async fn charge(turn: &Turn<'_>) -> Option<Duration> {
    let limits = &turn.app.config.limits;
    let decision = turn
        .app
        .coordination
        .check_rate_limit(
            &turn.customer.id.to_string(),
            ACTION,
            limits.transactions,
            limits.window,
            &turn.message_key,
        )
        .await;
    match decision {
        RateDecision::Denied { retry_after } => Some(retry_after),
        RateDecision::Allowed { .. } | RateDecision::Repeated | RateDecision::Unavailable => None,
    }
}

/// Gives a charge back. Best effort: at worst the customer waits out the window.
pub async fn refund(app: &App, customer: i64, charge: &str) {
    let refunded = app
        .coordination
        .refund_charge(&customer.to_string(), ACTION, charge)
        .await;
    if refunded.is_err() {
        tracing::debug!("a charge could not be given back");
    }
}

/// Takes the purchase lock and, after it, draws the fence token. The turn keeps both until its
/// commit.
///
/// # Errors
/// [`Busy`], or the database's.
async fn lock(turn: &mut Turn<'_>) -> Result<()> {
    let customer = turn.customer.id.to_string();
    let ttl = turn.app.config.limits.lock_ttl;
    let lock = match turn
        .app
        .coordination
        .acquire_lock(&customer, ACTION, ttl)
        .await
    {
        Ok(lock) => Some(lock),
        Err(LockError::Contended { .. }) if turn.now - turn.received_at < LOCK_PATIENCE => {
            return Err(Busy.into());
        }
        // Contended for longer than a living holder works: the fence decides.
        Err(LockError::Contended { .. } | LockError::Unavailable) => {
            turn.app.metrics.lock_fallback.inc();
            None
        }
    };
    let token = fences::token(&turn.app.pool).await?;
    turn.purchase_lock = Some(PurchaseLock { lock, token });
    Ok(())
}

/// Everything inside the transaction. A refusal leaves no effect but the fence's token.
async fn transact(turn: &mut Turn<'_>, quote: &Confirmable, wish: Wish) -> Result<Outcome> {
    let allowance = fenced(turn, quote).await?;
    if let Some(order) = allowance.order_id {
        return Ok(Outcome::Known(order));
    }
    let plan = match check(turn, quote, wish, &allowance) {
        Ok(plan) => plan,
        Err(refused) => return Ok(Outcome::Refused(refused)),
    };
    let connection = turn.tx().await?;
    let short = match plan {
        Plan::Saldo => stock::sell(connection, &quote.lines).await?,
        Plan::Midtrans { .. } => stock::reserve(connection, &quote.lines).await?,
    };
    if !short.is_empty() {
        return Ok(Outcome::Refused(Refused::OutOfStock(short)));
    }
    match plan {
        Plan::Saldo => by_saldo(turn, quote).await.map(Outcome::Paid),
        Plan::Midtrans {
            method,
            saldo_part,
            rest,
        } => {
            by_midtrans(turn, quote, method, saldo_part, rest).await?;
            Ok(Outcome::Awaiting)
        }
    }
}

/// Passes the fence and reads, as a statement of its own behind it, what the customer may still do.
async fn fenced(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Allowance> {
    let (app, now, customer) = (turn.app, turn.now, turn.customer.id);
    let limits = app.config.limits;
    let since = now - TimeDelta::from_std(limits.window)?;
    let resource = format!("{customer}:{ACTION}");
    let Some(PurchaseLock { lock, token }) = &turn.purchase_lock else {
        bail!("a purchase without its lock");
    };
    let (has_lock, token) = (lock.is_some(), *token);
    let connection = turn.tx().await?;
    if !has_lock && !fences::try_advisory(connection, &resource).await? {
        return Err(Busy.into());
    }
    if !fences::advance(connection, &resource, token).await? {
        app.metrics.lock_fenced.inc();
        bail!("fenced: a later holder of the purchase lock was here");
    }
    let limit = i64::from(limits.transactions);
    Ok(place::allowance(connection, customer, &quote.nonce, since, limit).await?)
}

/// The authoritative yes or no, before anything is written.
fn check(
    turn: &Turn<'_>,
    quote: &Confirmable,
    wish: Wish,
    allowance: &Allowance,
) -> Result<Plan, Refused> {
    let limits = &turn.app.config.limits;
    let left = i64::from(limits.transactions) - allowance.recent;
    if left <= 0 {
        let window = TimeDelta::from_std(limits.window).unwrap_or(TimeDelta::MAX);
        let oldest = allowance.oldest.unwrap_or(turn.now);
        let retry_after = (oldest + window - turn.now).max(TimeDelta::zero());
        let denied = RateDecision::Denied {
            retry_after: retry_after.to_std().unwrap_or_default(),
        };
        turn.app.coordination.count_rate(denied, "postgres");
        return Err(Refused::TooMany(retry_after));
    }
    let allowed = RateDecision::Allowed {
        remaining: u32::try_from(left - 1).unwrap_or(0),
    };
    turn.app.coordination.count_rate(allowed, "postgres");
    plan(wish, quote.total, allowance.spendable)
}

/// The order of a purchase that saldo pays: paid at its birth, completed if nothing is shipped.
async fn by_saldo(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Placed> {
    const PAID: [(OrderEvent, &str); 2] = [
        (OrderEvent::Confirmed, "quote confirmed"),
        (OrderEvent::Paid, "paid from saldo"),
    ];
    const DELIVERED: [(OrderEvent, &str); 4] = [
        PAID[0],
        PAID[1],
        (OrderEvent::FulfilmentStarted, "goods in the receipt"),
        (OrderEvent::Completed, "goods in the receipt"),
    ];
    let id = new_id(&turn.app.clock);
    let order = Placing {
        id,
        saldo_part: quote.total,
        saldo_hold: None,
        events: if quote.is_digital() {
            &DELIVERED
        } else {
            &PAID
        },
        expires_at: None,
    };
    let placed = order.place(turn, quote).await?;
    let (now, customer, txn) = (turn.now, turn.customer.id, new_id(&turn.app.clock));
    let total = quote.total.get();
    let posting = ledger::Posting {
        id: txn,
        kind: ledger::Kind::Purchase,
        source_type: "order",
        source_id: &id.to_string(),
        actor: "customer",
        memo: None,
        event_at: now,
        legs: &[(Account::Saldo(customer), -total), (Account::Sales, total)],
    };
    ledger::post(turn.tx().await?, &posting).await?;
    Ok(placed)
}

/// The order of a purchase that Midtrans pays, with the saldo that pays a part of it held.
async fn by_midtrans(
    turn: &mut Turn<'_>,
    quote: &Confirmable,
    method: PaymentMethod,
    saldo_part: Rupiah,
    rest: Rupiah,
) -> Result<()> {
    const CONFIRMED: [(OrderEvent, &str); 1] = [(OrderEvent::Confirmed, "quote confirmed")];
    let (app, now, customer) = (turn.app, turn.now, turn.customer.id);
    let id = new_id(&app.clock);
    let expires_at = now + method.expiry().unwrap_or_default();
    let hold = (!saldo_part.is_zero()).then(|| new_id(&app.clock));
    if let Some(hold) = hold {
        let hold = ledger::Hold {
            id: hold,
            customer,
            amount: saldo_part,
            kind: ledger::Kind::Purchase,
            source_type: "order",
            source_id: &id.to_string(),
            actor: "customer",
            event_at: now,
        };
        ledger::hold(turn.tx().await?, &hold).await?;
    }
    let order = Placing {
        id,
        saldo_part,
        saldo_hold: hold,
        events: &CONFIRMED,
        expires_at: Some(expires_at),
    };
    let placed = order.place(turn, quote).await?;
    let attempt = NewAttempt {
        id: new_id(&app.clock),
        purpose: Purpose::Order(id),
        customer_id: customer,
        provider_order_id: provider_order_id(&placed.order.number, random()),
        amount: rest,
        method,
        expires_at,
    };
    if !payments::create(turn.tx().await?, &attempt, now).await? {
        bail!("a new order had a payment already");
    }
    count_order(app, OrderState::AwaitingPayment);
    Ok(())
}

/// What differs between the orders of the two plans.
struct Placing<'a> {
    id: Uuid,
    saldo_part: Rupiah,
    saldo_hold: Option<Uuid>,
    events: &'a [(OrderEvent, &'a str)],
    expires_at: Option<DateTime<Utc>>,
}

impl Placing<'_> {
    async fn place(&self, turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Placed> {
        let (app, now, customer_id) = (turn.app, turn.now, turn.customer.id);
        let (prefix, zone) = (OrderPrefix::default(), app.config.shop.timezone);
        for _ in 0..NUMBER_TRIES {
            let number = OrderNumber::compose(&prefix, now, zone, random());
            let new = NewOrder {
                id: self.id,
                number: &number,
                customer_id,
                quote,
                saldo_part: self.saldo_part,
                saldo_hold: self.saldo_hold,
                events: self.events,
                actor: "customer",
                expires_at: self.expires_at,
            };
            let line_id = || new_id(&app.clock);
            if let Some(placed) = place::place(turn.tx().await?, &new, line_id, now).await? {
                return Ok(placed);
            }
        }
        bail!("no order number is free");
    }
}

/// The order's name at Midtrans: its number, and a random tail that ends in a letter, because a
/// notification's signature covers the id and the status code without a separator.
fn provider_order_id(number: &OrderNumber, random: u64) -> String {
    format!(
        "{number}-{random:012x}z",
        random = random & 0xffff_ffff_ffff
    )
}

/// The receipt as the turn's own reply.
fn paid(turn: &mut Turn<'_>, placed: Placed) -> Result<Answer> {
    let order = &placed.order;
    count_order(turn.app, order.state);
    let receipt = fulfilment::receipt_of(turn.app, turn.customer.spoken(), &placed, turn.now)?;
    for parcel in receipt.further(turn.app, turn.customer.id, &turn.recipient, order.id) {
        turn.notices.push(parcel);
    }
    Ok(Answer {
        secret: receipt.secret,
        about: Some(Command::Order {
            number: order.number.clone(),
        }),
        priority: Priority::Receipt,
        dedupe_key: Some(fulfilment::receipt_key(order.id)),
        ..Answer::outcome(receipt.reply)
    })
}

fn count_order(app: &App, state: OrderState) {
    app.metrics
        .orders
        .with_label_values(&[state.as_str()])
        .inc();
}

fn count_refusal(app: &App, reason: &str) {
    app.metrics
        .purchases_refused
        .with_label_values(&[reason])
        .inc();
}

fn nothing_to_confirm(turn: &Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("purchase-nothing-open", &[]),
        choices: vec![
            turn.choice(&all_products(), turn.say("orders-products", &[])),
            turn.choice(&Command::Cart, turn.say("orders-cart", &[])),
            turn.choice(&Command::Orders { page: 1 }, turn.say("orders-mine", &[])),
        ],
        ..Reply::default()
    })
}

/// A quote that does not bind any more.
fn gone(turn: &Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("purchase-quote-gone", &[]),
        choices: vec![
            turn.choice(&Command::Cart, turn.say("orders-cart", &[])),
            turn.choice(&all_products(), turn.say("orders-products", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    })
}

fn all_products() -> Command {
    Command::Products {
        category: None,
        page: 1,
    }
}

fn refusal(turn: &Turn<'_>, quote: &Confirmable, wish: Wish, refused: &Refused) -> Answer {
    let (reason, reply) = match refused {
        Refused::TooMany(retry_after) => ("rate", too_many(turn, *retry_after)),
        Refused::OutOfStock(short) => ("stock", out_of_stock(turn, quote, short)),
        Refused::Saldo { missing } => ("saldo", too_little_saldo(turn, quote, *missing)),
        Refused::Amount { method, limits } => {
            let text = turn.say(
                "purchase-amount",
                &[
                    ("method", fulfilment::method_name(method.as_str()).into()),
                    ("least", limits.least.to_string().into()),
                    ("most", limits.most.to_string().into()),
                ],
            );
            ("amount", with_methods(turn, quote, text))
        }
    };
    tracing::info!(purchase.refused = reason, payment.method = %wish.method, "purchase refused");
    count_refusal(turn.app, reason);
    Answer::view(reply)
}

fn too_many(turn: &Turn<'_>, retry_after: TimeDelta) -> Reply {
    // Rounded up: a customer who comes back when told to is let in.
    let seconds = (retry_after.num_milliseconds().max(1) + 999) / 1000;
    Reply {
        body: turn.say(
            "purchase-too-many",
            &[
                (
                    "limit",
                    turn.app.config.limits.transactions.to_string().into(),
                ),
                ("seconds", seconds.to_string().into()),
            ],
        ),
        choices: vec![turn.choice(&Command::Menu, turn.say("orders-menu", &[]))],
        ..Reply::default()
    }
}

fn out_of_stock(turn: &Turn<'_>, quote: &Confirmable, short: &[Short]) -> Reply {
    let lines: Vec<String> = quote
        .lines
        .iter()
        .filter_map(|line| {
            let short = short
                .iter()
                .find(|short| short.variant_id == line.variant_id)?;
            let name = line.name.clone();
            Some(if short.left == 0 {
                turn.say("purchase-sold-out", &[("name", name.into())])
            } else {
                let left = short.left.to_string();
                turn.say(
                    "purchase-left",
                    &[("name", name.into()), ("left", left.into())],
                )
            })
        })
        .collect();
    let mut choices = Vec::new();
    if quote.from_cart {
        choices.push(turn.choice(&Command::Cart, turn.say("orders-cart", &[])));
    } else if let Some(line) = quote.lines.first()
        && short.iter().any(|short| short.left > 0)
    {
        let sku = line.sku.clone();
        choices.push(turn.choice(
            &Command::Detail { sku },
            turn.say("purchase-see-product", &[]),
        ));
    }
    choices.push(turn.choice(&all_products(), turn.say("orders-products", &[])));
    choices.push(turn.choice(&Command::Menu, turn.say("orders-menu", &[])));
    Reply {
        body: turn.say(
            "purchase-out-of-stock",
            &[("lines", lines.join("\n").into())],
        ),
        choices,
        ..Reply::default()
    }
}

/// Not enough saldo: top up, pay only the rest in another way, or pay in another way altogether.
fn too_little_saldo(turn: &Turn<'_>, quote: &Confirmable, missing: Rupiah) -> Reply {
    let quote_nonce = quote.nonce;
    let mut choices = Vec::new();
    let mixed = turn.app.config.midtrans.methods.iter().find_map(|method| {
        let wish = Wish {
            method: *method,
            with_saldo: true,
        };
        match plan(wish, quote.total, quote.spendable) {
            Ok(Plan::Midtrans { saldo_part, .. }) if !saldo_part.is_zero() => Some(*method),
            _ => None,
        }
    });
    if let Some(method) = mixed {
        let name = fulfilment::method_name(method.as_str());
        let title = turn.say("purchase-saldo-and", &[("method", name.into())]);
        let command = Command::Pay {
            quote: quote_nonce,
            method,
            with_saldo: true,
        };
        choices.push(turn.choice(&command, title));
    }
    let top_up = Command::TopUp {
        amount: Some(missing),
    };
    choices.push(turn.choice(&top_up, turn.say("purchase-top-up", &[])));
    let methods = Command::Methods { quote: quote_nonce };
    choices.push(turn.choice(&methods, turn.say("purchase-other-method", &[])));
    Reply {
        body: turn.say(
            "purchase-too-little-saldo",
            &[
                ("total", quote.total.to_string().into()),
                ("saldo", quote.spendable.to_string().into()),
                ("missing", missing.to_string().into()),
            ],
        ),
        choices,
        ..Reply::default()
    }
}

fn with_methods(turn: &Turn<'_>, quote: &Confirmable, body: String) -> Reply {
    let methods = Command::Methods { quote: quote.nonce };
    Reply {
        body,
        choices: vec![
            turn.choice(&methods, turn.say("purchase-other-method", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rupiah(amount: i64) -> Rupiah {
        Rupiah::new(amount).unwrap()
    }

    fn wish(method: PaymentMethod, with_saldo: bool) -> Wish {
        Wish { method, with_saldo }
    }

    #[test]
    fn saldo_pays_all_or_says_what_is_missing() {
        let saldo = wish(PaymentMethod::Saldo, false);
        assert_eq!(plan(saldo, rupiah(50_000), rupiah(50_000)), Ok(Plan::Saldo));
        let missing = rupiah(1);
        let refused = Err(Refused::Saldo { missing });
        assert_eq!(plan(saldo, rupiah(50_000), rupiah(49_999)), refused);
        let mixed = wish(PaymentMethod::Qris, true);
        assert_eq!(plan(mixed, rupiah(50_000), rupiah(60_000)), Ok(Plan::Saldo));
    }

    #[test]
    fn saldo_leaves_what_the_method_needs_at_least() {
        let mixed = wish(PaymentMethod::VaBca, true);
        let planned = plan(mixed, rupiah(50_000), rupiah(45_000));
        let expected = Plan::Midtrans {
            method: PaymentMethod::VaBca,
            saldo_part: rupiah(40_000),
            rest: rupiah(10_000),
        };
        assert_eq!(planned, Ok(expected));
        let too_small = plan(mixed, rupiah(9_000), rupiah(5_000));
        assert!(matches!(too_small, Err(Refused::Amount { .. })));
    }

    #[test]
    fn a_method_pays_only_what_it_takes() {
        let qris = wish(PaymentMethod::Qris, false);
        assert!(plan(qris, rupiah(10_000_000), Rupiah::ZERO).is_ok());
        assert!(plan(qris, rupiah(10_000_001), rupiah(90_000_000)).is_err());
        let mixed = wish(PaymentMethod::Qris, true);
        assert!(plan(mixed, rupiah(10_000_001), rupiah(1)).is_ok());
    }

    #[test]
    fn the_name_at_the_provider_ends_in_a_letter() {
        let number = OrderNumber::parse("WRG-241126-7K3QX").unwrap();
        let name = provider_order_id(&number, u64::MAX);
        assert_eq!(name, "WRG-241126-7K3QX-ffffffffffffz");
        assert!(name.len() <= 36);
        assert_eq!(
            provider_order_id(&number, 0),
            "WRG-241126-7K3QX-000000000000z"
        );
    }

    proptest! {
        #[test]
        fn parts_add_up_and_saldo_is_never_overdrawn(
            method in prop::sample::select(PaymentMethod::ALL.to_vec()),
            with_saldo in any::<bool>(),
            total in 1_i64..30_000_000,
            spendable in 0_i64..30_000_000,
        ) {
            let wish = Wish { method, with_saldo };
            match plan(wish, rupiah(total), rupiah(spendable)) {
                Ok(Plan::Saldo) => prop_assert!(spendable >= total),
                Ok(Plan::Midtrans { saldo_part, rest, .. }) => {
                    prop_assert_eq!(saldo_part.get() + rest.get(), total);
                    prop_assert!(saldo_part.get() <= spendable);
                    prop_assert!(method.limits().contains(rest));
                    prop_assert!(with_saldo || saldo_part.is_zero());
                }
                Err(Refused::Saldo { missing }) => {
                    prop_assert_eq!(spendable + missing.get(), total);
                }
                Err(refused) => {
                    let is_amount = matches!(refused, Refused::Amount { .. });
                    prop_assert!(is_amount);
                }
            }
        }
    }
}
