//! What follows the commands about quotes, orders and payments.

use crate::conversation::arguments::{Call, page};
use crate::conversation::goods::search;
use crate::conversation::reading::{offered, order_of, quote_of};
use crate::conversation::words::{self, Word};
use crate::conversation::{Command, CommandName, Parsed, Problem};
use crate::order_number::OrderNumber;
use crate::payment::PaymentMethod;

/// `checkout` and `bayar` only ever make a quote, but *bayar* also names a way to pay or an order.
pub(super) fn checkout(call: &Call<'_>) -> Option<Parsed> {
    if call.is_alone() {
        let command = match call.quoted_order() {
            Some(number) => Command::Order { number },
            None => Command::Checkout,
        };
        return Some(Parsed::Command(command));
    }
    if let Some(method) = named_method(call) {
        let quoted = call.context.quoted.and_then(quote_of);
        let pay = quoted.map(|quote| Command::Pay {
            quote,
            method,
            with_saldo: false,
        });
        let command = pay
            .or_else(|| offered(method, call.context))
            .unwrap_or(Command::Checkout);
        return Some(Parsed::Command(command));
    }
    let [word] = call.args() else { return None };
    let number = OrderNumber::parse(&word.text).ok()?;
    Some(Parsed::Command(Command::Order { number }))
}

pub(super) fn answer(call: &Call<'_>) -> Option<Parsed> {
    let quote = call.context.quoted.and_then(quote_of);
    call.bare(match (call.found.name, quote) {
        (CommandName::Yes, Some(quote)) => Command::Quote { quote },
        (CommandName::Yes, None) => Command::Yes,
        (_, Some(quote)) => Command::Decline { quote },
        (_, None) => Command::No,
    })
}

pub(super) fn orders(call: &Call<'_>) -> Option<Parsed> {
    if let [word] = call.args() {
        let option = call.option(word).and_then(order_of).cloned();
        if let Some(number) = option.or_else(|| OrderNumber::parse(&word.text).ok()) {
            return Some(Parsed::Command(Command::Order { number }));
        }
        if looks_like_an_order(word) {
            return Some(call.malformed(Problem::BadOrderNumber));
        }
    }
    page(call).map(|page| Parsed::Command(Command::Orders { page }))
}

pub(super) fn check_payment(call: &Call<'_>) -> Option<Parsed> {
    let is_word = matches!(call.found.alias, "cek" | "check" | "status");
    match order(call) {
        Ok(Some(number)) => Some(Parsed::Command(Command::CheckPayment { number })),
        Ok(None) if is_word => Some(call.malformed(Problem::MissingArgument)),
        Ok(None) => Some(Parsed::Command(Command::Orders { page: 1 })),
        Err(_) if call.args().iter().any(looks_like_an_order) => {
            Some(call.malformed(Problem::BadOrderNumber))
        }
        Err(_) if is_word => Some(search(call)),
        Err(_) => None,
    }
}

pub(super) fn one_order(call: &Call<'_>) -> Option<Parsed> {
    let is_cancel = call.found.name == CommandName::Cancel;
    let number = match order(call) {
        Ok(number) => number,
        Err(_) if call.args().len() == 1 || call.args().iter().any(looks_like_an_order) => {
            return Some(call.malformed(Problem::BadOrderNumber));
        }
        Err(_) => return None,
    };
    let quote = call.context.quoted.and_then(quote_of);
    Some(Parsed::Command(match (is_cancel, quote) {
        (true, Some(quote)) if number.is_none() => Command::Decline { quote },
        (true, _) => Command::Cancel { number },
        (false, _) => Command::Track { number },
    }))
}

/// *Sudah sampai*, of one order or of the one on its way. With a question mark, or with *mana*, it
/// asks where the parcel is.
pub(super) fn received(call: &Call<'_>) -> Option<Parsed> {
    let asks = call.message.contains('?')
        || call
            .args
            .iter()
            .any(|word| matches!(word.key.as_str(), "mana" | "dimana" | "belum" | "where"));
    let number = match order(call) {
        Ok(number) => number,
        Err(_) if asks => None,
        Err(_) if call.args().iter().any(looks_like_an_order) => {
            return Some(call.malformed(Problem::BadOrderNumber));
        }
        Err(_) => return None,
    };
    Some(Parsed::Command(if asks {
        Command::Track { number }
    } else {
        Command::Received { number }
    }))
}

/// The order that the arguments, or else the quoted message, name; `Ok(None)` when neither does.
fn order(call: &Call<'_>) -> Result<Option<OrderNumber>, Problem> {
    let is_noise = |word: &&Word| {
        matches!(
            word.key.as_str(),
            "pesanan"
                | "order"
                | "pembayaran"
                | "paket"
                | "paketnya"
                | "barang"
                | "barangnya"
                | "pesanannya"
                | "kiriman"
                | "package"
                | "parcel"
                | "beli"
                | "belanja"
                | "checkout"
                | "saya"
                | "my"
                | "the"
        )
    };
    let args: Vec<&Word> = call.args().iter().filter(|word| !is_noise(word)).collect();
    match args.as_slice() {
        [] => Ok(call.quoted_order()),
        [word] => match call.option(word).and_then(order_of) {
            Some(number) => Ok(Some(number.clone())),
            None => OrderNumber::parse(&word.text)
                .map(Some)
                .map_err(|_| Problem::BadOrderNumber),
        },
        _ => Err(Problem::BadOrderNumber),
    }
}

fn looks_like_an_order(word: &Word) -> bool {
    word.text.contains('-') && word.text.contains(|c: char| c.is_ascii_digit())
}

pub(super) fn named_method(call: &Call<'_>) -> Option<PaymentMethod> {
    PaymentMethod::from_words(&words::join(call.args()))
}
