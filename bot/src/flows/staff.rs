//! Staff by chat: stock, units, prices, parcels, the day's sales, and whether the shop is open.
//!
//! Everything that changes something is written down in the commit that does it.

use anyhow::Result;
use serde_json::{Value, json};
use warung_domain::{
    catalog::{ProductKind, Sku},
    conversation::{Chat, StaffCommand, StockChange},
    language::Language,
    money::Rupiah,
    order_number::OrderNumber,
    payment::PaymentMethod,
    tracking::{Courier, Resi},
};
use warung_whatsapp::reply::Reply;

use super::{
    fulfilment::{self, CompleteRefused, ShipRefused},
    handoff, unclear,
};
use crate::{
    store::{
        identities, orders, settings,
        staff_actions::{self, Action, Level, Prices, StockRefused},
        units,
    },
    worker::turn::{Answer, Turn},
};

/// From here on a product is low.
const LOW_STOCK: i32 = 5;
/// Low products shown in one message.
const LOW_SHOWN: i64 = 30;
/// Duplicates listed by their place among the lines.
const DUPLICATES_SHOWN: usize = 20;
/// The dearest price (the catalogue's own limit).
const DEAREST: i64 = 20_000_000_000;

/// Does what a member of staff asks. For anybody else the command does not exist.
pub async fn run(turn: &mut Turn<'_>, command: StaffCommand) -> Result<Answer> {
    if !turn.is_staff() {
        return Ok(unclear::stale_tap(turn));
    }
    match command {
        StaffCommand::Stock { sku: None, .. } => low_stock(turn).await,
        StaffCommand::Stock {
            sku: Some(sku),
            change: None,
        } => show_stock(turn, &sku).await,
        StaffCommand::Stock {
            sku: Some(sku),
            change: Some(change),
        } => change_stock(turn, &sku, change).await,
        StaffCommand::AddUnits { sku, secrets } => add_units(turn, &sku, &secrets).await,
        StaffCommand::Price {
            sku,
            price,
            reseller,
        } => set_price(turn, &sku, price, reseller).await,
        StaffCommand::Ship {
            number,
            courier,
            resi,
        } => ship(turn, &number, courier, resi).await,
        StaffCommand::Resend { number } => resend(turn, &number).await,
        StaffCommand::Complete { number } => complete(turn, &number).await,
        StaffCommand::HandBack { chat } => hand_back(turn, &chat).await,
        StaffCommand::Recap => recap(turn).await,
        StaffCommand::CloseShop => set_open(turn, false).await,
        StaffCommand::OpenShop => set_open(turn, true).await,
    }
}

fn told(body: String) -> Answer {
    Answer::outcome(Reply {
        body,
        ..Reply::default()
    })
}

fn shown(body: String) -> Answer {
    Answer::view(Reply {
        body,
        ..Reply::default()
    })
}

fn actor(turn: &Turn<'_>) -> String {
    format!("staff:{}", turn.customer.id)
}

async fn record(turn: &mut Turn<'_>, action: &'static str, detail: Value) -> Result<()> {
    let (customer_id, at, actor) = (turn.customer.id, turn.now, actor(turn));
    let action = Action {
        customer_id,
        actor: &actor,
        action,
        detail,
        at,
    };
    staff_actions::record(turn.tx().await?, &action).await?;
    Ok(())
}

fn unknown_product(turn: &Turn<'_>, sku: &Sku) -> Answer {
    let sku = sku.to_string();
    shown(turn.say("staff-unknown-product", &[("sku", sku.into())]))
}

fn unknown_order(turn: &Turn<'_>, number: &OrderNumber) -> Answer {
    let number = number.to_string();
    shown(turn.say("staff-unknown-order", &[("number", number.into())]))
}

async fn low_stock(turn: &mut Turn<'_>) -> Result<Answer> {
    let mut connection = turn.app.pool.acquire().await?;
    let levels = staff_actions::low(&mut connection, LOW_STOCK, LOW_SHOWN).await?;
    let limit = LOW_STOCK.to_string();
    if levels.is_empty() {
        return Ok(shown(
            turn.say("staff-stock-fine", &[("limit", limit.into())]),
        ));
    }
    let language = turn.customer.spoken();
    let lines: Vec<String> = levels.iter().map(|level| line(level, language)).collect();
    Ok(shown(turn.say(
        "staff-stock-low",
        &[("limit", limit.into()), ("lines", lines.join("\n").into())],
    )))
}

