//! Confirming a quote: the one path by which an order comes about.
//!
//! Before the transaction: the quote is read, the purchase is charged against the customer's limit,
//! the purchase lock is taken and a fence token drawn. Inside: the fence, the authoritative count,
//! the order, the money, and last, as the turn closes, the stock (all of it or nothing), so that
//! buyers of one product wait for each other during one round trip and the commit. Redis only makes
//! this cheaper; what makes it right is the fence's row, the unique nonce and the conditions of the
//! statements.

mod guard;
mod plan;
mod refusal;

use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use warung_domain::{
    conversation::Command,
    money::Rupiah,
    order::{OrderEvent, OrderState},
    order_number::{OrderNumber, OrderPrefix},
    payment::PaymentMethod,
    quote::QuoteNonce,
};

pub use self::{
    guard::{Busy, refund},
    plan::Wish,
};
use self::{
    guard::{charge, count, fenced, lock},
    plan::{Plan, Refused, plan},
    refusal::refusal,
};
use super::{
    browse,
    checkout::{self, shortage::Source},
    fulfilment, orders as orders_flow,
};
use crate::{
    clock::{new_id, random},
    outbox::Priority,
    store::{
        ledger::{self, Account},
        orders::{
            self, Order,
            place::{self, Allowance, Confirmable, NewOrder, Placed},
        },
        payments::{self, NewAttempt, Purpose},
        stock::{self, Short},
    },
    worker::turn::{Answer, Turn},
};

/// Order numbers tried before a purchase fails; 25 random bits a day rarely meet.
const NUMBER_TRIES: u32 = 8;
/// A tap repeated so soon is answered by what its first already caused.
const REPEAT_QUIET: TimeDelta = TimeDelta::seconds(60);

/// What the transaction came to.
enum Outcome {
    /// Paid from saldo.
    Paid(Box<Placed>),
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
        None => Ok(Some(refusal::nothing_to_confirm(turn))),
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
        Some(wish) => buy(turn, &quote, wish, None).await,
        None => checkout::methods(turn, nonce).await.map(Some),
    }
}

/// Confirms a quote and pays it as wished.
pub async fn pay(turn: &mut Turn<'_>, nonce: &QuoteNonce, wish: Wish) -> Result<Option<Answer>> {
    let quote = match binding(turn, nonce, Some(wish)).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    let offered = &turn.app.config.midtrans.methods;
    let needs_saldo = wish.with_saldo && !offered.contains(&PaymentMethod::Saldo);
    if !offered.contains(&wish.method) || needs_saldo {
        return checkout::methods(turn, nonce).await.map(Some);
    }
    if let Err(refused) = plan(wish, quote.total, quote.spendable) {
        return refusal(turn, &quote, wish, &refused).await.map(Some);
    }
    buy(turn, &quote, wish, None).await
}

/// Confirms a quote by the address that was asked for, and pays it as the question said. Where that
/// cannot be any more, the address is kept and the quote shown as it stands.
pub async fn pay_to(
    turn: &mut Turn<'_>,
    address: &str,
    nonce: &QuoteNonce,
    wish: Wish,
) -> Result<Option<Answer>> {
    let mut connection = turn.app.at_hand.lend().await?;
    let quote = place::confirmable(&mut connection, turn.customer.id, nonce).await?;
    connection.done();
    let binds = |quote: &Confirmable| {
        quote.order_id.is_none()
            && turn.now < quote.expires_at
            && checkout::shop_closed(turn).is_none()
            && turn.app.config.midtrans.methods.contains(&wish.method)
            && plan(wish, quote.total, quote.spendable).is_ok()
    };
    match quote.filter(binds) {
        Some(quote) => buy(turn, &quote, wish, Some(address)).await,
        None => checkout::address(turn, Some(address)).await.map(Some),
    }
}

/// The quote, if it can be confirmed now; else what to say instead.
async fn binding(
    turn: &mut Turn<'_>,
    nonce: &QuoteNonce,
    wish: Option<Wish>,
) -> Result<Result<Confirmable, Option<Answer>>> {
    let mut connection = turn.app.at_hand.lend().await?;
    let quote = place::confirmable(&mut connection, turn.customer.id, nonce).await?;
    connection.done();
    let Some(quote) = quote else {
        return Ok(Err(Some(checkout::requote(turn, nonce).await?)));
    };
    if let Some(order) = quote.order_id {
        return again(turn, &quote, order, wish).await.map(Err);
    }
    if turn.now >= quote.expires_at {
        return Ok(Err(Some(checkout::requote(turn, nonce).await?)));
    }
    if let Some(closed) = checkout::shop_closed(turn) {
        refusal::count(turn.app, "closed");
        return Ok(Err(Some(closed)));
    }
    if !quote.is_digital() && !quote.has_address {
        // The quote once more, with the question for the address.
        return Ok(Err(Some(checkout::ask_address(turn, nonce, wish).await?)));
    }
    Ok(Ok(quote))
}

/// The same quote confirmed once more: its order as it stands, silence where the answer to the
/// first tap is still on its way, or a fresh quote where the order ended unpaid.
async fn again(
    turn: &mut Turn<'_>,
    quote: &Confirmable,
    order: Uuid,
    wish: Option<Wish>,
) -> Result<Option<Answer>> {
    let Some(order) = orders::load(turn.tx().await?, order).await? else {
        bail!("an order vanished");
    };
    if matches!(order.state, OrderState::Cancelled | OrderState::Expired) {
        return anew(turn, quote).await.map(Some);
    }
    if turn.now - order.created_at < REPEAT_QUIET && is_answered(turn, &order, wish).await? {
        return Ok(None);
    }
    orders_flow::state(turn, &order).await.map(Some)
}

