//! The menu.

use anyhow::Result;
use warung_domain::{conversation::Command, order::OrderState, order_number::OrderNumber};
use warung_whatsapp::{
    limits::LIST_ROWS,
    reply::{Choice, Reply},
};

use super::browse;
use crate::{
    flows::layout::paragraphs,
    store::{
        carts::{self, Glance, OpenOrder},
        catalog::{self, Category},
    },
    worker::turn::{Answer, Turn},
};

/// Greets, and offers everything: an open order first, then the categories, then the rest.
pub async fn menu(turn: &mut Turn<'_>) -> Result<Answer> {
    let categories = catalog::categories(turn.app).await?;
    let mut connection = turn.app.at_hand.lend().await?;
    let glance = carts::glance(&mut connection, turn.customer.id).await?;
    connection.done();
    let settings = turn.app.settings.current();
    let shop = settings.display_name.clone();
    let greeting = match &turn.customer.profile_name {
        Some(name) => turn.say(
            "menu-greeting",
            &[("name", name.into()), ("shop", shop.into())],
        ),
        None => turn.say("menu-greeting-stranger", &[("shop", shop.into())]),
    };
    let closed = if settings.open {
        String::new()
    } else {
        turn.say("menu-closed", &[])
    };
    let open_order = glance.open_order.as_ref();
    let body = paragraphs([
        greeting,
        open_order
            .map(|order| order_line(turn, order))
            .unwrap_or_default(),
        closed,
        turn.say("menu-what", &[]),
    ]);
    Ok(Answer::view(Reply {
        body,
        choices: choices(turn, &categories, &glance),
        list_label: Some(turn.say("button-menu", &[])),
        ..Reply::default()
    }))
}

fn order_line(turn: &Turn<'_>, order: &OpenOrder) -> String {
    let args = [
        ("number", order.number.as_str().into()),
        ("total", order.total.to_string().into()),
    ];
    if order.state == OrderState::AwaitingPayment {
        turn.say("menu-unpaid", &args)
    } else {
        turn.say("menu-underway", &args)
    }
}

fn choices(turn: &Turn<'_>, categories: &[Category], glance: &Glance) -> Vec<Choice> {
    let order = glance.open_order.as_ref().and_then(|order| {
        let number = OrderNumber::parse(&order.number).ok()?;
        let title = order.number.as_str();
        let described = if order.state == OrderState::AwaitingPayment {
            turn.say("menu-row-unpaid", &[])
        } else {
            turn.say("menu-row-underway", &[])
        };
        Some(
            turn.choice(&Command::Order { number }, title)
                .described(described),
        )
    });
    let mut choices: Vec<Choice> = order.into_iter().collect();
    let rest = [
        cart_choice(turn, glance.in_cart),
        turn.choice(
            &Command::Orders { page: 1 },
            turn.say("menu-row-orders", &[]),
        ),
        turn.choice(&Command::Balance, turn.say("menu-row-saldo", &[]))
            .described(glance.saldo.to_string()),
        turn.choice(&Command::Human, turn.say("menu-row-help", &[])),
    ];
    let room = LIST_ROWS - rest.len() - choices.len();
    if categories.len() <= room {
        choices.extend(
            categories
                .iter()
                .map(|category| browse::category_choice(turn, category)),
        );
    } else {
        let shown = categories.iter().take(room - 1);
        choices.extend(shown.map(|category| browse::category_choice(turn, category)));
        let all = Command::Products {
            category: None,
            page: 1,
        };
        choices.push(turn.choice(&all, turn.say("menu-row-all-categories", &[])));
    }
    choices.extend(rest);
    choices
}

fn cart_choice(turn: &Turn<'_>, in_cart: i64) -> Choice {
    let choice = turn.choice(&Command::Cart, turn.say("menu-row-cart", &[]));
    if in_cart == 0 {
        return choice;
    }
    let count = in_cart.to_string();
    choice.described(turn.say("menu-row-cart-count", &[("count", count.into())]))
}
