//! Which product a customer means by a code or by words.

use anyhow::Result;
use warung_domain::{catalog::Sku, conversation::Command};
use warung_whatsapp::reply::Reply;

use super::{cards, no_match, sale_ended};
use crate::{
    store::{
        catalog::{self, Card, Offer, Page},
        search,
    },
    worker::turn::{Answer, Turn},
};

/// What a code or words stand for.
pub(crate) enum Meant {
    /// One variant, as it is sold this moment.
    One(Box<Offer>),
    /// No variant without a doubt: the answer asks which, or says that there is none.
    Unclear(Box<Answer>),
}

/// Finds the variant that a customer means; `command` is what choosing one of several does.
pub(crate) async fn meant(
    turn: &mut Turn<'_>,
    product: &str,
    command: impl Fn(&Sku) -> Command,
) -> Result<Meant> {
    if let Ok(sku) = Sku::parse(product)
        && let Some(offer) = offer(turn, &sku).await?
    {
        return Ok(Meant::One(Box::new(offer)));
    }
    let found = search::find(turn.app, product, 1).await?;
    let Some(card) = found.clear() else {
        let answer = if found.page.cards.is_empty() {
            no_match(turn, product)
        } else {
            which(turn, product, &found.page, command).await?
        };
        return Ok(Meant::Unclear(Box::new(answer)));
    };
    if card.variant_ids.len() > 1 {
        let answer = which_variant(turn, card, command).await?;
        return Ok(Meant::Unclear(Box::new(answer)));
    }
    let sku = card.sku.clone();
    Ok(match offer(turn, &sku).await? {
        Some(offer) => Meant::One(Box::new(offer)),
        None => Meant::Unclear(Box::new(sale_ended(turn))),
    })
}

async fn offer(turn: &Turn<'_>, sku: &Sku) -> Result<Option<Offer>> {
    let mut connection = turn.app.at_hand.lend().await?;
    let offers = catalog::offers(&mut connection, std::slice::from_ref(sku)).await?;
    connection.done();
    Ok(offers.into_iter().next())
}

/// Asks which of several products is meant. Those of several variants show them first.
async fn which(
    turn: &Turn<'_>,
    words: &str,
    page: &Page,
    command: impl Fn(&Sku) -> Command,
) -> Result<Answer> {
    let choices = cards::rows(turn, page, |card: &Card| {
        if card.variant_ids.len() == 1 {
            command(&card.sku)
        } else {
            Command::Detail {
                sku: card.sku.clone(),
            }
        }
    })
    .await?;
    Ok(Answer::view(Reply {
        body: turn.say("browse-which", &[("words", words.into())]),
        choices,
        list_label: Some(turn.say("browse-label-choose", &[])),
        ..Reply::default()
    }))
}

/// Asks which variant of one product is meant.
async fn which_variant(
    turn: &Turn<'_>,
    card: &Card,
    command: impl Fn(&Sku) -> Command,
) -> Result<Answer> {
    let product = catalog::product(turn.app, &card.sku).await?;
    let Some(product) = product.as_ref() else {
        return Ok(sale_ended(turn));
    };
    let language = turn.customer.spoken();
    let choices = product
        .variants
        .iter()
        .map(|variant| {
            let label = match variant.label(language) {
                "" => product.name(language),
                label => label,
            };
            turn.choice(&command(&variant.sku), label)
                .described(variant.price_for(turn.customer.role).to_string())
        })
        .collect();
    Ok(Answer::view(Reply {
        body: turn.say(
            "browse-which-variant",
            &[("name", product.name(language).into())],
        ),
        choices,
        list_label: Some(turn.say("browse-label-choose", &[])),
        ..Reply::default()
    }))
}
