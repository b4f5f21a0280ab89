//! From a cart or a product to a quote: what it costs, where it goes, how it can be paid.

pub(crate) mod address;
mod answer;
pub(crate) mod shortage;
pub(crate) mod ways;

use anyhow::Result;
use warung_domain::{
    cart::{CartError, CartLine},
    catalog::Sku,
    conversation::Command,
    money::Quantity,
    order_number::OrderNumber,
    quote::{self, QuoteError, QuoteNonce},
};
use warung_whatsapp::reply::Reply;

use self::shortage::{Source, shortage};
pub use self::{address::address, answer::answer};
use super::{
    browse::{self, Meant},
    purchase::Wish,
};
use crate::{
    clock,
    store::{
        carts,
        catalog::{self, Offer},
        quotes::{self, Quote, QuoteLine},
    },
    worker::turn::{Answer, Turn},
};

/// A quote for one product; the cart stays as it is.
pub async fn buy(turn: &mut Turn<'_>, product: &str, quantity: Option<Quantity>) -> Result<Answer> {
    if let Some(closed) = shop_closed(turn) {
        return Ok(closed);
    }
    let quantity = quantity.unwrap_or(Quantity::ONE);
    let command = |sku: &Sku| Command::Buy {
        product: sku.to_string(),
        quantity: Some(quantity),
    };
    let offer = match browse::meant(turn, product, command).await? {
        Meant::One(offer) => *offer,
        Meant::Unclear(answer) => return Ok(*answer),
    };
    let wanted = vec![(offer, quantity)];
    if let Some(answer) = shortage(turn, &wanted, Source::Product) {
        return Ok(answer);
    }
    draw_up(turn, &wanted, false, None).await
}

/// A quote for the whole cart.
pub async fn cart(turn: &mut Turn<'_>) -> Result<Answer> {
    if let Some(closed) = shop_closed(turn) {
        return Ok(closed);
    }
    let customer = turn.customer.id;
    let items = carts::items(turn.tx().await?, customer).await?;
    let (for_sale, ended): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.for_sale);
    let wanted: Vec<(Offer, Quantity)> = for_sale
        .into_iter()
        .map(|item| (item.offer, item.quantity))
        .collect();
    if wanted.is_empty() {
        // "bayar" after a quote for one product means that quote.
        return match turn.conversation.open_quote {
            Some(nonce) => standing_quote(turn, &nonce).await,
            None => Ok(empty_cart(turn)),
        };
    }
    if let Some(answer) = shortage(turn, &wanted, Source::Cart) {
        return Ok(answer);
    }
    let note = (!ended.is_empty()).then(|| turn.say("quote-some-ended", &[]));
    draw_up(turn, &wanted, true, note).await
}

/// An open quote once more, or a fresh one in its place.
async fn standing_quote(turn: &mut Turn<'_>, nonce: &QuoteNonce) -> Result<Answer> {
    let quote = match own(turn, nonce).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    if quote.is_expired(turn.now) {
        return requote(turn, nonce).await;
    }
    answer(turn, &quote, None).await
}

/// A fresh quote for what an older one held, at the prices of now: the old one has expired, or its
/// prices no longer hold.
pub async fn requote(turn: &mut Turn<'_>, nonce: &QuoteNonce) -> Result<Answer> {
    if let Some(closed) = shop_closed(turn) {
        return Ok(closed);
    }
    let old = match own(turn, nonce).await? {
        Ok(old) => old,
        Err(answer) => return Ok(answer),
    };
    let skus: Vec<Sku> = old.lines.iter().map(|line| line.sku.clone()).collect();
    let offers = catalog::offers(turn.tx().await?, &skus).await?;
    let wanted: Vec<(Offer, Quantity)> = offers
        .into_iter()
        .filter_map(|offer| {
            let line = old.lines.iter().find(|line| line.sku == offer.sku)?;
            Some((offer, line.quantity))
        })
        .collect();
    if wanted.is_empty() {
        return Ok(browse::sale_ended(turn));
    }
    let source = if old.from_cart {
        Source::Cart
    } else {
        Source::Product
    };
    if let Some(answer) = shortage(turn, &wanted, source) {
        return Ok(answer);
    }
    let note = if wanted.len() < old.lines.len() {
        turn.say("quote-renewed-partly", &[])
    } else {
        turn.say("quote-renewed", &[])
    };
    draw_up(turn, &wanted, old.from_cart, Some(note)).await
}

/// All ways to pay a quote.
pub async fn methods(turn: &mut Turn<'_>, nonce: &QuoteNonce) -> Result<Answer> {
    let quote = match own(turn, nonce).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    if quote.is_expired(turn.now) {
        return requote(turn, nonce).await;
    }
    answer::all_ways(turn, &quote).await
}

/// Asks where a quote's parcel goes, as the last step before it is paid as wished.
pub(crate) async fn ask_address(
    turn: &mut Turn<'_>,
    nonce: &QuoteNonce,
    wish: Option<Wish>,
) -> Result<Answer> {
    let quote = match own(turn, nonce).await? {
        Ok(quote) => quote,
        Err(answer) => return Ok(answer),
    };
    match wish {
        Some(wish) => Ok(answer::where_to(turn, &quote, wish)),
        None => answer(turn, &quote, None).await,
    }
}

