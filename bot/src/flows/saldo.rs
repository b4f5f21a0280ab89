//! Saldo: what a customer has with the shop, how it came and went, and how to get more.

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use warung_domain::{
    conversation::{Awaiting, Command},
    money::Rupiah,
    payment::PaymentMethod,
    provider::ProviderOrderId,
    quote::QuoteNonce,
};
use warung_whatsapp::reply::{Choice, Reply};

use super::checkout::ways::method_name;
use crate::{
    clock::{new_id, random},
    store::{
        ledger::{self, Balance, Movement},
        payments::{self, Attempt, NewAttempt, Purpose},
    },
    worker::turn::{Answer, Turn},
};

/// The smallest top-up, in rupiah.
const LEAST: i64 = 10_000;
/// The largest top-up, in rupiah.
const MOST: i64 = 10_000_000;
/// Amounts offered where the customer names none, in rupiah.
const OFFERED: [i64; 4] = [25_000, 50_000, 100_000, 200_000];
/// Top-ups that a customer may have unpaid at a time.
const MAX_OPEN: usize = 3;
/// A tap repeated so soon is answered by what its first caused.
const REPEAT_QUIET: TimeDelta = TimeDelta::seconds(60);

/// How much there is, what of it is set aside, and top-ups still on their way. Looks at the
/// provider for those at once.
pub async fn balance(turn: &mut Turn<'_>) -> Result<Answer> {
    let customer = turn.customer.id;
    let mut connection = turn.app.at_hand.lend().await?;
    let balance = ledger::balance(&mut connection, customer).await?;
    connection.done();
    let open = payments::open_top_ups(&turn.app.pool, customer).await?;
    if !open.is_empty() {
        let now = turn.now;
        payments::ask_top_ups_now(turn.tx().await?, customer, now).await?;
        turn.payments_due = true;
    }
    Ok(Answer::view(Reply {
        body: balance_words(turn, balance, &open),
        choices: vec![
            turn.choice(
                &Command::TopUp { amount: None },
                turn.say("saldo-button-topup", &[]),
            ),
            turn.choice(
                &Command::Statement { page: 1 },
                turn.say("saldo-button-statement", &[]),
            ),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    }))
}

fn balance_words(turn: &Turn<'_>, balance: Balance, open: &[Attempt]) -> String {
    let spendable = balance.spendable().to_string();
    let mut lines = vec![turn.say("saldo-balance", &[("amount", spendable.into())])];
    if let Some(held) = Rupiah::new(balance.held).filter(|held| !held.is_zero()) {
        let held = ("held", held.to_string().into());
        lines.push(turn.say("saldo-held", &[held]));
    }
    for attempt in open {
        let amount = ("amount", attempt.amount.to_string().into());
        lines.push(match attempt.hold_until {
            None => turn.say("saldo-awaits", &[amount]),
            Some(until) => {
                let zone = turn.app.config.shop.timezone;
                let time = zone.format_time(until, turn.customer.spoken());
                turn.say("saldo-arrives", &[amount, ("time", time.into())])
            }
        });
    }
    lines.join("\n")
}

/// Asks for the amount where there is none, then for the way to pay it.
pub fn top_up(turn: &mut Turn<'_>, amount: Option<Rupiah>) -> Answer {
    match amount {
        None => ask_amount(turn),
        Some(amount) => ask_method(turn, amount),
    }
}

fn ask_amount(turn: &mut Turn<'_>) -> Answer {
    turn.conversation.awaiting = Some(Awaiting::TopUpAmount);
    let choices = OFFERED.into_iter().filter_map(Rupiah::new).map(|amount| {
        let command = Command::TopUp {
            amount: Some(amount),
        };
        turn.choice(&command, amount.to_string())
    });
    Answer::view(Reply {
        body: turn.say("saldo-how-much", &bounds()),
        choices: choices.collect(),
        list_label: Some(turn.say("saldo-label-amounts", &[])),
        ..Reply::default()
    })
}

fn bounds() -> [(&'static str, std::borrow::Cow<'static, str>); 2] {
    let money = |rupiah| Rupiah::new(rupiah).unwrap_or_default().to_string();
    [("least", money(LEAST).into()), ("most", money(MOST).into())]
}

fn ask_method(turn: &mut Turn<'_>, amount: Rupiah) -> Answer {
    if !(LEAST..=MOST).contains(&amount.get()) {
        let mut answer = ask_amount(turn);
        answer.reply.body = turn.say("saldo-out-of-bounds", &bounds());
        return answer;
    }
    let nonce = QuoteNonce::from_random(random());
    let choices: Vec<Choice> = methods(turn, amount)
        .map(|method| {
            let command = Command::TopUpWith {
                amount,
                method,
                nonce,
            };
            turn.choice(&command, method_name(turn, method))
        })
        .collect();
    if choices.is_empty() {
        return Answer::view(Reply {
            body: turn.say("saldo-no-method", &[]),
            choices: vec![turn.choice(&Command::Human, turn.say("orders-human", &[]))],
            ..Reply::default()
        });
    }
    Answer::view(Reply {
        body: turn.say(
            "saldo-which-method",
            &[("amount", amount.to_string().into())],
        ),
        choices,
        list_label: Some(turn.say("saldo-label-methods", &[])),
        ..Reply::default()
    })
}

/// The shop's ways to pay that take this amount of saldo.
fn methods<'a>(
    turn: &'a Turn<'_>,
    amount: Rupiah,
) -> impl Iterator<Item = PaymentMethod> + use<'a> {
    let offered = turn.app.config.midtrans.methods.iter().copied();
    offered
        .filter(move |method| *method != PaymentMethod::Saldo && method.limits().contains(amount))
}

