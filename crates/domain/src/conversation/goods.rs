//! What follows the commands about goods: looking, buying, the cart.

use crate::catalog::{CategorySlug, Sku};
use crate::conversation::arguments::{Call, page};
use crate::conversation::reading::product_of;
use crate::conversation::words::{self, Word};
use crate::conversation::{Command, CommandName, Parsed, Problem};
use crate::money::{Quantity, QuantityError};
use crate::order_number::OrderNumber;

pub(super) fn menu(call: &Call<'_>) -> Option<Parsed> {
    match call.found.alias {
        "menu" if call.is_exact() && !call.is_alone() => Some(products(call)),
        _ => call.bare(Command::Menu),
    }
}

pub(super) fn products(call: &Call<'_>) -> Parsed {
    if let Some(page) = page(call) {
        return Parsed::Command(Command::Products {
            category: None,
            page,
        });
    }
    let args = call.args();
    let (name, page) = match args {
        [name @ .., last] if !name.is_empty() => match words::menu_number(last) {
            Some(page) if page > 0 => (name, page),
            _ => (args, 1),
        },
        _ => (args, 1),
    };
    let query = words::join(name);
    Parsed::Command(match CategorySlug::parse(&query) {
        Ok(category) => Command::Products {
            category: Some(category),
            page,
        },
        Err(_) => Command::Search {
            query: words::join(args),
            page: 1,
        },
    })
}

pub(super) fn search(call: &Call<'_>) -> Parsed {
    let query = words::join(call.args());
    if query.is_empty() {
        return call.malformed(Problem::MissingArgument);
    }
    Parsed::Command(Command::Search { query, page: 1 })
}

pub(super) fn detail(call: &Call<'_>) -> Parsed {
    let args = call.args();
    let [word] = args else {
        let query = words::join(args);
        let quoted = call
            .quoted_product()
            .and_then(|product| Sku::parse(&product).ok());
        return match (query.is_empty(), quoted) {
            (false, _) => Parsed::Command(Command::Search { query, page: 1 }),
            (true, Some(sku)) => Parsed::Command(Command::Detail { sku }),
            (true, None) => call.malformed(Problem::MissingArgument),
        };
    };
    let option = call.option(word).and_then(product_of).unwrap_or(&word.text);
    Parsed::Command(match Sku::parse(option) {
        Ok(sku) => Command::Detail { sku },
        Err(_) => Command::Search {
            query: option.to_owned(),
            page: 1,
        },
    })
}

pub(super) fn buy(call: &Call<'_>) -> Parsed {
    if let [word] = call.args()
        && let Ok(number) = OrderNumber::parse(&word.text)
    {
        return Parsed::Command(Command::Order { number });
    }
    match product_and_quantity(call) {
        Ok((product, quantity)) => Parsed::Command(Command::Buy { product, quantity }),
        Err(problem) => call.malformed(problem),
    }
}

pub(super) fn change_cart(call: &Call<'_>) -> Parsed {
    let is_all = |word: &Word| matches!(word.key.as_str(), "semua" | "keranjang" | "all" | "cart");
    let args = call.args();
    if call.found.name == CommandName::Remove && !args.is_empty() && args.iter().all(is_all) {
        return Parsed::Command(Command::ClearCart);
    }
    let (product, quantity) = match product_and_quantity(call) {
        Ok(both) => both,
        Err(problem) => return call.malformed(problem),
    };
    Parsed::Command(match call.found.name {
        CommandName::Add => Command::Add { product, quantity },
        CommandName::Reduce => Command::Remove {
            product,
            quantity: quantity.or(Some(Quantity::ONE)),
        },
        _ => Command::Remove { product, quantity },
    })
}

