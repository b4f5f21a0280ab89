//! The cart.

mod catalog_order;

use anyhow::Result;
use warung_domain::{
    catalog::Sku,
    conversation::Command,
    money::{Quantity, Rupiah},
};
use warung_whatsapp::reply::{Choice, Reply};

pub use self::catalog_order::from_catalog;
use super::{
    browse::{self, Meant},
    checkout::empty_cart,
    layout::{self, paragraphs},
};
use crate::{
    store::{
        carts::{self, Added, CartItem},
        search,
    },
    worker::turn::{Answer, Turn},
};

/// What is in it, and what it costs now.
pub async fn show(turn: &mut Turn<'_>) -> Result<Answer> {
    let customer = turn.customer.id;
    let items = carts::items(turn.tx().await?, customer).await?;
    Ok(if items.is_empty() {
        empty_cart(turn)
    } else {
        shown(turn, &items, String::new())
    })
}

/// Puts a product in; one unit where no number is given.
pub async fn add(turn: &mut Turn<'_>, product: &str, quantity: Option<Quantity>) -> Result<Answer> {
    let quantity = quantity.unwrap_or(Quantity::ONE);
    let command = |sku: &Sku| Command::Add {
        product: sku.to_string(),
        quantity: Some(quantity),
    };
    let offer = match browse::meant(turn, product, command).await? {
        Meant::One(offer) => offer,
        Meant::Unclear(answer) => return Ok(*answer),
    };
    let name = offer.name(turn.customer.spoken()).to_owned();
    if offer.available == 0 {
        return Ok(Answer::view(Reply {
            body: paragraphs([
                turn.say("shortage", &[]),
                turn.say("shortage-none", &[("name", name.into())]),
            ]),
            choices: browse::browsing(turn),
            ..Reply::default()
        }));
    }
    let (customer, now) = (turn.customer.id, turn.now);
    let added = carts::add(turn.tx().await?, customer, offer.variant_id, quantity, now).await?;
    let note = match added {
        Added::Now(sum) if sum.get() > offer.available => turn.say(
            "cart-added-more-than-left",
            &[
                ("name", name.into()),
                ("left", offer.available.to_string().into()),
            ],
        ),
        Added::Now(_) => turn.say(
            "cart-added",
            &[
                ("count", quantity.to_string().into()),
                ("name", name.into()),
            ],
        ),
        Added::TooMany => turn.say("cart-too-many-units", &[]),
        Added::CartFull => turn.say("cart-full", &[]),
    };
    let items = carts::items(turn.tx().await?, customer).await?;
    let mut answer = shown(turn, &items, note);
    answer.outcome = true;
    Ok(answer)
}

/// Takes some of a product out, or all of it.
pub async fn remove(
    turn: &mut Turn<'_>,
    product: &str,
    quantity: Option<Quantity>,
) -> Result<Answer> {
    let customer = turn.customer.id;
    let items = carts::items(turn.tx().await?, customer).await?;
    if items.is_empty() {
        return Ok(empty_cart(turn));
    }
    let meant = match in_cart(turn, &items, product).await? {
        InCart::One(item) => item,
        InCart::Several(several) => return Ok(which(turn, &several, quantity)),
        InCart::None => {
            let note = turn.say("cart-not-inside", &[("words", product.into())]);
            return Ok(shown(turn, &items, note));
        }
    };
    let variant = meant.offer.variant_id;
    let name = meant.offer.name(turn.customer.spoken()).to_owned();
    let left = carts::remove(turn.tx().await?, customer, variant, quantity).await?;
    let note = match left {
        Some(left) => turn.say(
            "cart-reduced",
            &[("name", name.into()), ("left", left.to_string().into())],
        ),
        None => turn.say("cart-removed", &[("name", name.into())]),
    };
    let items = carts::items(turn.tx().await?, customer).await?;
    let mut answer = if items.is_empty() {
        let mut answer = empty_cart(turn);
        answer.reply.body = paragraphs([note, answer.reply.body]);
        answer
    } else {
        shown(turn, &items, note)
    };
    answer.outcome = true;
    Ok(answer)
}

/// Empties it.
pub async fn clear(turn: &mut Turn<'_>) -> Result<Answer> {
    let customer = turn.customer.id;
    if carts::clear(turn.tx().await?, customer).await? == 0 {
        return Ok(empty_cart(turn));
    }
    Ok(Answer::outcome(Reply {
        body: turn.say("cart-cleared", &[]),
        choices: browse::browsing(turn),
        ..Reply::default()
    }))
}

