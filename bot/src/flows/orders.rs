//! Orders as their customer sees them.

use anyhow::Result;
use warung_domain::{
    conversation::Command,
    order::{OrderEvent, OrderState},
    order_number::OrderNumber,
};
use warung_whatsapp::reply::{Choice, Link, Reply};

use super::fulfilment::{self, CompleteRefused};
use crate::{
    store::{
        orders::{self, Order},
        payments::{self, Attempt, Instructions},
    },
    worker::turn::{Answer, Turn},
};

/// The customer's orders, newest first, as a list to choose from.
pub async fn list(turn: &mut Turn<'_>, page: u32) -> Result<Answer> {
    let page = page.max(1);
    let customer = turn.customer.id;
    let (found, more) = orders::page(turn.tx().await?, customer, page).await?;
    if found.is_empty() {
        return Ok(none_yet(turn));
    }
    let mut choices: Vec<Choice> = found.iter().map(|order| row(turn, order)).collect();
    if more {
        let next = Command::Orders {
            page: page.saturating_add(1),
        };
        choices.push(turn.choice(&next, turn.say("orders-more", &[])));
    }
    Ok(Answer::view(Reply {
        body: turn.say("orders-list", &[("page", page.to_string().into())]),
        choices,
        list_label: Some(turn.say("orders-list-label", &[])),
        ..Reply::default()
    }))
}

fn row(turn: &Turn<'_>, order: &Order) -> Choice {
    let zone = turn.app.config.shop.timezone;
    let date = zone.format_date(order.created_at, turn.customer.spoken());
    let number = order.number.clone();
    let state = state_words(turn, order.state);
    turn.choice(&Command::Order { number }, order.number.as_str())
        .described(format!("{} · {state} · {date}", order.total))
}

