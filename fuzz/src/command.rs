//! What a customer or one of the staff typed or tapped, wherever the conversation stands.

use std::collections::HashSet;

use warung_domain::{
    catalog::Sku,
    conversation::{
        Awaiting, Command, MAX_ID_CHARS, MAX_STOCK, ParseContext, Parsed, StaffCommand,
        StockChange, is_courtesy, parse,
    },
    money::{Quantity, Rupiah},
    payment::PaymentMethod,
    quote::QuoteNonce,
};

/// A message means one thing, the same with blanks around it; only staff give staff's commands; no
/// number is beyond its bounds; and what was understood rides in an id and comes back.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let sku = Sku::parse("KOPI-01").expect("a code");
    let quote = QuoteNonce::from_random([7; 16]);
    let menu = [
        Command::Detail { sku: sku.clone() },
        Command::Pay {
            quote,
            method: PaymentMethod::ALL[0],
            with_saldo: false,
        },
    ];
    let awaited = [
        Awaiting::Address,
        Awaiting::TopUpAmount,
        Awaiting::Quantity { sku: sku.clone() },
        Awaiting::AddQuantity { sku },
        Awaiting::SearchWords,
    ];
    let known: HashSet<String> = ["kopi", "susu", "menu"].map(str::to_owned).into();
    for is_staff in [false, true] {
        let plain = ParseContext {
            is_staff,
            product_words: Some(&known),
            ..ParseContext::default()
        };
        means_one_thing(&text, &plain);
        for awaiting in &awaited {
            let awaiting = Some(awaiting);
            means_one_thing(&text, &ParseContext { awaiting, ..plain });
        }
        for quoted in &menu {
            let (quoted, menu) = (Some(quoted), &menu[..]);
            let context = ParseContext {
                quoted,
                menu,
                ..plain
            };
            means_one_thing(&text, &context);
        }
    }
    let _ = is_courtesy(&text);
    if let Ok(command) = Command::decode(&text) {
        comes_back(&command);
    }
    numbers_are_strict(&text);
}

fn means_one_thing(text: &str, context: &ParseContext<'_>) {
    let read = parse(text, context);
    assert_eq!(read, parse(text, context), "it means something else now");
    if !matches!(read, Parsed::StaleTap(_)) && Command::decode(text).is_err() {
        let padded = format!(" \n{text}\t ");
        assert_eq!(read, parse(&padded, context), "blanks changed it");
    }
    match read {
        Parsed::Command(command) => {
            assert!(
                context.is_staff || !matches!(command, Command::Staff(_)),
                "a customer is no staff"
            );
            is_within_bounds(&command);
            comes_back(&command);
        }
        Parsed::Words(words) => {
            assert!(words.chars().count() <= 80, "a long search: {words}");
            if let Parsed::Words(again) = parse(&words, context) {
                // What stood behind another word may be a courtesy or a question once it stands
                // alone: words may be fewer when they are read again, but never others.
                let letters = |words: &str| -> String {
                    words.chars().filter(|c| c.is_alphanumeric()).collect()
                };
                let is_part = letters(&words).contains(&letters(&again));
                assert!(is_part, "the words of {words:?} are {again:?}");
            }
        }
        Parsed::OutOfRange { number, options } => {
            assert!(number == 0 || number as usize > options, "it is in range");
        }
        Parsed::Malformed { .. } | Parsed::StaleTap(_) => {}
    }
}

fn is_within_bounds(command: &Command) {
    match command {
        Command::Buy { quantity, .. }
        | Command::Add { quantity, .. }
        | Command::Remove { quantity, .. } => {
            let units = quantity.map_or(1, Quantity::get);
            assert!((1..=Quantity::MAX.get()).contains(&units));
            for price in [Rupiah::ZERO, Rupiah::MAX] {
                let sum = quantity.and_then(|quantity| price.checked_mul(quantity));
                assert!(sum.is_none_or(|sum| sum <= Rupiah::MAX));
            }
        }
        Command::TopUp { amount: Some(sum) } | Command::TopUpWith { amount: sum, .. } => {
            assert!((0..=Rupiah::MAX.get()).contains(&sum.get()));
        }
        Command::Address { text: Some(text) } => {
            assert!(!text.is_empty(), "an address without a word");
        }
        Command::Staff(StaffCommand::Stock {
            change: Some(change),
            ..
        }) => {
            let (StockChange::Set(units) | StockChange::Add(units) | StockChange::Remove(units)) =
                change;
            assert!(*units <= MAX_STOCK, "more than a shop can hold");
        }
        _ => {}
    }
}

/// An id is short, and what it says is the same when it is read and written again.
fn comes_back(command: &Command) {
    let id = command.encode();
    assert!(id.chars().count() <= MAX_ID_CHARS, "too long an id: {id}");
    let read = Command::decode(&id);
    let again = read.as_ref().map(Command::encode);
    assert_eq!(again.as_ref(), Ok(&id), "an id that changes");
}

/// What reads as a number is the number that stands there.
fn numbers_are_strict(text: &str) {
    if let Ok(quantity) = Quantity::parse(text) {
        let written = quantity.get().to_string();
        assert_eq!(Quantity::parse(&written), Ok(quantity));
        assert!(text.contains(&written), "{text} is not {written}");
    }
    if let Ok(amount) = Rupiah::parse(text) {
        assert!(!amount.is_zero(), "no money");
        assert_eq!(Rupiah::parse(&amount.to_string()), Ok(amount));
        assert_eq!(Rupiah::parse(&amount.get().to_string()), Ok(amount));
    }
}