/// Drops a quote: the given one, or the open one.
pub async fn decline(turn: &mut Turn<'_>, nonce: Option<&QuoteNonce>) -> Result<Answer> {
    let Some(nonce) = nonce.copied().or(turn.conversation.open_quote) else {
        return Ok(Answer::view(Reply {
            body: turn.say("quote-nothing-open", &[]),
            choices: browse::browsing(turn),
            ..Reply::default()
        }));
    };
    if turn.conversation.open_quote == Some(nonce) {
        turn.conversation.open_quote = None;
    }
    let (customer, now) = (turn.customer.id, turn.now);
    if let Some(number) = quotes::order_number(turn.tx().await?, &nonce).await? {
        return Ok(already_ordered(turn, &number));
    }
    quotes::drop_early(turn.tx().await?, &nonce, customer, now).await?;
    Ok(Answer::outcome(Reply {
        body: turn.say("quote-declined", &[]),
        choices: browse::browsing(turn),
        ..Reply::default()
    }))
}

/// The customer's own quote; else what to answer when it is none, or is an order by now.
async fn own(turn: &mut Turn<'_>, nonce: &QuoteNonce) -> Result<Result<Quote, Answer>> {
    let customer = turn.customer.id;
    let quote = quotes::load(turn.tx().await?, nonce).await?;
    let Some(quote) = quote.filter(|quote| quote.customer_id == customer) else {
        return Ok(Err(Answer::view(Reply {
            body: turn.say("quote-unknown", &[]),
            choices: browse::browsing(turn),
            ..Reply::default()
        })));
    };
    Ok(match quotes::order_number(turn.tx().await?, nonce).await? {
        Some(number) => Err(already_ordered(turn, &number)),
        None => Ok(quote),
    })
}

fn already_ordered(turn: &Turn<'_>, number: &str) -> Answer {
    let mut choices = Vec::new();
    if let Ok(number) = OrderNumber::parse(number) {
        choices.push(turn.choice(
            &Command::Order {
                number: number.clone(),
            },
            turn.say("button-see-order", &[]),
        ));
        let cancel = Command::Cancel {
            number: Some(number),
        };
        choices.push(turn.choice(&cancel, turn.say("button-cancel-order", &[])));
    }
    Answer::view(Reply {
        body: turn.say("quote-is-order", &[("number", number.into())]),
        choices,
        ..Reply::default()
    })
}

/// Freezes prices in a new quote, which "ya" then confirms.
pub(crate) async fn draw_up(
    turn: &mut Turn<'_>,
    wanted: &[(Offer, Quantity)],
    from_cart: bool,
    note: Option<String>,
) -> Result<Answer> {
    let (language, role) = (turn.customer.spoken(), turn.customer.role);
    let lines = wanted
        .iter()
        .map(|(offer, quantity)| CartLine {
            sku: offer.sku.clone(),
            name: offer.name(language).to_owned(),
            kind: offer.kind,
            unit_price: offer.price_for(role),
            quantity: *quantity,
        })
        .collect();
    let shipping = turn.app.settings.current().shipping;
    let built = match quote::Quote::build(lines, &shipping, turn.now) {
        Ok(built) => built,
        Err(error) => return Ok(refused(turn, &error)),
    };
    let variant = |sku: &Sku| {
        let offer = wanted.iter().find(|(offer, _)| offer.sku == *sku);
        offer.map(|(offer, _)| offer.variant_id)
    };
    let lines = built.lines.into_iter().filter_map(|line| {
        Some(QuoteLine {
            variant_id: variant(&line.sku)?,
            sku: line.sku,
            name: line.name,
            kind: line.kind,
            unit_price: line.unit_price,
            quantity: line.quantity,
        })
    });
    let quote = Quote {
        nonce: QuoteNonce::from_random(clock::random()),
        customer_id: turn.customer.id,
        lines: lines.collect(),
        from_cart,
        subtotal: built.subtotal,
        shipping: built.shipping,
        total: built.total,
        created_at: turn.now,
        expires_at: built.expires_at,
    };
    quotes::insert(turn.tx().await?, &quote).await?;
    answer(turn, &quote, note).await
}

fn refused(turn: &Turn<'_>, error: &QuoteError) -> Answer {
    let body = match error {
        QuoteError::Empty => return empty_cart(turn),
        QuoteError::Cart(CartError::TooManyLines) => turn.say("cart-full", &[]),
        QuoteError::Cart(_) => turn.say("cart-too-many-units", &[]),
        QuoteError::ZeroTotal | QuoteError::TooLarge => turn.say("quote-too-large", &[]),
    };
    Answer::view(Reply {
        body,
        choices: vec![
            turn.choice(&Command::Cart, turn.say("button-cart", &[])),
            turn.choice(&Command::Human, turn.say("button-human", &[])),
        ],
        ..Reply::default()
    })
}

/// Nothing to buy yet.
pub(crate) fn empty_cart(turn: &Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("cart-empty", &[]),
        choices: browse::browsing(turn),
        ..Reply::default()
    })
}

/// What is said instead of a quote while the shop takes no orders.
pub(crate) fn shop_closed(turn: &Turn<'_>) -> Option<Answer> {
    let settings = turn.app.settings.current();
    (!settings.open).then(|| {
        Answer::view(Reply {
            body: turn.say("shop-closed", &[]),
            choices: browse::browsing(turn),
            ..Reply::default()
        })
    })
}