/// Whether the purchase that a tap repeats already has its answer on the way: the receipt, or how
/// to pay in the same way.
async fn is_answered(turn: &mut Turn<'_>, order: &Order, wish: Option<Wish>) -> Result<bool> {
    if order.state != OrderState::AwaitingPayment {
        return Ok(order.state.is_paid());
    }
    let attempt = payments::of_order(turn.tx().await?, order.id).await?;
    Ok(attempt.is_some_and(|attempt| {
        attempt.state.is_live() && wish.is_none_or(|wish| wish.method == attempt.method)
    }))
}

/// A quote for what an ended order held.
async fn anew(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Answer> {
    if let Some(closed) = checkout::shop_closed(turn) {
        return Ok(closed);
    }
    let wanted = refusal::wanted(turn, quote).await?;
    if wanted.is_empty() {
        return Ok(browse::sale_ended(turn));
    }
    let shortage = checkout::shortage::shortage(turn, &wanted, Source::Product);
    if let Some(shortage) = shortage {
        return Ok(shortage);
    }
    let note = turn.say("purchase-anew", &[]);
    checkout::draw_up(turn, &wanted, false, Some(note)).await
}

/// Takes the purchase through limit, lock and transaction, and says what came of it. With an
/// `address` the parcel goes there, and later ones too.
async fn buy(
    turn: &mut Turn<'_>,
    quote: &Confirmable,
    wish: Wish,
    address: Option<&str>,
) -> Result<Option<Answer>> {
    let retry_after = charge(turn).await;
    if let Some(retry_after) = retry_after {
        if let Some(address) = address {
            checkout::address::keep(turn, address).await?;
        }
        let retry_after = TimeDelta::from_std(retry_after).unwrap_or(TimeDelta::MAX);
        let refused = Refused::TooMany(retry_after);
        return refusal(turn, quote, wish, &refused).await.map(Some);
    }
    crash_point!("purchase.charged");
    lock(turn).await?;
    crash_point!("purchase.locked");
    if let Some(address) = address {
        checkout::address::keep(turn, address).await?;
    }
    match transact(turn, quote, wish).await? {
        Outcome::Paid(placed) => {
            turn.conversation.open_quote = None;
            paid(turn, &placed).map(Some)
        }
        Outcome::Awaiting => {
            turn.conversation.open_quote = None;
            turn.payments_due = true;
            Ok(None)
        }
        Outcome::Known(order) => {
            turn.refund_charge = Some(turn.message_key.clone());
            again(turn, quote, order, Some(wish)).await
        }
        Outcome::Refused(refused) => {
            turn.refund_charge = Some(turn.message_key.clone());
            refusal(turn, quote, wish, &refused).await.map(Some)
        }
    }
}

/// Everything inside the transaction but its end. A refusal leaves no effect but the fence's token.
async fn transact(turn: &mut Turn<'_>, quote: &Confirmable, wish: Wish) -> Result<Outcome> {
    let allowance = fenced(turn, quote).await?;
    if let Some(order) = allowance.order_id {
        return Ok(Outcome::Known(order));
    }
    let planned = count(turn, &allowance)
        .and_then(|()| plan(wish, quote.total, allowance.spendable))
        .and_then(|plan| in_stock(quote, &allowance).map(|()| plan));
    match planned {
        Err(refused) => Ok(Outcome::Refused(refused)),
        Ok(Plan::Saldo) => by_saldo(turn, quote).await,
        Ok(Plan::Midtrans {
            method,
            saldo_part,
            rest,
        }) => {
            by_midtrans(turn, quote, method, saldo_part, rest).await?;
            Ok(Outcome::Awaiting)
        }
    }
}

/// A first look at the stock, which locks nothing: most who come too late learn it here.
fn in_stock(quote: &Confirmable, allowance: &Allowance) -> Result<(), Refused> {
    let lines = quote.lines.iter().zip(&allowance.left);
    let short: Vec<Short> = lines
        .filter(|(line, left)| i64::from(**left) < i64::from(line.quantity.get()))
        .map(|(line, left)| Short {
            variant_id: line.variant_id,
            left: *left,
        })
        .collect();
    if short.is_empty() || without!("stock") {
        Ok(())
    } else {
        Err(Refused::OutOfStock(short))
    }
}

/// The order of a purchase that saldo pays: paid at its birth, completed if nothing is shipped.
async fn by_saldo(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Outcome> {
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
    let mut placed = order.place(turn, quote).await?;
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
    let taking = stock::Taking::new(&placed.lines, None, "customer", now);
    if !placed.lacks_units() {
        turn.taking = Some(taking);
        return Ok(Outcome::Paid(Box::new(placed)));
    }
    // Others are about to buy the last units. The stock's row waits for them and knows the outcome.
    let short = stock::take(turn.tx().await?, &taking).await?;
    if !short.is_empty() {
        turn.roll_back().await?;
        return Ok(Outcome::Refused(Refused::OutOfStock(short)));
    }
    if !stock::fill(turn.tx().await?, id, now).await? {
        bail!("the stock counts units that do not exist");
    }
    placed.sealed_units = stock::sealed_units(turn.tx().await?, id).await?;
    Ok(Outcome::Paid(Box::new(placed)))
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
    turn.taking = Some(stock::Taking::new(
        &placed.lines,
        Some(expires_at),
        "customer",
        now,
    ));
    turn.ordered.push(OrderState::AwaitingPayment);
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
fn paid(turn: &mut Turn<'_>, placed: &Placed) -> Result<Answer> {
    let order = &placed.order;
    turn.ordered.push(order.state);
    let receipt = fulfilment::receipt_of(turn.app, turn.customer.spoken(), placed, turn.now)?;
    for parcel in receipt.further(turn.app, turn.customer.id, &turn.recipient, order) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