/// Finds the product and how many of it in `kopi`, `kopi 2`, `2 kopi`, `KOPI-01 x2`, `kopi 2 pcs`.
/// A number anywhere else is part of a name. A number that is no quantity is a fault, never one
/// unit.
fn product_and_quantity(call: &Call<'_>) -> Result<(String, Option<Quantity>), Problem> {
    let args = without_units(call.args());
    let parse = |number: &str| {
        Quantity::parse(number)
            .map(Some)
            .map_err(Problem::BadQuantity)
    };
    let quoted = || call.quoted_product().ok_or(Problem::MissingArgument);
    let (first, last) = match args.as_slice() {
        [] => return Ok((quoted()?, None)),
        [only] => return one_word(call, only),
        [first, .., last] => (first, last),
    };
    let inner = &args[1..args.len() - 1];
    if mentions_several(&args) {
        return Err(Problem::TwoQuantities);
    }
    match (words::quantity_text(first), words::quantity_text(last)) {
        (Some(_), Some(number)) => {
            let option = call.option(first).and_then(product_of);
            match option {
                Some(product) if inner.is_empty() => Ok((product.to_owned(), parse(number)?)),
                _ => Err(Problem::TwoQuantities),
            }
        }
        (None, Some(number)) => Ok((words::join(&args[..args.len() - 1]), parse(number)?)),
        (Some(number), None) => Ok((words::join(&args[1..]), parse(number)?)),
        (None, None) => Ok((words::join(&args), None)),
    }
}

/// One word alone: a product, an option's number, or a quantity of the quoted product.
fn one_word(call: &Call<'_>, word: &Word) -> Result<(String, Option<Quantity>), Problem> {
    let Some(number) = words::quantity_text(word) else {
        return Ok((word.text.clone(), None));
    };
    if let Some(product) = call.quoted_product() {
        let quantity = Quantity::parse(number).map_err(Problem::BadQuantity)?;
        return Ok((product, Some(quantity)));
    }
    if let Some(product) = call.option(word).and_then(product_of) {
        return Ok((product.to_owned(), None));
    }
    match Quantity::parse(number) {
        // Digits alone may be a product's code, and some codes are digits and dashes.
        Ok(_) if word.text.len() >= 4 => Ok((word.text.clone(), None)),
        Ok(_) => Err(Problem::MissingArgument),
        Err(QuantityError::TooLarge | QuantityError::NotANumber)
            if Sku::parse(&word.text).is_ok() =>
        {
            Ok((word.text.clone(), None))
        }
        Err(error) => Err(Problem::BadQuantity(error)),
    }
}

/// Drops words that count units behind a number, a lone `x` before one, and list dashes.
fn without_units(args: &[Word]) -> Vec<Word> {
    let is_number = |word: Option<&Word>| word.is_some_and(|w| words::quantity_text(w).is_some());
    let keep = |index: usize, word: &Word| {
        let before = index.checked_sub(1).and_then(|index| args.get(index));
        let after = args.get(index + 1);
        let counts =
            words::is_unit(word) && (is_number(before) || (word.key == "x" && is_number(after)));
        !counts && word.text != "-"
    };
    args.iter()
        .enumerate()
        .filter(|(index, word)| keep(*index, word))
        .map(|(_, w)| w.clone())
        .collect()
}

/// Whether a number stands next to a word that joins two products, as in `kopi 2 dan teh 1`.
fn mentions_several(args: &[Word]) -> bool {
    let joins = |word: &Word| {
        matches!(word.key.as_str(), "dan" | "and" | "sama" | "plus") || word.text == "+"
    };
    let is_number = |word: &Word| words::quantity_text(word).is_some();
    args.windows(2).any(|pair| {
        (is_number(&pair[0]) && joins(&pair[1])) || (joins(&pair[0]) && is_number(&pair[1]))
    })
}

pub(super) fn clear_cart(call: &Call<'_>) -> Option<Parsed> {
    let is_cart = |word: &Word| matches!(word.key.as_str(), "keranjang" | "cart" | "semua" | "all");
    let fits = call.is_alone() || call.args().iter().all(is_cart);
    fits.then_some(Parsed::Command(Command::ClearCart))
}