fn line(level: &Level, language: Language) -> String {
    format!(
        "• *{}* {} — {}",
        level.available(),
        level.sku,
        level.name(language)
    )
}

async fn show_stock(turn: &mut Turn<'_>, sku: &Sku) -> Result<Answer> {
    let mut connection = turn.app.pool.acquire().await?;
    let Some(level) = staff_actions::level(&mut connection, sku).await? else {
        return Ok(unknown_product(turn, sku));
    };
    Ok(shown(stock_text(turn, &level)))
}

fn stock_text(turn: &Turn<'_>, level: &Level) -> String {
    let name = level.name(turn.customer.spoken()).to_owned();
    turn.say(
        "staff-stock-one",
        &[
            ("name", name.into()),
            ("sku", level.sku.to_string().into()),
            ("available", level.available().to_string().into()),
            ("onhand", level.on_hand.to_string().into()),
            ("reserved", level.reserved.to_string().into()),
        ],
    )
}

async fn change_stock(turn: &mut Turn<'_>, sku: &Sku, change: StockChange) -> Result<Answer> {
    let (now, actor) = (turn.now, actor(turn));
    let Some(mut level) = staff_actions::level(turn.tx().await?, sku).await? else {
        return Ok(unknown_product(turn, sku));
    };
    if level.kind == ProductKind::Digital {
        let sku = sku.to_string();
        return Ok(shown(
            turn.say("staff-stock-digital", &[("sku", sku.into())]),
        ));
    }
    let on_hand = match staff_actions::changed(&level, change) {
        Ok(on_hand) => on_hand,
        Err(StockRefused::BelowReserved(reserved)) => {
            let reserved = reserved.to_string();
            let refused = turn.say("staff-stock-reserved", &[("reserved", reserved.into())]);
            return Ok(shown(format!("{refused}\n\n{}", stock_text(turn, &level))));
        }
        Err(StockRefused::TooMany) => return Ok(shown(turn.say("staff-stock-too-many", &[]))),
    };
    let before = level.on_hand;
    staff_actions::set_on_hand(turn.tx().await?, &level, on_hand, &actor, now).await?;
    level.on_hand = on_hand;
    let detail = json!({"sku": sku.as_str(), "before": before, "after": on_hand});
    record(turn, "stock", detail).await?;
    let done = turn.say(
        "staff-stock-changed",
        &[
            ("before", before.to_string().into()),
            ("after", on_hand.to_string().into()),
        ],
    );
    Ok(told(format!("{done}\n\n{}", stock_text(turn, &level))))
}

async fn add_units(turn: &mut Turn<'_>, sku: &Sku, secrets: &[String]) -> Result<Answer> {
    let (now, actor, vault) = (turn.now, actor(turn), turn.app.vault.clone());
    forget_secrets(turn, sku, secrets.len()).await?;
    let connection = turn.tx().await?;
    let Some(target) = units::target(connection, sku).await? else {
        return Ok(unknown_product(turn, sku));
    };
    if target.kind != ProductKind::Digital {
        let sku = sku.to_string();
        return Ok(shown(
            turn.say("staff-units-physical", &[("sku", sku.into())]),
        ));
    }
    if secrets
        .iter()
        .any(|secret| secret.len() > units::MAX_SECRET_BYTES)
    {
        let limit = units::MAX_SECRET_BYTES.to_string();
        return Ok(shown(
            turn.say("staff-units-too-long", &[("limit", limit.into())]),
        ));
    }
    let added = units::add(connection, &vault, target.variant_id, secrets, &actor, now).await?;
    let detail = json!({
        "sku": sku.as_str(), "added": added.added, "duplicates": added.duplicates.len(),
    });
    record(turn, "units", detail).await?;
    let mut body = turn.say(
        "staff-units-added",
        &[
            ("added", added.added.to_string().into()),
            ("sku", sku.to_string().into()),
        ],
    );
    if !added.duplicates.is_empty() {
        let places = places(&added.duplicates);
        let count = added.duplicates.len().to_string();
        body.push('\n');
        body.push_str(&turn.say(
            "staff-units-duplicates",
            &[("count", count.into()), ("places", places.into())],
        ));
    }
    if let Some(level) = staff_actions::level(turn.tx().await?, sku).await? {
        body = format!("{body}\n\n{}", stock_text(turn, &level));
    }
    Ok(told(body))
}