/// Which line of a cart is meant.
enum InCart<'i> {
    One(&'i CartItem),
    Several(Vec<&'i CartItem>),
    None,
}

/// Finds a line by its code, by words in its name, or by what a search finds.
async fn in_cart<'i>(turn: &Turn<'_>, items: &'i [CartItem], product: &str) -> Result<InCart<'i>> {
    if let Ok(sku) = Sku::parse(product)
        && let Some(item) = items.iter().find(|item| item.offer.sku == sku)
    {
        return Ok(InCart::One(item));
    }
    let mut meant: Vec<&CartItem> = items
        .iter()
        .filter(|item| has_words(item, product))
        .collect();
    if meant.is_empty() {
        let found = search::find(turn.app, product, 1).await?;
        let is_found = |item: &&CartItem| {
            let variant = &item.offer.variant_id;
            let mut cards = found.page.cards.iter();
            cards.any(|card| card.variant_ids.contains(variant))
        };
        meant = items.iter().filter(is_found).collect();
    }
    Ok(match meant.as_slice() {
        [] => InCart::None,
        [one] => InCart::One(one),
        _ => InCart::Several(meant),
    })
}

fn has_words(item: &CartItem, words: &str) -> bool {
    let name = format!("{} {}", item.offer.name_id, item.offer.name_en).to_lowercase();
    let mut words = words.split_whitespace();
    words.all(|word| name.contains(&word.to_lowercase()))
}

fn which(turn: &Turn<'_>, items: &[&CartItem], quantity: Option<Quantity>) -> Answer {
    let choices = items
        .iter()
        .take(warung_whatsapp::limits::LIST_ROWS)
        .map(|item| {
            let remove = Command::Remove {
                product: item.offer.sku.to_string(),
                quantity,
            };
            let name = item.offer.name(turn.customer.spoken());
            turn.choice(&remove, name)
                .described(format!("{} ×", item.quantity))
        })
        .collect();
    Answer::view(Reply {
        body: turn.say("cart-which", &[]),
        choices,
        list_label: Some(turn.say("browse-label-choose", &[])),
        ..Reply::default()
    })
}

/// The cart with a note on top.
fn shown(turn: &Turn<'_>, items: &[CartItem], note: String) -> Answer {
    let lines: Vec<String> = items.iter().map(|item| line(turn, item)).collect();
    let sum = items
        .iter()
        .filter(|item| item.for_sale)
        .map(|item| {
            let price = item.offer.price_for(turn.customer.role);
            price.checked_mul(item.quantity).unwrap_or(Rupiah::MAX)
        })
        .try_fold(Rupiah::ZERO, Rupiah::checked_add);
    let title = turn.say("cart-title", &[]);
    let sum = sum.unwrap_or(Rupiah::MAX).to_string();
    let below = [
        turn.say("cart-sum", &[("sum", sum.into())]),
        turn.say("cart-hint", &[]),
    ]
    .join("\n");
    let used: usize = [&note, &title, &below]
        .into_iter()
        .map(|part| layout::units(part) + 2)
        .sum();
    let room = layout::BODY_UNITS.saturating_sub(used);
    let rest = |count: usize| turn.say("and-others", &[("count", count.to_string().into())]);
    let goods = [title, layout::fitting(&lines, room, rest)].join("\n");
    Answer::view(Reply {
        body: paragraphs([note, goods, below]),
        choices: choices(turn),
        ..Reply::default()
    })
}

fn line(turn: &Turn<'_>, item: &CartItem) -> String {
    let name = item.offer.name(turn.customer.spoken());
    if !item.for_sale {
        return turn.say("cart-line-ended", &[("name", name.into())]);
    }
    let price = item.offer.price_for(turn.customer.role);
    let sum = price.checked_mul(item.quantity).unwrap_or(Rupiah::MAX);
    let args = [
        ("count", item.quantity.to_string().into()),
        ("name", name.into()),
        ("price", sum.to_string().into()),
        ("left", item.offer.available.to_string().into()),
    ];
    if item.offer.available < item.quantity.get() {
        turn.say("cart-line-short", &args)
    } else {
        turn.say("quote-line", &args[..3])
    }
}

fn choices(turn: &Turn<'_>) -> Vec<Choice> {
    let products = Command::Products {
        category: None,
        page: 1,
    };
    vec![
        turn.choice(&Command::Checkout, turn.say("button-checkout", &[])),
        turn.choice(&products, turn.say("button-add-more", &[])),
        turn.choice(&Command::ClearCart, turn.say("button-clear-cart", &[])),
    ]
}
