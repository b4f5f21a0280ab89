//! Stories of what people write and how it is understood.

use super::*;
use crate::money::QuantityError;

mod buying;
mod commands;
mod context;
mod ids;

const NONCE: QuoteNonce = QuoteNonce::from_random([7; 16]);

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn quantity(units: u32) -> Option<Quantity> {
    Quantity::new(units).ok()
}

fn order() -> OrderNumber {
    OrderNumber::parse("WRG-241126-7K3QX").unwrap()
}

fn says(text: &str) -> Parsed {
    parse(text, &ParseContext::default())
}

fn staff_says(text: &str) -> Parsed {
    parse(
        text,
        &ParseContext {
            is_staff: true,
            ..ParseContext::default()
        },
    )
}

fn buy(product: &str, units: Option<u32>) -> Parsed {
    let quantity = units.and_then(quantity);
    Parsed::Command(Command::Buy {
        product: product.to_owned(),
        quantity,
    })
}

fn words(text: &str) -> Parsed {
    Parsed::Words(text.to_owned())
}

fn bad_quantity(error: QuantityError) -> Parsed {
    Parsed::Malformed {
        command: CommandName::Buy,
        problem: Problem::BadQuantity(error),
    }
}