/// The message that brought the secrets is kept without them.
async fn forget_secrets(turn: &mut Turn<'_>, sku: &Sku, count: usize) -> Result<()> {
    let (customer, key) = (turn.customer.id, turn.message_key.clone());
    let body = format!("addstok {sku} ({count} × ***)");
    let payload = json!({"id": key, "type": "text", "text": {"body": body}});
    staff_actions::redact(turn.tx().await?, customer, &key, &payload).await?;
    Ok(())
}

/// `2, 5, 9…`
fn places(duplicates: &[usize]) -> String {
    let shown = duplicates.iter().take(DUPLICATES_SHOWN);
    let mut text = shown.map(usize::to_string).collect::<Vec<_>>().join(", ");
    if duplicates.len() > DUPLICATES_SHOWN {
        text.push('…');
    }
    text
}

async fn set_price(
    turn: &mut Turn<'_>,
    sku: &Sku,
    price: Rupiah,
    reseller: Option<Rupiah>,
) -> Result<Answer> {
    let Some(before) = staff_actions::prices(turn.tx().await?, sku).await? else {
        return Ok(unknown_product(turn, sku));
    };
    let after = Prices {
        price,
        reseller: reseller.unwrap_or(before.reseller),
        ..before
    };
    let dearest = Rupiah::new(DEAREST).unwrap_or(Rupiah::MAX);
    if after.price > dearest || after.price.is_zero() || after.reseller.is_zero() {
        let limit = dearest.to_string();
        return Ok(shown(
            turn.say("staff-price-range", &[("limit", limit.into())]),
        ));
    }
    if after.reseller > after.price {
        let body = turn.say(
            "staff-price-reseller",
            &[
                ("reseller", after.reseller.to_string().into()),
                ("price", after.price.to_string().into()),
                ("sku", sku.to_string().into()),
            ],
        );
        return Ok(shown(body));
    }
    staff_actions::set_prices(turn.tx().await?, &after).await?;
    let detail = json!({
        "sku": sku.as_str(),
        "before": {"price": before.price.get(), "reseller": before.reseller.get()},
        "after": {"price": after.price.get(), "reseller": after.reseller.get()},
    });
    record(turn, "price", detail).await?;
    Ok(told(turn.say(
        "staff-price-set",
        &[
            ("sku", sku.to_string().into()),
            ("before", before.price.to_string().into()),
            ("price", after.price.to_string().into()),
            ("reseller", after.reseller.to_string().into()),
        ],
    )))
}

async fn ship(
    turn: &mut Turn<'_>,
    number: &OrderNumber,
    courier: Courier,
    resi: Resi,
) -> Result<Answer> {
    let (app, now, actor) = (turn.app, turn.now, actor(turn));
    let Some(order) = orders::by_number(&app.pool, number).await? else {
        return Ok(unknown_order(turn, number));
    };
    let connection = turn.tx().await?;
    let Some(mut order) = orders::load_for_update(connection, order.id).await? else {
        return Ok(unknown_order(turn, number));
    };
    let detail = json!({
        "order": number.as_str(), "courier": courier.as_str(), "resi": resi.as_str(),
    });
    let args = [
        ("number", number.to_string().into()),
        ("courier", courier.to_string().into()),
        ("resi", resi.to_string().into()),
    ];
    let before = order.state;
    let shipped = fulfilment::ship(app, connection, &mut order, courier, resi, &actor, now).await;
    if let Err(error) = shipped {
        let number = [("number", number.to_string().into())];
        return match error.downcast::<ShipRefused>()? {
            ShipRefused::NotPaid(_) => Ok(shown(turn.say("staff-ship-unpaid", &number))),
            ShipRefused::NothingToShip => Ok(shown(turn.say("staff-ship-digital", &number))),
        };
    }
    if order.state != before {
        turn.ordered.push(order.state);
    }
    record(turn, "ship", detail).await?;
    Ok(told(turn.say("staff-shipped", &args)))
}

async fn complete(turn: &mut Turn<'_>, number: &OrderNumber) -> Result<Answer> {
    let (now, actor) = (turn.now, actor(turn));
    let Some(order) = orders::by_number(&turn.app.pool, number).await? else {
        return Ok(unknown_order(turn, number));
    };
    let connection = turn.tx().await?;
    let Some(mut order) = orders::load_for_update(connection, order.id).await? else {
        return Ok(unknown_order(turn, number));
    };
    let args = [("number", number.to_string().into())];
    let reason = "completed by staff";
    let completed = fulfilment::complete(connection, &mut order, true, &actor, reason, now).await;
    if let Err(error) = completed {
        return match error.downcast::<CompleteRefused>()? {
            CompleteRefused::Already => Ok(shown(turn.say("staff-complete-already", &args))),
            CompleteRefused::NotOnItsWay(_) => Ok(shown(turn.say("staff-complete-not", &args))),
        };
    }
    turn.ordered.push(order.state);
    record(turn, "complete", json!({"order": number.as_str()})).await?;
    Ok(told(turn.say("staff-completed", &args)))
}

