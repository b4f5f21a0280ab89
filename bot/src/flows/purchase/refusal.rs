//! What a customer is told when a purchase does not happen, and what they can do instead.

use anyhow::Result;
use chrono::TimeDelta;
use warung_domain::{
    conversation::Command,
    money::{Quantity, Rupiah},
};
use warung_whatsapp::reply::Reply;

use super::plan::{Plan, Refused, Wish, plan};
use crate::{
    app::App,
    flows::{
        browse,
        checkout::{self, shortage::Source},
        fulfilment, layout,
    },
    store::{
        catalog::{self, Offer},
        orders::place::Confirmable,
    },
    worker::turn::{Answer, Turn},
};

/// Says why, and counts it.
pub(super) async fn refusal(
    turn: &mut Turn<'_>,
    quote: &Confirmable,
    wish: Wish,
    refused: &Refused,
) -> Result<Answer> {
    let (reason, answer) = match refused {
        Refused::TooMany(retry_after) => ("rate", too_many(turn, *retry_after)),
        Refused::OutOfStock(_) => ("stock", out_of_stock(turn, quote).await?),
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
    count(turn.app, reason);
    Ok(answer)
}

/// Counts a purchase that did not happen.
pub(super) fn count(app: &App, reason: &str) {
    let refused = &app.metrics.purchases_refused;
    refused.with_label_values(&[reason]).inc();
}

/// There is nothing to say yes to.
pub(super) fn nothing_to_confirm(turn: &Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("purchase-nothing-open", &[]),
        choices: browse::browsing(turn),
        ..Reply::default()
    })
}

fn too_many(turn: &Turn<'_>, retry_after: TimeDelta) -> Answer {
    // Rounded up: a customer who comes back when told to is let in.
    let seconds = (retry_after.num_milliseconds().max(1) + 999) / 1000;
    let limit = turn.app.config.limits.transactions;
    Answer::view(Reply {
        body: turn.say(
            "purchase-too-many",
            &[
                ("limit", limit.to_string().into()),
                ("seconds", seconds.to_string().into()),
            ],
        ),
        choices: vec![turn.choice(&Command::Menu, turn.say("orders-menu", &[]))],
        ..Reply::default()
    })
}

/// Less is left than wanted: what is left, and how to buy that.
async fn out_of_stock(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Answer> {
    let wanted = wanted(turn, quote).await?;
    let source = if quote.from_cart {
        Source::Cart
    } else {
        Source::Product
    };
    let Some(mut answer) = checkout::shortage::shortage(turn, &wanted, source) else {
        // A product that is not for sale any more, or one that came back this very moment.
        return checkout::requote(turn, &quote.nonce).await;
    };
    let untouched = turn.say("purchase-not-charged", &[]);
    answer.reply.body = layout::paragraphs([answer.reply.body, untouched]);
    Ok(answer)
}

/// What a quote holds, as it is sold now.
pub(super) async fn wanted(
    turn: &mut Turn<'_>,
    quote: &Confirmable,
) -> Result<Vec<(Offer, Quantity)>> {
    let skus: Vec<_> = quote.lines.iter().map(|line| line.sku.clone()).collect();
    let offers = catalog::offers(turn.tx().await?, &skus).await?;
    let quantity = |offer: &Offer| {
        let line = quote.lines.iter().find(|line| line.sku == offer.sku);
        line.map(|line| line.quantity)
    };
    Ok(offers
        .into_iter()
        .filter_map(|offer| quantity(&offer).map(|quantity| (offer, quantity)))
        .collect())
}

/// Not enough saldo: top up, pay only the rest in another way, or pay in another way altogether.
fn too_little_saldo(turn: &Turn<'_>, quote: &Confirmable, missing: Rupiah) -> Answer {
    let methods = &turn.app.config.midtrans.methods;
    let mixed = methods.iter().find_map(|method| {
        let wish = Wish {
            method: *method,
            with_saldo: true,
        };
        match plan(wish, quote.total, quote.spendable) {
            Ok(Plan::Midtrans { saldo_part, .. }) if !saldo_part.is_zero() => Some(*method),
            _ => None,
        }
    });
    let mut choices = Vec::new();
    if let Some(method) = mixed {
        let name = fulfilment::method_name(method.as_str());
        let title = turn.say("purchase-saldo-and", &[("method", name.into())]);
        let command = Command::Pay {
            quote: quote.nonce,
            method,
            with_saldo: true,
        };
        choices.push(turn.choice(&command, title));
    }
    let top_up = Command::TopUp {
        amount: Some(missing),
    };
    choices.push(turn.choice(&top_up, turn.say("purchase-top-up", &[])));
    let all = Command::Methods { quote: quote.nonce };
    choices.push(turn.choice(&all, turn.say("purchase-other-method", &[])));
    Answer::view(Reply {
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
    })
}

fn with_methods(turn: &Turn<'_>, quote: &Confirmable, body: String) -> Answer {
    let methods = Command::Methods { quote: quote.nonce };
    Answer::view(Reply {
        body,
        choices: vec![
            turn.choice(&methods, turn.say("purchase-other-method", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    })
}
