//! Reading a message, step by step, the surest reading first.

use crate::catalog::Sku;
use crate::conversation::arguments::{self, Call};
use crate::conversation::goods;
use crate::conversation::vocabulary::{self, Found};
use crate::conversation::words::{self, Word};
use crate::conversation::{
    Awaiting, Command, CommandName, DecodeError, ParseContext, Parsed, Problem,
};
use crate::money::{Quantity, Rupiah};
use crate::order_number::OrderNumber;
use crate::payment::PaymentMethod;
use crate::quote::QuoteNonce;

/// The longest address taken, in characters.
const MAX_ADDRESS_CHARS: usize = 500;

/// Words before the number of an option: `no 2`, `pilih 2`.
const NUMBER_LABELS: &[&str] = &[
    "angka", "no", "nomer", "nomor", "number", "opsi", "option", "pilih", "pilihan",
];

pub(super) fn read(message: &str, context: &ParseContext<'_>) -> Parsed {
    match Command::decode(message) {
        Ok(Command::Staff(_)) if !context.is_staff => return Parsed::Words(String::new()),
        Ok(command) => return Parsed::Command(command),
        Err(DecodeError::NotAnId) => {}
        Err(error) => return Parsed::StaleTap(error),
    }
    let all = words::split(message);
    let asked = words::without_courtesies(&all);
    quoted(asked, context)
        .or_else(|| command(message, &all, context))
        .or_else(|| command(message, asked, context))
        .or_else(|| named_order(asked))
        .or_else(|| named_method(asked, context))
        .or_else(|| awaited(message, asked, context))
        .or_else(|| option(asked, context))
        .or_else(|| named_goods(message, asked, context))
        .unwrap_or_else(|| Parsed::Words(words::join(words::without_questions(asked))))
}

/// A bare number in reply to a product is how many of it; a way to pay in reply to a quote pays it.
fn quoted(asked: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let quoted = context.quoted?;
    if let Some(product) = product_of(quoted) {
        let number = lone_quantity(asked)?;
        return Some(buy(product.to_owned(), number));
    }
    let quote = quote_of(quoted)?;
    let method = PaymentMethod::from_words(&words::join(words::without_particles(asked)))?;
    Some(Parsed::Command(Command::Pay {
        quote,
        method,
        with_saldo: false,
    }))
}

fn command(message: &str, words: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let keys: Vec<&str> = words.iter().map(|word| word.key.as_str()).collect();
    let first = *keys.first()?;
    let call = |found: Found| Call {
        found,
        args: &words[found.taken..],
        message,
        context,
    };
    if let Some(found) = vocabulary::find_exact(&keys, context.is_staff) {
        // A phrase of two words whose rest does not fit may still be one word and its argument.
        let single = || vocabulary::find_exact(&keys[..1], context.is_staff);
        return arguments::read(&call(found)).or_else(|| arguments::read(&call(single()?)));
    }
    let is_address = matches!(
        context.awaiting,
        Some(Awaiting::Address | Awaiting::AddressToPay { .. })
    );
    let is_product = context
        .product_words
        .is_some_and(|known| known.contains(first));
    if is_address || is_product {
        return None;
    }
    arguments::read(&call(vocabulary::find_mistyped(first, context.is_staff)?))
}

/// An order's number and nothing else.
fn named_order(asked: &[Word]) -> Option<Parsed> {
    let [word] = words::without_particles(asked) else {
        return None;
    };
    let number = OrderNumber::parse(&word.text).ok()?;
    Some(Parsed::Command(Command::Order { number }))
}

/// A way to pay by its name, where the last message offered it.
fn named_method(asked: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let method = PaymentMethod::from_words(&words::join(words::without_particles(asked)))?;
    offered(method, context).map(Parsed::Command)
}

/// The option of the last message that pays in this way: all of it, where that was offered.
pub(super) fn offered(method: PaymentMethod, context: &ParseContext<'_>) -> Option<Command> {
    let pays = |option: &&Command| match option {
        Command::Pay { method: by, .. } | Command::TopUpWith { method: by, .. } => *by == method,
        _ => false,
    };
    let takes_saldo =
        |option: &Command| matches!(option, Command::Pay { with_saldo, .. } if *with_saldo);
    let offered = context.menu.iter().filter(pays);
    offered.min_by_key(|option| takes_saldo(option)).cloned()
}

/// Goods without a command: read as if *beli* stood before them.
fn named_goods(message: &str, asked: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let found = Found {
        name: CommandName::Buy,
        alias: "beli",
        taken: 0,
        typo: None,
    };
    goods::named(&Call {
        found,
        args: asked,
        message,
        context,
    })
}