async fn hand_back(turn: &mut Turn<'_>, chat: &Chat) -> Result<Answer> {
    let customer = match chat {
        Chat::Customer(id) => Some(*id),
        Chat::Order(number) => {
            let order = orders::by_number(&turn.app.pool, number).await?;
            order.map(|order| order.customer_id)
        }
        Chat::Identity(identity) => identities::owner(turn.tx().await?, Some(identity)).await?,
    };
    let Some(customer) = customer else {
        return Ok(match chat {
            Chat::Order(number) => unknown_order(turn, number),
            _ => shown(turn.say("staff-unknown-chat", &[])),
        });
    };
    match handoff::hand_back(turn, customer).await? {
        Some(who) => {
            record(turn, "hand_back", json!({"customer": customer})).await?;
            Ok(told(turn.say("staff-handed-back", &[("who", who.into())])))
        }
        None => Ok(shown(turn.say("staff-not-handed-over", &[]))),
    }
}

async fn resend(turn: &mut Turn<'_>, number: &OrderNumber) -> Result<Answer> {
    let (app, now, once) = (turn.app, turn.now, turn.message_key.clone());
    let Some(order) = orders::by_number(&app.pool, number).await? else {
        return Ok(unknown_order(turn, number));
    };
    let args = [("number", number.to_string().into())];
    let sent = fulfilment::resend(app, turn.tx().await?, &order, &once, now).await?;
    if !sent {
        return Ok(shown(turn.say("staff-resend-unpaid", &args)));
    }
    record(turn, "resend", json!({"order": number.as_str()})).await?;
    Ok(told(turn.say("staff-resent", &args)))
}

async fn recap(turn: &mut Turn<'_>) -> Result<Answer> {
    let (now, timezone) = (turn.now, turn.app.config.shop.timezone);
    let recap = staff_actions::recap(turn.tx().await?, timezone, now).await?;
    record(turn, "recap", json!({})).await?;
    let language = turn.customer.spoken();
    let mut body = turn.say(
        "staff-recap",
        &[
            ("date", timezone.format_date(now, language).into()),
            ("time", timezone.format_time(now, language).into()),
            ("placed", recap.placed.to_string().into()),
            ("paid", recap.paid.to_string().into()),
            ("revenue", rupiah(recap.revenue).into()),
            ("unpaid", recap.unpaid.to_string().into()),
            ("unshipped", recap.unshipped.to_string().into()),
        ],
    );
    if !recap.by_method.is_empty() {
        let lines = recap.by_method.iter().map(|(method, amount)| {
            let name = PaymentMethod::parse(method).map(unclear::method_name);
            format!("• {}: {}", name.unwrap_or(method), rupiah(*amount))
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        body.push_str("\n\n");
        body.push_str(&turn.say("staff-recap-methods", &[("lines", lines.into())]));
    }
    if !recap.top.is_empty() {
        let lines = recap
            .top
            .iter()
            .map(|(name, units)| format!("• {units} × {name}"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        body.push_str("\n\n");
        body.push_str(&turn.say("staff-recap-top", &[("lines", lines.into())]));
    }
    Ok(shown(body))
}

fn rupiah(amount: i64) -> String {
    Rupiah::new(amount).unwrap_or_default().to_string()
}

async fn set_open(turn: &mut Turn<'_>, open: bool) -> Result<Answer> {
    let value = if open { "true" } else { "false" };
    settings::set(turn.tx().await?, "shop.open", value).await?;
    let action = if open { "open_shop" } else { "close_shop" };
    record(turn, action, json!({})).await?;
    Ok(told(if open {
        turn.say("staff-opened", &[])
    } else {
        turn.say("staff-closed", &[])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_duplicates_is_cut() {
        assert_eq!(places(&[2, 5]), "2, 5");
        let many: Vec<usize> = (1..=30).collect();
        assert!(places(&many).ends_with("20…"));
    }
}