/// Begins a top-up. How to pay it comes from its payment; the nonce makes the same tap twice one
/// top-up.
pub async fn top_up_with(
    turn: &mut Turn<'_>,
    amount: Rupiah,
    method: PaymentMethod,
    nonce: &QuoteNonce,
) -> Result<Option<Answer>> {
    let in_bounds = (LEAST..=MOST).contains(&amount.get());
    if !in_bounds || !methods(turn, amount).any(|offered| offered == method) {
        return Ok(Some(ask_method(turn, amount)));
    }
    if let Some(begun) = payments::top_up(&turn.app.pool, &nonce.to_string()).await? {
        let is_new = turn.now - begun.created_at < REPEAT_QUIET;
        return Ok((!is_new).then(|| already_begun(turn, &begun)));
    }
    let open = payments::open_top_ups(&turn.app.pool, turn.customer.id).await?;
    if open.len() >= MAX_OPEN {
        let check = turn.choice(&Command::Balance, turn.say("pay-button-check-saldo", &[]));
        return Ok(Some(Answer::view(Reply {
            body: turn.say(
                "saldo-too-many",
                &[("count", open.len().to_string().into())],
            ),
            choices: vec![check],
            ..Reply::default()
        })));
    }
    let attempt = attempt(turn, amount, method, nonce)?;
    let now = turn.now;
    if payments::create(turn.tx().await?, &attempt, now).await? {
        turn.payments_due = true;
    }
    Ok(None)
}

fn already_begun(turn: &Turn<'_>, begun: &Attempt) -> Answer {
    let amount = [("amount", begun.amount.to_string().into())];
    Answer::view(Reply {
        body: if begun.state.is_live() {
            turn.say("saldo-begun", &amount)
        } else {
            turn.say("saldo-over", &amount)
        },
        choices: vec![
            turn.choice(&Command::Balance, turn.say("pay-button-check-saldo", &[])),
            turn.choice(
                &Command::TopUp { amount: None },
                turn.say("saldo-button-topup", &[]),
            ),
        ],
        ..Reply::default()
    })
}

fn attempt(
    turn: &Turn<'_>,
    amount: Rupiah,
    method: PaymentMethod,
    nonce: &QuoteNonce,
) -> Result<NewAttempt> {
    let date = turn.app.config.shop.timezone.date(turn.now);
    let prefix = format!("TOPUP-{}", date.format("%d%m%y"));
    let provider_order_id = ProviderOrderId::compose(&prefix, random())?;
    let expiry = method.expiry().context("saldo does not top up saldo")?;
    Ok(NewAttempt {
        id: new_id(&turn.app.clock),
        purpose: Purpose::TopUp(nonce.to_string()),
        customer_id: turn.customer.id,
        provider_order_id: provider_order_id.to_string(),
        amount,
        method,
        expires_at: turn.now + expiry,
    })
}

/// A page of what happened to the saldo, newest first.
pub async fn statement(turn: &mut Turn<'_>, page: u32) -> Result<Answer> {
    let page = page.max(1);
    let mut connection = turn.app.pool.acquire().await?;
    let (movements, more) = ledger::statement(&mut connection, turn.customer.id, page).await?;
    drop(connection);
    let mut choices = Vec::new();
    if more {
        let next = Command::Statement {
            page: page.saturating_add(1),
        };
        choices.push(turn.choice(&next, turn.say("orders-more", &[])));
    }
    choices.push(turn.choice(
        &Command::TopUp { amount: None },
        turn.say("saldo-button-topup", &[]),
    ));
    choices.push(turn.choice(&Command::Menu, turn.say("orders-menu", &[])));
    let body = if movements.is_empty() {
        turn.say("statement-empty", &[])
    } else {
        let mut lines = vec![turn.say("statement-title", &[("page", page.to_string().into())])];
        lines.extend(movements.iter().map(|movement| line(turn, movement)));
        lines.join("\n")
    };
    Ok(Answer::view(Reply {
        body,
        choices,
        ..Reply::default()
    }))
}

fn line(turn: &Turn<'_>, movement: &Movement) -> String {
    let zone = turn.app.config.shop.timezone;
    let money = |rupiah: i64| Rupiah::new(rupiah).unwrap_or_default();
    let sign = if movement.amount < 0 { '−' } else { '+' };
    turn.say(
        "statement-line",
        &[
            (
                "date",
                zone.format_date(movement.event_at, turn.customer.spoken())
                    .into(),
            ),
            ("what", what(turn, movement).into()),
            (
                "amount",
                format!("{sign}{}", money(movement.amount.abs())).into(),
            ),
            ("balance", money(movement.balance_after).to_string().into()),
        ],
    )
}

fn what(turn: &Turn<'_>, movement: &Movement) -> String {
    // The memo of a payment's posting is the number of the order it was meant for.
    let number = movement.order_number.as_ref().or(movement.memo.as_ref());
    let number = number.map(|number| [("number", number.into())]);
    match (movement.kind.as_str(), number) {
        ("purchase", Some(number)) => turn.say("statement-purchase", &number),
        ("purchase", None) => turn.say("statement-purchase-plain", &[]),
        ("topup", Some(number)) => turn.say("statement-late", &number),
        ("topup", None) => turn.say("statement-topup", &[]),
        ("refund", _) => turn.say("statement-refund", &[]),
        ("reversal", _) => turn.say("statement-reversal", &[]),
        _ => turn.say("statement-adjustment", &[]),
    }
}
