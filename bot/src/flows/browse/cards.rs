//! Products as rows of a list: name, price, and the stock of this moment.

use std::collections::HashMap;

use anyhow::Result;
use warung_domain::conversation::Command;
use warung_whatsapp::reply::Choice;

use crate::{
    store::catalog::{self, Card, Page},
    worker::turn::Turn,
};

/// Rows for a page of products; each leads to what `command` makes of it. One query for all stock.
pub(crate) async fn rows(
    turn: &Turn<'_>,
    page: &Page,
    command: impl Fn(&Card) -> Command,
) -> Result<Vec<Choice>> {
    let variants: Vec<i64> = page
        .cards
        .iter()
        .flat_map(|card| card.variant_ids.iter().copied())
        .collect();
    let mut connection = turn.app.at_hand.lend().await?;
    let stock = catalog::stock(&mut connection, &variants).await?;
    connection.done();
    let row = |card: &Card| {
        let name = card.name(turn.customer.spoken());
        turn.choice(&command(card), name)
            .described(described(turn, card, &stock))
    };
    Ok(page.cards.iter().map(row).collect())
}

/// The line below a product's name.
fn described(turn: &Turn<'_>, card: &Card, stock: &HashMap<i64, u32>) -> String {
    let left: u64 = card
        .variant_ids
        .iter()
        .filter_map(|id| stock.get(id))
        .map(|&left| u64::from(left))
        .sum();
    let mut price = card.price_for(turn.customer.role).to_string();
    if card.variant_ids.len() > 1 {
        price = turn.say("browse-price-from", &[("price", price.into())]);
    }
    if left == 0 {
        turn.say("browse-row-sold-out", &[("price", price.into())])
    } else {
        turn.say(
            "browse-row",
            &[("price", price.into()), ("stock", left.to_string().into())],
        )
    }
}