fn none_yet(turn: &Turn<'_>) -> Answer {
    let products = Command::Products {
        category: None,
        page: 1,
    };
    Answer::view(Reply {
        body: turn.say("orders-none", &[]),
        choices: vec![
            turn.choice(&products, turn.say("orders-products", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    })
}

/// One order: what is in it, where it stands, what can be done.
pub async fn show(turn: &mut Turn<'_>, number: &OrderNumber) -> Result<Answer> {
    match own(turn, number).await? {
        Some(order) => state(turn, &order).await,
        None => Ok(unknown(turn, number)),
    }
}

/// The order with this number, if the customer may see it.
async fn own(turn: &mut Turn<'_>, number: &OrderNumber) -> Result<Option<Order>> {
    let order = orders::by_number(turn.tx().await?, number).await?;
    let is_staff = turn.is_staff();
    Ok(order.filter(|order| is_staff || order.customer_id == turn.customer.id))
}

/// A number that is nobody's, or not theirs: the two look the same.
fn unknown(turn: &Turn<'_>, number: &OrderNumber) -> Answer {
    Answer::view(Reply {
        body: turn.say("order-unknown", &[("number", number.to_string().into())]),
        choices: vec![
            turn.choice(&Command::Orders { page: 1 }, turn.say("orders-mine", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    })
}

/// An order as it stands now.
pub async fn state(turn: &mut Turn<'_>, order: &Order) -> Result<Answer> {
    let (app, language) = (turn.app, turn.customer.spoken());
    let zone = app.config.shop.timezone;
    let lines = orders::lines(turn.tx().await?, order.id).await?;
    let mut body = vec![
        format!("*{}*", order.number),
        zone.format(order.created_at, language),
        state_words(turn, order.state),
        String::new(),
    ];
    body.extend(fulfilment::line_texts(app, language, order, &lines));
    let mut how = HowToPay::default();
    if order.state == OrderState::AwaitingPayment {
        let attempt = payments::of_order(turn.tx().await?, order.id).await?;
        if let Some(attempt) = attempt {
            let by = fulfilment::paid_by(app, language, order, attempt.method.as_str());
            body.push(turn.say("order-pays-by", &[("by", by.into())]));
            how = how_to_pay(turn, &attempt);
            body.extend(how.text.take());
        }
        if let Some(until) = order.expires_at {
            let until = zone.format(until, language);
            body.push(turn.say("order-pay-until", &[("until", until.into())]));
        }
    }
    if let Some(hint) = fulfilment::address_hint(app, order) {
        body.push(turn.say("receipt-address", &[("address", hint.into())]));
    }
    body.extend(parcel(turn, order));
    Ok(Answer {
        qr: how.qr,
        about: Some(Command::Order {
            number: order.number.clone(),
        }),
        ..Answer::view(Reply {
            body: body.join("\n"),
            choices: what_next(turn, order),
            link: how.link,
            ..Reply::default()
        })
    })
}

/// What an order's message shows of the way to pay it.
#[derive(Default)]
struct HowToPay {
    text: Option<String>,
    qr: Option<String>,
    link: Option<Link>,
}

fn how_to_pay(turn: &Turn<'_>, attempt: &Attempt) -> HowToPay {
    let mut how = HowToPay::default();
    match attempt
        .instructions
        .clone()
        .filter(|_| attempt.state.is_live())
    {
        Some(Instructions::Qris { qr_string }) => how.qr = Some(qr_string),
        Some(Instructions::Link { url, .. }) => {
            let label = turn.say("order-pay-now", &[]);
            how.link = Some(Link { label, url });
        }
        Some(Instructions::VirtualAccount { bank, number }) => {
            let account = [("bank", bank.into()), ("number", number.into())];
            how.text = Some(turn.say("order-pay-account", &account));
        }
        Some(Instructions::MandiriBill {
            biller_code,
            bill_key,
        }) => {
            let bill = [("biller", biller_code.into()), ("key", bill_key.into())];
            how.text = Some(turn.say("order-pay-bill", &bill));
        }
        Some(Instructions::Store { code, .. }) => {
            how.text = Some(turn.say("order-pay-store", &[("code", code.into())]));
        }
        None => {}
    }
    how
}

/// Courier and tracking number, once there are any.
fn parcel(turn: &Turn<'_>, order: &Order) -> Option<String> {
    let (courier, resi) = (order.courier.as_ref()?, order.tracking.as_ref()?);
    Some(turn.say(
        "order-parcel",
        &[
            ("courier", courier.to_string().into()),
            ("resi", resi.to_string().into()),
        ],
    ))
}

fn what_next(turn: &Turn<'_>, order: &Order) -> Vec<Choice> {
    let number = order.number.clone();
    let mut choices = Vec::new();
    if order.state == OrderState::AwaitingPayment {
        let check = Command::CheckPayment {
            number: number.clone(),
        };
        choices.push(turn.choice(&check, turn.say("orders-check", &[])));
        let cancel = Command::Cancel {
            number: Some(number),
        };
        choices.push(turn.choice(&cancel, turn.say("orders-cancel", &[])));
    } else if matches!(order.state, OrderState::Paid | OrderState::Fulfilling) && !order.digital {
        if order.state == OrderState::Fulfilling {
            let received = Command::Received {
                number: Some(number.clone()),
            };
            choices.push(turn.choice(&received, turn.say("orders-received", &[])));
        }
        let track = Command::Track {
            number: Some(number),
        };
        choices.push(turn.choice(&track, turn.say("orders-track", &[])));
        choices.push(turn.choice(&Command::Human, turn.say("orders-human", &[])));
    } else {
        choices.push(turn.choice(&Command::Orders { page: 1 }, turn.say("orders-mine", &[])));
    }
    choices.push(turn.choice(&Command::Menu, turn.say("orders-menu", &[])));
    choices
}

fn state_words(turn: &Turn<'_>, state: OrderState) -> String {
    match state {
        OrderState::Draft | OrderState::AwaitingPayment => turn.say("order-state-awaiting", &[]),
        OrderState::Paid => turn.say("order-state-paid", &[]),
        OrderState::Fulfilling => turn.say("order-state-fulfilling", &[]),
        OrderState::Completed => turn.say("order-state-completed", &[]),
        OrderState::Cancelled => turn.say("order-state-cancelled", &[]),
        OrderState::Expired => turn.say("order-state-expired", &[]),
        OrderState::Refunding => turn.say("order-state-refunding", &[]),
        OrderState::Refunded => turn.say("order-state-refunded", &[]),
        OrderState::Disputed => turn.say("order-state-disputed", &[]),
    }
}

/// Makes the bots look at the provider now. The answer tells how the order stands; when the look
/// finds its money, the receipt follows by itself.
pub async fn check_payment(turn: &mut Turn<'_>, number: &OrderNumber) -> Result<Answer> {
    let Some(order) = own(turn, number).await? else {
        return Ok(unknown(turn, number));
    };
    if order.state != OrderState::AwaitingPayment {
        return state(turn, &order).await;
    }
    let now = turn.now;
    if payments::ask_now(turn.tx().await?, order.id, now).await? {
        turn.payments_due = true;
    }
    let mut answer = state(turn, &order).await?;
    let checking = turn.say("order-checking", &[]);
    answer.reply.body = format!("{checking}\n\n{}", answer.reply.body);
    Ok(answer)
}

/// Where a parcel is: courier and tracking number, or how far the order is.
pub async fn track(turn: &mut Turn<'_>, number: Option<&OrderNumber>) -> Result<Answer> {
    let found = if let Some(number) = number {
        own(turn, number).await?
    } else {
        let customer = turn.customer.id;
        orders::latest_to_track(turn.tx().await?, customer).await?
    };
    let Some(order) = found else {
        return Ok(number.map_or_else(|| none_yet(turn), |number| unknown(turn, number)));
    };
    let number = [("number", order.number.to_string().into())];
    let news = match (parcel(turn, &order), order.state) {
        (Some(parcel), _) => parcel,
        (None, OrderState::Paid) if !order.digital => turn.say("track-packing", &[]),
        _ => state_words(turn, order.state),
    };
    let title = turn.say("track-title", &number);
    let see = Command::Order {
        number: order.number.clone(),
    };
    Ok(Answer {
        about: Some(see.clone()),
        ..Answer::view(Reply {
            body: format!("{title}\n{news}"),
            choices: vec![
                turn.choice(&see, turn.say("orders-see", &[])),
                turn.choice(&Command::Human, turn.say("orders-human", &[])),
                turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
            ],
            ..Reply::default()
        })
    })
}

/// Calls off an order that waits for its money. Where a payment is under way, it ends only when
/// the provider has confirmed that no money can come any more.
pub async fn cancel(turn: &mut Turn<'_>, number: Option<&OrderNumber>) -> Result<Answer> {
    let Some(number) = number else {
        return cancel_which(turn).await;
    };
    let Some(order) = own(turn, number).await? else {
        return Ok(unknown(turn, number));
    };
    cancel_one(turn, order).await
}

async fn cancel_which(turn: &mut Turn<'_>) -> Result<Answer> {
    let customer = turn.customer.id;
    let mut open = orders::awaiting_payment(turn.tx().await?, customer).await?;
    if open.len() > 1 {
        let choices = open
            .iter()
            .map(|order| {
                let command = Command::Cancel {
                    number: Some(order.number.clone()),
                };
                turn.choice(&command, order.number.as_str())
                    .described(order.total.to_string())
            })
            .collect();
        return Ok(Answer::view(Reply {
            body: turn.say("cancel-which", &[]),
            choices,
            list_label: Some(turn.say("orders-list-label", &[])),
            ..Reply::default()
        }));
    }
    match open.pop() {
        Some(order) => cancel_one(turn, order).await,
        None => Ok(Answer::view(Reply {
            body: turn.say("cancel-nothing", &[]),
            choices: vec![
                turn.choice(&Command::Orders { page: 1 }, turn.say("orders-mine", &[])),
                turn.choice(&Command::Human, turn.say("orders-human", &[])),
                turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
            ],
            ..Reply::default()
        })),
    }
}

async fn cancel_one(turn: &mut Turn<'_>, order: Order) -> Result<Answer> {
    let (app, now) = (turn.app, turn.now);
    if order.state != OrderState::AwaitingPayment {
        let too_late = turn.say(
            "cancel-too-late",
            &[
                ("number", order.number.to_string().into()),
                ("state", state_words(turn, order.state).into()),
            ],
        );
        return Ok(Answer::view(Reply {
            body: too_late,
            choices: what_next(turn, &order),
            ..Reply::default()
        }));
    }
    let connection = turn.tx().await?;
    // Payment before order: the order in which everybody locks them.
    if payments::request_cancel(connection, order.id, now).await? {
        turn.payments_due = true;
        let number = [("number", order.number.to_string().into())];
        return Ok(Answer::outcome(Reply {
            body: turn.say("cancel-asked", &number),
            choices: vec![turn.choice(&Command::Menu, turn.say("orders-menu", &[]))],
            ..Reply::default()
        }));
    }
    let Some(mut order) = orders::load_for_update(connection, order.id).await? else {
        return Ok(unknown(turn, &order.number));
    };
    if order.state != OrderState::AwaitingPayment {
        return state(turn, &order).await;
    }
    let event = OrderEvent::Cancelled;
    fulfilment::end(
        app,
        connection,
        &mut order,
        event,
        "customer",
        "called off",
        now,
    )
    .await?;
    turn.ordered.push(order.state);
    Ok(Answer {
        dedupe_key: Some(fulfilment::closed_key(order.id)),
        ..Answer::outcome(fulfilment::ended_reply(app, turn.customer.spoken(), &order))
    })
}

/// The customer has the parcel: the order is completed.
pub async fn received(turn: &mut Turn<'_>, number: Option<&OrderNumber>) -> Result<Answer> {
    let customer = turn.customer.id;
    let order = if let Some(number) = number {
        match own(turn, number).await? {
            Some(order) if order.customer_id == customer => order,
            _ => return Ok(unknown(turn, number)),
        }
    } else {
        let mut under_way = orders::on_their_way(turn.tx().await?, customer).await?;
        if under_way.len() > 1 {
            return Ok(received_which(turn, &under_way));
        }
        match under_way.pop() {
            Some(order) => order,
            None => return track(turn, None).await,
        }
    };
    let now = turn.now;
    let connection = turn.tx().await?;
    let Some(mut order) = orders::load_for_update(connection, order.id).await? else {
        return Ok(unknown(turn, &order.number));
    };
    let reason = "received by the customer";
    let completed =
        fulfilment::complete(connection, &mut order, false, "customer", reason, now).await;
    if let Err(error) = completed {
        error.downcast::<CompleteRefused>()?;
        // The same tap once more, or too early: how the order stands says it all.
        return state(turn, &order).await;
    }
    turn.ordered.push(order.state);
    let again = Command::Quote {
        quote: order.quote_nonce,
    };
    Ok(Answer::outcome(Reply {
        body: turn.say(
            "order-received",
            &[("number", order.number.to_string().into())],
        ),
        choices: vec![
            turn.choice(&again, turn.say("order-again", &[])),
            turn.choice(&Command::Human, turn.say("orders-human", &[])),
            turn.choice(&Command::Menu, turn.say("orders-menu", &[])),
        ],
        ..Reply::default()
    }))
}

fn received_which(turn: &Turn<'_>, under_way: &[Order]) -> Answer {
    let choices = under_way
        .iter()
        .map(|order| {
            let command = Command::Received {
                number: Some(order.number.clone()),
            };
            turn.choice(&command, order.number.as_str())
                .described(order.total.to_string())
        })
        .collect();
    Answer::view(Reply {
        body: turn.say("received-which", &[]),
        choices,
        list_label: Some(turn.say("orders-list-label", &[])),
        ..Reply::default()
    })
}
