//! One product: picture, price, stock, description, and its other variants.

use anyhow::Result;
use std::collections::HashMap;
use warung_domain::{catalog::Sku, conversation::Command, money::Quantity};
use warung_whatsapp::reply::{Choice, Header, Reply};

use crate::{
    flows::layout::paragraphs,
    store::catalog::{self, Product, Variant},
    worker::turn::{Answer, Turn},
};

/// Variants that are offered beside the one that is shown.
const OTHER_VARIANTS: usize = 6;

/// Shows the product of a code; none when it is not for sale.
pub(super) async fn detail(turn: &Turn<'_>, sku: &Sku) -> Result<Option<Answer>> {
    let product = catalog::product(turn.app, sku).await?;
    let Some(product) = product.as_ref() else {
        return Ok(None);
    };
    let Some(variant) = product.variants.iter().find(|known| known.sku == *sku) else {
        return Ok(None);
    };
    let ids: Vec<i64> = product.variants.iter().map(|variant| variant.id).collect();
    let mut connection = turn.app.at_hand.lend().await?;
    let stock = catalog::stock(&mut connection, &ids).await?;
    connection.done();
    let header = match &product.image {
        Some(digest) => {
            Header::ImageLink(format!("{}/media/{digest}.png", turn.app.config.public_url))
        }
        None => Header::None,
    };
    let mut answer = Answer::view(Reply {
        header,
        body: body(turn, product, variant, &stock),
        choices: choices(turn, product, variant, &stock),
        ..Reply::default()
    });
    answer.about = Some(Command::Detail { sku: sku.clone() });
    Ok(Some(answer))
}

fn left(stock: &HashMap<i64, u32>, variant: &Variant) -> u32 {
    stock.get(&variant.id).copied().unwrap_or(0)
}

fn body(
    turn: &Turn<'_>,
    product: &Product,
    variant: &Variant,
    stock: &HashMap<i64, u32>,
) -> String {
    let language = turn.customer.spoken();
    let name = catalog::full_name(product.name(language), variant.label(language));
    let price = variant.price_for(turn.customer.role).to_string();
    let in_stock = match left(stock, variant) {
        0 => turn.say("browse-sold-out", &[]),
        left => turn.say("browse-stock", &[("stock", left.to_string().into())]),
    };
    let head = [
        turn.say("browse-detail-name", &[("name", name.into())]),
        turn.say(
            "browse-detail-price",
            &[("price", price.into()), ("stock", in_stock.into())],
        ),
    ];
    paragraphs([
        head.join("\n"),
        product.description(language).to_owned(),
        turn.say(
            "browse-detail-code",
            &[("sku", variant.sku.as_str().into())],
        ),
    ])
}

fn choices(
    turn: &Turn<'_>,
    product: &Product,
    variant: &Variant,
    stock: &HashMap<i64, u32>,
) -> Vec<Choice> {
    let language = turn.customer.spoken();
    let code = || variant.sku.to_string();
    let mut choices = Vec::new();
    if left(stock, variant) > 0 {
        let buy = Command::Buy {
            product: code(),
            quantity: Some(Quantity::ONE),
        };
        let add = Command::Add {
            product: code(),
            quantity: Some(Quantity::ONE),
        };
        choices.push(turn.choice(&buy, turn.say("browse-button-buy", &[])));
        choices.push(turn.choice(&add, turn.say("browse-button-add", &[])));
    }
    let others = product
        .variants
        .iter()
        .filter(|other| other.sku != variant.sku);
    for other in others.take(OTHER_VARIANTS) {
        let detail = Command::Detail {
            sku: other.sku.clone(),
        };
        let label = match other.label(language) {
            "" => product.name(language),
            label => label,
        };
        choices.push(
            turn.choice(&detail, label)
                .described(other.price_for(turn.customer.role).to_string()),
        );
    }
    if choices.is_empty() {
        let category = Command::Products {
            category: Some(product.category.clone()),
            page: 1,
        };
        choices.push(turn.choice(&category, turn.say("browse-button-others", &[])));
    }
    choices.push(turn.choice(&Command::Menu, turn.say("button-menu", &[])));
    choices
}
