//! A cart that a customer filled in WhatsApp's own catalogue.

use std::collections::BTreeMap;

use anyhow::Result;
use warung_domain::{catalog::Sku, money::Quantity};
use warung_whatsapp::{inbound::OrderItem, reply::Reply};

use crate::{
    flows::{
        browse,
        checkout::{draw_up, shop_closed, shortage},
        layout::{self, paragraphs},
    },
    store::catalog::{self, Offer},
    worker::turn::{Answer, Turn},
};

/// Room for what could not be taken, in UTF-16 units.
const LEFT_OUT_UNITS: usize = 300;
/// Most lines of an order that are read.
const MAX_ITEMS: usize = 100;

/// Makes a quote of it, at the shop's own prices. Lines whose number is none, or whose product is
/// unknown, are named and left out; of what is short, what is left is taken.
pub async fn from_catalog(turn: &mut Turn<'_>, items: &[OrderItem]) -> Result<Answer> {
    if let Some(closed) = shop_closed(turn) {
        return Ok(closed);
    }
    let Read {
        wanted,
        mut left_out,
    } = read(items);
    let skus: Vec<Sku> = wanted.keys().cloned().collect();
    let offers = catalog::offers(turn.tx().await?, &skus).await?;
    let unknown = |sku: &&Sku| offers.iter().all(|offer| offer.sku != **sku);
    left_out.extend(wanted.keys().filter(unknown).map(Sku::to_string));
    let language = turn.customer.spoken();
    let wanted: Vec<(Offer, Quantity)> = offers
        .into_iter()
        .filter_map(|offer| {
            let quantity = *wanted.get(&offer.sku)?;
            let left = offer.available;
            if left >= quantity.get() {
                return Some((offer, quantity));
            }
            left_out.push(shortage::line(turn, offer.name(language), left, quantity));
            Some((offer, Quantity::new(left).ok()?))
        })
        .collect();
    let note = (!left_out.is_empty()).then(|| {
        let rest = |count: usize| turn.say("and-others", &[("count", count.to_string().into())]);
        paragraphs([
            turn.say("catalog-left-out", &[]),
            layout::fitting(&left_out, LEFT_OUT_UNITS, rest),
        ])
    });
    if wanted.is_empty() {
        return Ok(Answer::view(Reply {
            body: note.unwrap_or_else(|| turn.say("cart-empty", &[])),
            choices: browse::browsing(turn),
            ..Reply::default()
        }));
    }
    draw_up(turn, &wanted, false, note).await
}

/// An order's lines, summed per code.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    wanted: BTreeMap<Sku, Quantity>,
    left_out: Vec<String>,
}

fn read(items: &[OrderItem]) -> Read {
    let mut read = Read::default();
    for item in items.iter().take(MAX_ITEMS) {
        let sku = Sku::parse(&item.product_retailer_id);
        let quantity = Quantity::parse(&item.quantity);
        let sum = sku.ok().zip(quantity.ok()).and_then(|(sku, more)| {
            let sum = match read.wanted.get(&sku) {
                Some(known) => known.checked_add(more)?,
                None => more,
            };
            Some((sku, sum))
        });
        match sum {
            Some((sku, sum)) => drop(read.wanted.insert(sku, sum)),
            None => read
                .left_out
                .push(format!("{} × {}", item.quantity, item.product_retailer_id)),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_a_catalogue_order_are_as_strict_as_typed_ones() {
        let item = |sku: &str, quantity: &str| OrderItem {
            product_retailer_id: sku.to_owned(),
            quantity: quantity.to_owned(),
        };
        let items = [
            item("KOPI-01", "2"),
            item("kopi-01", "1"),
            item("TEH", "0.001"),
            item("GULA", "1e3"),
            item("BERAS", "-5"),
            item("not a sku", "1"),
            item("KOPI-02", "999"),
            item("KOPI-02", "1"),
        ];
        let read = read(&items);
        let wanted: Vec<(String, u32)> = read
            .wanted
            .iter()
            .map(|(sku, quantity)| (sku.to_string(), quantity.get()))
            .collect();
        assert_eq!(
            wanted,
            [("KOPI-01".to_owned(), 3), ("KOPI-02".to_owned(), 999)]
        );
        assert_eq!(
            read.left_out,
            [
                "0.001 × TEH",
                "1e3 × GULA",
                "-5 × BERAS",
                "1 × not a sku",
                "1 × KOPI-02"
            ]
        );
    }
}
