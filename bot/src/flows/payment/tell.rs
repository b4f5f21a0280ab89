//! What customers and staff are told of a payment beside how to pay and the receipt.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::{conversation::Command, language::Language, money::Rupiah};
use warung_whatsapp::reply::{Choice, Reply};

use super::case::Case;
use crate::{
    app::App,
    flows::fulfilment::{self, Addressee, addressee, plain_parcel},
    messages::Args,
    outbox,
    store::desk,
};

/// What the attempt is for, in words.
pub(super) fn what(case: &Case<'_>, language: Language) -> String {
    let texts = &case.app.texts;
    match &case.order {
        Some(order) => {
            let number = [("number", order.number.to_string().into())];
            texts.get(language, "pay-for-order", &number)
        }
        None => texts.get(language, "pay-for-topup", &[]),
    }
}

/// What a reply that quotes a message about the attempt is about.
pub(super) fn about(case: &Case<'_>) -> Option<Command> {
    let order = case.order.as_ref()?;
    Some(Command::Order {
        number: order.number.clone(),
    })
}

pub(super) fn choice(app: &App, command: &Command, title: String) -> Choice {
    Choice::new(app.vault.sign(&command.encode()), title)
}

/// The payment is being made still.
pub(super) async fn wait(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    customer(case, connection, "wait", |say, _| say("pay-wait", &[])).await
}

/// The money came, and its bank may take it back for some minutes.
pub(super) async fn held(
    case: &Case<'_>,
    connection: &mut PgConnection,
    hold_until: DateTime<Utc>,
) -> Result<()> {
    let zone = case.app.config.shop.timezone;
    customer(case, connection, "held", |say, language| {
        let time = ("time", zone.format_time(hold_until, language).into());
        say("pay-held", &[amount(case), time])
    })
    .await
}

/// The top-up is in the saldo.
pub(super) async fn topped_up(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    customer(case, connection, "credited", |say, _| {
        say("pay-topped-up", &[amount(case)])
    })
    .await
}

/// The money came too late for its order and is in the saldo.
pub(super) async fn late(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    customer(case, connection, "credited", |say, language| {
        say(
            "pay-late",
            &[amount(case), ("what", what(case, language).into())],
        )
    })
    .await
}

/// The money came and a person must look at it.
pub(super) async fn under_review(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    customer(case, connection, "review", |say, language| {
        say("pay-review", &[("what", what(case, language).into())])
    })
    .await
}

/// The bank took the money back.
pub(super) async fn taken_back(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    customer(case, connection, "taken-back", |say, language| {
        say(
            "pay-taken-back",
            &[amount(case), ("what", what(case, language).into())],
        )
    })
    .await
}

/// Nobody paid the top-up, or Midtrans did not make it.
pub(super) async fn top_up_over(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    let Some(to) = addressee(case.app, connection, case.attempt.customer_id).await? else {
        return Ok(());
    };
    let say = |key, args: &Args<'_>| case.app.texts.get(to.language, key, args);
    let again = Command::TopUp {
        amount: Some(case.attempt.amount),
    };
    let reply = Reply {
        body: say("pay-topup-over", &[amount(case)]),
        choices: vec![
            choice(case.app, &again, say("pay-button-again", &[])),
            choice(case.app, &Command::Menu, say("orders-menu", &[])),
        ],
        ..Reply::default()
    };
    push(case, connection, &to, reply, "over").await
}

/// The order could not be paid in this way, through no fault of the customer's.
pub(super) async fn not_made(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    let (Some(order), Some(to)) = (
        &case.order,
        addressee(case.app, connection, case.attempt.customer_id).await?,
    ) else {
        return Ok(());
    };
    let mut reply = fulfilment::ended_reply(case.app, to.language, order);
    let sorry = [("what", what(case, to.language).into())];
    reply.body = case.app.texts.get(to.language, "pay-not-made", &sorry);
    let key = fulfilment::closed_key(order.id);
    let parcel = plain_parcel(&to, reply, Some(order), key)?;
    outbox::push(connection, &parcel, case.now).await?;
    Ok(())
}

/// Staff: a payment is not as it was asked for.
pub(super) async fn staff_mismatch(case: &Case<'_>, connection: &mut PgConnection) -> Result<()> {
    staff(case, connection, "mismatch", |say, language| {
        let id = case.attempt.provider_order_id.as_str();
        say(
            "pay-staff-mismatch",
            &[("what", what(case, language).into()), ("id", id.into())],
        )
    })
    .await
}

/// Staff: a bank took money back; `debt` of it was spent.
pub(super) async fn staff_taken_back(
    case: &Case<'_>,
    connection: &mut PgConnection,
    debt: i64,
) -> Result<()> {
    let debt = Rupiah::new(debt).unwrap_or_default().to_string();
    staff(case, connection, "taken-back", |say, language| {
        say(
            "pay-staff-taken-back",
            &[
                ("what", what(case, language).into()),
                amount(case),
                ("debt", debt.as_str().into()),
            ],
        )
    })
    .await
}

/// Staff: a bank took a part of the money back.
pub(super) async fn staff_partly_taken_back(
    case: &Case<'_>,
    connection: &mut PgConnection,
) -> Result<()> {
    staff(case, connection, "partly-taken-back", |say, language| {
        say(
            "pay-staff-partly-taken-back",
            &[("what", what(case, language).into()), amount(case)],
        )
    })
    .await
}

fn amount<'a>(case: &Case<'_>) -> (&'static str, std::borrow::Cow<'a, str>) {
    ("amount", case.attempt.amount.to_string().into())
}

type Say<'a> = dyn Fn(&'static str, &Args<'_>) -> String + 'a;

/// Tells the customer of the attempt, once for each `key`.
async fn customer(
    case: &Case<'_>,
    connection: &mut PgConnection,
    key: &str,
    words: impl FnOnce(&Say<'_>, Language) -> String,
) -> Result<()> {
    let Some(to) = addressee(case.app, connection, case.attempt.customer_id).await? else {
        tracing::warn!(payment.id = %case.attempt.id, key, "news of a payment reach nobody");
        return Ok(());
    };
    let texts = &case.app.texts;
    let reply = Reply {
        body: words(&|key, args| texts.get(to.language, key, args), to.language),
        ..Reply::default()
    };
    push(case, connection, &to, reply, key).await
}

/// Tells every member of staff who can be written to, once for each `key`.
async fn staff(
    case: &Case<'_>,
    connection: &mut PgConnection,
    key: &str,
    words: impl Fn(&Say<'_>, Language) -> String,
) -> Result<()> {
    let config = &case.app.config;
    let members = desk::staff(connection, &config.staff, config.shop.language, case.now).await?;
    for member in members {
        let Some(recipient) = member.recipient() else {
            continue;
        };
        let to = Addressee {
            customer_id: member.id,
            recipient,
            language: member.spoken(),
        };
        let texts = &case.app.texts;
        let reply = Reply {
            body: words(&|key, args| texts.get(to.language, key, args), to.language),
            ..Reply::default()
        };
        push(
            case,
            connection,
            &to,
            reply,
            &format!("staff:{key}:{}", member.id),
        )
        .await?;
    }
    Ok(())
}

async fn push(
    case: &Case<'_>,
    connection: &mut PgConnection,
    to: &Addressee,
    reply: Reply,
    key: &str,
) -> Result<()> {
    let dedupe_key = format!("payment:{}:{key}", case.attempt.id);
    let parcel = plain_parcel(to, reply, case.order.as_ref(), dedupe_key)?;
    outbox::push(connection, &parcel, case.now).await?;
    Ok(())
}
