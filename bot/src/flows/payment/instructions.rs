//! How to pay, told once for each attempt, in one message.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::{conversation::Command, language::Language};
use warung_whatsapp::reply::{Choice, Link, Reply};

use super::{case::Case, tell};
use crate::{
    app::App,
    flows::fulfilment::{self, Addressee},
    outbox::{self, Body, NewParcel, Priority},
    store::payments::Instructions,
};

/// Tells the customer how to pay. Sent once, however often it is called.
pub(super) async fn send(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    let Some(instructions) = &case.attempt.instructions else {
        return Ok(());
    };
    let customer = case.attempt.customer_id;
    let Some(to) = fulfilment::addressee(case.app, connection, customer).await? else {
        tracing::warn!(payment.id = %case.attempt.id, "how to pay reaches nobody");
        return Ok(());
    };
    let qr = match instructions {
        Instructions::Qris { qr_string } => Some(qr_string.clone()),
        _ => None,
    };
    let body = Body {
        reply: reply(case, &to, instructions),
        recipient: to.recipient,
        qr,
        about: tell::about(case),
    };
    let parcel = NewParcel {
        customer_id: to.customer_id,
        priority: Priority::Money,
        payload: Some(serde_json::to_value(body)?),
        sealed: None,
        dedupe_key: Some(format!("payment:{}:how", case.attempt.id)),
        inbox_id: None,
        trace: None,
    };
    outbox::push(connection, &parcel, case.now).await?;
    Ok(())
}

fn reply(case: &Case<'_>, to: &Addressee, instructions: &Instructions) -> Reply {
    let app = case.app;
    let say = |key, args: &_| app.texts.get(to.language, key, args);
    let what = ("what", tell::what(case, to.language).into());
    let amount = ("amount", case.attempt.amount.to_string().into());
    let until = until(app, case.attempt.expires_at, case.now, to.language);
    let until = ("until", until.into());
    let mut link = None;
    let body = match instructions {
        Instructions::Qris { .. } => say("pay-by-qris", &[what, amount, until]),
        Instructions::VirtualAccount { bank, number } => {
            let bank = ("bank", bank.into());
            let number = ("number", number.into());
            say("pay-by-account", &[what, amount, until, bank, number])
        }
        Instructions::MandiriBill {
            biller_code,
            bill_key,
        } => {
            let biller = ("biller", biller_code.into());
            let key = ("key", bill_key.into());
            say("pay-by-bill", &[what, amount, until, biller, key])
        }
        Instructions::Store { store, code } => {
            let store = ("store", capitalised(store).into());
            let code = ("code", code.into());
            say("pay-by-store", &[what, amount, until, store, code])
        }
        Instructions::Link { url, .. } => {
            link = Some(Link {
                label: say("pay-button-page", &[]),
                url: url.clone(),
            });
            say("pay-by-page", &[what, amount, until])
        }
    };
    // The address may have come with the yes: here it is seen before anything is paid.
    let hint = case
        .order
        .as_ref()
        .and_then(|order| fulfilment::address_hint(app, order));
    let body = match hint {
        Some(hint) => {
            let address = say("receipt-address", &[("address", hint.into())]);
            format!("{body}\n\n{address}")
        }
        None => body,
    };
    Reply {
        body,
        // A message with a link has no other buttons: the text says what else can be done.
        choices: if link.is_some() {
            Vec::new()
        } else {
            choices(case, to.language)
        },
        link,
        ..Reply::default()
    }
}

fn choices(case: &Case<'_>, language: Language) -> Vec<Choice> {
    let Some(order) = &case.order else {
        let title = case.app.texts.get(language, "pay-button-check-saldo", &[]);
        return vec![tell::choice(case.app, &Command::Balance, title)];
    };
    let check = Command::CheckPayment {
        number: order.number.clone(),
    };
    let cancel = Command::Cancel {
        number: Some(order.number.clone()),
    };
    let say = |key| case.app.texts.get(language, key, &[]);
    vec![
        tell::choice(case.app, &check, say("orders-check")),
        tell::choice(case.app, &cancel, say("orders-cancel")),
    ]
}

/// The time alone where it is today's, else with the date.
fn until(app: &App, until: DateTime<Utc>, now: DateTime<Utc>, language: Language) -> String {
    let zone = app.config.shop.timezone;
    if zone.date(until) == zone.date(now) {
        zone.format_time(until, language)
    } else {
        zone.format(until, language)
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