/// Whether a message says nothing but hello, please or thank you.
pub(super) fn is_courtesy(message: &str) -> bool {
    words::are_courteous(&words::split(message))
}

/// The answer to what the shop asked last.
fn awaited(message: &str, asked: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let is_option = lone_number(asked)
        .is_some_and(|number| number >= 1 && number as usize <= context.menu.len());
    match context.awaiting? {
        Awaiting::Quantity { sku } => Some(buy(sku.to_string(), lone_quantity(asked)?)),
        Awaiting::AddQuantity { sku } => Some(add(sku, lone_quantity(asked)?)),
        _ if is_option => None,
        Awaiting::TopUpAmount => {
            let text = words::join(words::without_particles(asked));
            let is_number = text.chars().any(char::is_numeric);
            is_number.then(|| top_up(&text))
        }
        Awaiting::Address | Awaiting::AddressToPay { .. } => {
            let text = address(message);
            // A question about sending is no place to send to.
            let says_something = text.chars().any(char::is_alphabetic) && !text.ends_with('?');
            says_something.then_some(Parsed::Command(Command::Address { text: Some(text) }))
        }
        Awaiting::SearchWords => {
            let query = words::join(asked);
            let search = || Parsed::Command(Command::Search { query, page: 1 });
            (!asked.is_empty()).then(search)
        }
    }
}

/// A number of the last numbered message.
fn option(asked: &[Word], context: &ParseContext<'_>) -> Option<Parsed> {
    let number = lone_number(asked)?;
    let index = usize::try_from(number).ok()?.checked_sub(1);
    let command = index.and_then(|index| context.menu.get(index)).cloned();
    Some(command.map_or(
        Parsed::OutOfRange {
            number,
            options: context.menu.len(),
        },
        Parsed::Command,
    ))
}

fn lone_number(asked: &[Word]) -> Option<u32> {
    match words::without_particles(asked) {
        [word] => words::menu_number(word),
        [label, word] if NUMBER_LABELS.contains(&label.key.as_str()) => words::menu_number(word),
        _ => None,
    }
}

fn lone_quantity(asked: &[Word]) -> Option<&str> {
    match words::without_particles(asked) {
        [word] => words::quantity_text(word),
        [word, unit] if words::is_unit(unit) => words::quantity_text(word),
        _ => None,
    }
}

fn buy(product: String, number: &str) -> Parsed {
    match Quantity::parse(number) {
        Ok(quantity) => Parsed::Command(Command::Buy {
            product,
            quantity: Some(quantity),
        }),
        Err(error) => Parsed::Malformed {
            command: CommandName::Buy,
            problem: Problem::BadQuantity(error),
        },
    }
}

fn add(sku: &Sku, number: &str) -> Parsed {
    match Quantity::parse(number) {
        Ok(quantity) => Parsed::Command(Command::Add {
            product: sku.to_string(),
            quantity: Some(quantity),
        }),
        Err(error) => Parsed::Malformed {
            command: CommandName::Add,
            problem: Problem::BadQuantity(error),
        },
    }
}

pub(super) fn top_up(text: &str) -> Parsed {
    match Rupiah::parse(text) {
        Ok(amount) => Parsed::Command(Command::TopUp {
            amount: Some(amount),
        }),
        Err(error) => Parsed::Malformed {
            command: CommandName::TopUp,
            problem: Problem::BadAmount(error),
        },
    }
}

/// An address as written, lines kept, without control characters.
pub(super) fn address(text: &str) -> String {
    let printable = text
        .trim()
        .chars()
        .filter(|c| *c == '\n' || !c.is_control());
    printable
        .take(MAX_ADDRESS_CHARS)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The product that an option or a quoted message is about.
pub(super) fn product_of(command: &Command) -> Option<&str> {
    match command {
        Command::Detail { sku } => Some(sku.as_str()),
        Command::Buy { product, .. }
        | Command::Add { product, .. }
        | Command::Remove { product, .. } => Some(product),
        _ => None,
    }
}

/// The order that an option or a quoted message is about.
pub(super) fn order_of(command: &Command) -> Option<&OrderNumber> {
    match command {
        Command::Order { number } | Command::CheckPayment { number } => Some(number),
        Command::Track { number } | Command::Received { number } | Command::Cancel { number } => {
            number.as_ref()
        }
        _ => None,
    }
}

/// The quote that a quoted message is about.
pub(super) fn quote_of(command: &Command) -> Option<QuoteNonce> {
    match command {
        Command::Quote { quote }
        | Command::Pay { quote, .. }
        | Command::Methods { quote }
        | Command::Decline { quote } => Some(*quote),
        _ => None,
    }
}
