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
    let args = words::without_questions(call.args());
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
    Parsed::Command(match (word.key.as_str(), Sku::parse(option)) {
        ("produk" | "product" | "products" | "barang" | "semua" | "all", _) => Command::Products {
            category: None,
            page: 1,
        },
        (_, Ok(sku)) => Command::Detail { sku },
        (_, Err(_)) => Command::Search {
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
    match product_and_quantity(call, call.args()) {
        Ok((product, quantity)) => Parsed::Command(Command::Buy { product, quantity }),
        Err(problem) => call.malformed(problem),
    }
}

pub(super) fn change_cart(call: &Call<'_>) -> Parsed {
    let is_all = |word: &Word| matches!(word.key.as_str(), "semua" | "keranjang" | "all" | "cart");
    let args = without_cart(call.args());
    if call.found.name == CommandName::Remove && !args.is_empty() && args.iter().all(is_all) {
        return Parsed::Command(Command::ClearCart);
    }
    let (product, quantity) = match product_and_quantity(call, args) {
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

/// Without *dari keranjang* or *to my cart* behind.
fn without_cart(args: &[Word]) -> &[Word] {
    let is_cart = |word: &Word| matches!(word.key.as_str(), "keranjang" | "cart");
    let leads = |word: &Word| {
        matches!(
            word.key.as_str(),
            "dari" | "ke" | "di" | "from" | "to" | "in" | "my" | "the"
        )
    };
    let [goods @ .., last] = args else {
        return args;
    };
    let end = goods
        .iter()
        .rposition(|word| !leads(word))
        .map_or(0, |end| end + 1);
    if is_cart(last) && end < goods.len() && end > 0 {
        &goods[..end]
    } else {
        args
    }
}

/// Finds the product and how many of it in `kopi`, `kopi 2`, `2 kopi`, `KOPI-01 x2`, `kopi 2 pcs`.
/// A number with a measure behind it is part of a name, and any other number in between makes two
/// products. A number that is no quantity is a fault, never one unit.
fn product_and_quantity(
    call: &Call<'_>,
    args: &[Word],
) -> Result<(String, Option<Quantity>), Problem> {
    let args = without_units(args);
    let parse = |number: &str| {
        Quantity::parse(number)
            .map(Some)
            .map_err(Problem::BadQuantity)
    };
    let (first, last) = match args.as_slice() {
        [] => return Ok((call.quoted_product().ok_or(Problem::MissingArgument)?, None)),
        [only] => return one_word(call, only),
        [first, .., last] => (first, last),
    };
    let leading = if words::is_measure(&args[1]) {
        None
    } else {
        number(call, first)
    };
    let trailing = number(call, last);
    let has_number = leading.is_some() || trailing.is_some();
    if mentions_several(&args) || (has_number && counts_inside(&args)) {
        return Err(Problem::TwoQuantities);
    }
    if let Some(error) = fault_inside(call, &args) {
        return Err(Problem::BadQuantity(error));
    }
    match (leading, trailing) {
        (Some(_), Some(number)) => {
            let option = call.option(first).and_then(product_of);
            match option {
                Some(product) if args.len() == 2 => Ok((product.to_owned(), parse(number)?)),
                _ => Err(Problem::TwoQuantities),
            }
        }
        (None, Some(number)) => Ok((words::join(&args[..args.len() - 1]), parse(number)?)),
        (Some(number), None) => Ok((words::join(&args[1..]), parse(number)?)),
        (None, None) => Ok((words::join(&args), None)),
    }
}

/// The number in a word, unless it is none of a quantity's size and stands in a product's name, as
/// in *pulsa 10000*.
fn number<'w>(call: &Call<'_>, word: &'w Word) -> Option<&'w str> {
    let is_named = || {
        call.context
            .product_words
            .is_some_and(|known| known.contains(&word.key))
    };
    words::quantity_text(word).filter(|number| Quantity::parse(number).is_ok() || !is_named())
}

/// A number between the first and the last word that is no quantity and no part of a name.
fn fault_inside(call: &Call<'_>, args: &[Word]) -> Option<QuantityError> {
    args.windows(2)
        .skip(1)
        .filter(|pair| !words::is_measure(&pair[1]))
        .find_map(|pair| {
            let error = Quantity::parse(number(call, &pair[0])?).err()?;
            // Large numbers are models and values: *token 50000 PLN*.
            (error != QuantityError::TooLarge).then_some(error)
        })
}

/// Whether a word between the first and the last is a quantity of its own.
fn counts_inside(args: &[Word]) -> bool {
    args.windows(2).skip(1).any(|pair| {
        let quantity = words::quantity_text(&pair[0]).map(Quantity::parse);
        matches!(quantity, Some(Ok(_))) && !words::is_measure(&pair[1])
    })
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
    let mut kept = Vec::with_capacity(args.len());
    for (index, word) in args.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| args.get(index));
        let (after, is_last) = (args.get(index + 1), index + 1 == args.len());
        let is_counted =
            is_number(before) && (words::is_unit(word) || (is_last && words::is_container(word)));
        let is_times = word.key == "x" && is_number(after);
        if !is_counted && !is_times && word.text != "-" {
            kept.push(word.clone());
        }
    }
    kept
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

/// Goods named without a command: a product's code, or known goods with a number.
pub(super) fn named(call: &Call<'_>) -> Option<Parsed> {
    let is_code = |word: &Word| {
        word.text.contains('-')
            && word.text.contains(|c: char| c.is_ascii_digit())
            && word.text.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    let is_known = |word: &Word| {
        call.context
            .product_words
            .is_some_and(|known| known.contains(&word.key))
    };
    let args = call.args();
    if let [word] = args {
        let sku = is_code(word)
            .then(|| Sku::parse(&word.text).ok())
            .flatten()?;
        return Some(Parsed::Command(Command::Detail { sku }));
    }
    let args = without_units(args);
    let is_number = |word: &Word| words::quantity_text(word).is_some();
    let (numbers, goods): (Vec<&Word>, Vec<&Word>) = args.iter().partition(|word| is_number(word));
    let are_goods = !goods.is_empty() && goods.iter().all(|word| is_code(word) || is_known(word));
    (are_goods && !numbers.is_empty()).then(|| buy(call))
}
