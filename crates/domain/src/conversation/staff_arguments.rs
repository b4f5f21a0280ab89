//! What follows a staff command's name.

use crate::catalog::Sku;
use crate::conversation::arguments::Call;
use crate::conversation::codec::stock_change;
use crate::conversation::words::{self, Word};
use crate::conversation::{Chat, Command, CommandName, Parsed, Problem, StaffCommand, StockChange};
use crate::identity::ChannelIdentity;
use crate::money::{AmountError, Rupiah};
use crate::order_number::OrderNumber;
use crate::tracking::{Courier, Resi};

/// Reads the arguments; `None` when they do not fit, so that the message is something else.
pub(super) fn read(call: &Call<'_>) -> Option<Parsed> {
    let bare = |command| call.is_alone().then_some(Ok(Command::Staff(command)));
    let read = match call.found.name {
        CommandName::Stock => Some(stock(call)),
        CommandName::AddUnits => Some(add_units(call)),
        CommandName::Price => Some(price(call)),
        CommandName::Ship => Some(ship(call)),
        CommandName::Resend => Some(resend(call)),
        CommandName::Complete => Some(complete(call)),
        CommandName::HandBack => Some(hand_back(call)),
        CommandName::Recap => Some(Ok(Command::Staff(StaffCommand::Recap))),
        CommandName::CloseShop => bare(StaffCommand::CloseShop),
        CommandName::OpenShop => bare(StaffCommand::OpenShop),
        _ => None,
    };
    read.map(|read| read.map_or_else(|problem| call.malformed(problem), Parsed::Command))
}

fn sku(word: Option<&Word>) -> Result<Sku, Problem> {
    let word = word.ok_or(Problem::MissingArgument)?;
    Sku::parse(&word.text).map_err(|_| Problem::BadSku)
}

fn number(word: Option<&Word>) -> Result<OrderNumber, Problem> {
    let word = word.ok_or(Problem::MissingArgument)?;
    OrderNumber::parse(&word.text).map_err(|_| Problem::BadOrderNumber)
}

/// `stok`, `stok SKU`, `stok SKU 50`, `stok SKU +5`, `stok SKU - 3`.
fn stock(call: &Call<'_>) -> Result<Command, Problem> {
    let [first, rest @ ..] = call.args() else {
        return Ok(Command::Staff(StaffCommand::Stock {
            sku: None,
            change: None,
        }));
    };
    let sku = Some(sku(Some(first))?);
    if rest.is_empty() {
        return Ok(Command::Staff(StaffCommand::Stock { sku, change: None }));
    }
    let text: String = rest.iter().map(|word| word.text.as_str()).collect();
    let is_number = matches!(rest, [_]) || matches!(rest, [sign, _] if sign.key.is_empty());
    if !is_number {
        return Err(Problem::BadStock);
    }
    let change = stock_change(&text).map_err(|_| Problem::BadStock)?;
    Ok(Command::Staff(StaffCommand::Stock {
        sku,
        change: Some(change),
    }))
}

/// `addstok SKU` and one secret per line below it. Secrets are taken as written, since any
/// character may belong to one; only blanks around a line are dropped.
fn add_units(call: &Call<'_>) -> Result<Command, Problem> {
    let first = call.args.first();
    let sku = sku(first)?;
    let rest = &call.message[first.map_or(0, |word| word.after)..];
    let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
    let secrets: Vec<String> = below
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    match (line.trim(), secrets.is_empty()) {
        ("", false) => Ok(Command::Staff(StaffCommand::AddUnits { sku, secrets })),
        ("", true) => Err(Problem::MissingArgument),
        (_, false) => Err(Problem::BadSku),
        // Goods without secrets: so many came in.
        (units, true) => match stock_change(units.trim_start_matches('+')) {
            Ok(StockChange::Set(units)) => {
                let change = Some(StockChange::Add(units));
                Ok(Command::Staff(StaffCommand::Stock {
                    sku: Some(sku),
                    change,
                }))
            }
            _ => Err(Problem::BadStock),
        },
    }
}

/// `harga SKU 25000 [22000]`; with the product alone its page is shown.
fn price(call: &Call<'_>) -> Result<Command, Problem> {
    let is_currency = |word: &&Word| matches!(word.key.as_str(), "rp" | "idr");
    let args: Vec<&Word> = call
        .args()
        .iter()
        .filter(|word| !is_currency(word))
        .collect();
    let sku = sku(args.first().copied())?;
    let amount = |word: &Word| Rupiah::parse(&word.text).map_err(Problem::BadAmount);
    let (price, reseller) = match args.as_slice() {
        [_] => return Ok(Command::Detail { sku }),
        [_, price] => (amount(price)?, None),
        [_, price, reseller] => (amount(price)?, Some(amount(reseller)?)),
        _ => return Err(Problem::BadAmount(AmountError::Ambiguous)),
    };
    Ok(Command::Staff(StaffCommand::Price {
        sku,
        price,
        reseller,
    }))
}

/// `kirim WRG-241126-7K3QX JNE 0123456789`; the last word is the tracking number.
fn ship(call: &Call<'_>) -> Result<Command, Problem> {
    let args = call.args();
    let number = number(args.first())?;
    let [_, courier @ .., resi] = args else {
        return Err(Problem::MissingArgument);
    };
    if courier.is_empty() {
        return Err(Problem::MissingArgument);
    }
    let courier = Courier::parse(&words::join(courier)).map_err(|_| Problem::BadCourier)?;
    let resi = Resi::parse(&resi.text).map_err(|_| Problem::BadResi)?;
    Ok(Command::Staff(StaffCommand::Ship {
        number,
        courier,
        resi,
    }))
}

fn resend(call: &Call<'_>) -> Result<Command, Problem> {
    let number = number(call.args().first())?;
    Ok(Command::Staff(StaffCommand::Resend { number }))
}

fn complete(call: &Call<'_>) -> Result<Command, Problem> {
    let quoted = || call.quoted_order().filter(|_| call.is_alone());
    let number = match quoted() {
        Some(number) => number,
        None => number(call.args().first())?,
    };
    Ok(Command::Staff(StaffCommand::Complete { number }))
}

/// `selesai WRG-241126-7K3QX`, `selesai 0812-3456-789`, or `selesai` in reply to the notice about a
/// customer; alone it calls the bot back in one's own chat.
fn hand_back(call: &Call<'_>) -> Result<Command, Problem> {
    if call.is_alone() {
        return Ok(match call.context.quoted {
            Some(Command::Staff(StaffCommand::HandBack { chat })) => {
                Command::Staff(StaffCommand::HandBack { chat: chat.clone() })
            }
            _ => Command::CloseHuman,
        });
    }
    let chat = match call.args() {
        [word] if OrderNumber::parse(&word.text).is_ok() => {
            OrderNumber::parse(&word.text).map(Chat::Order).ok()
        }
        [word] if ChannelIdentity::parse(&word.text).is_ok() => {
            ChannelIdentity::parse(&word.text).map(Chat::Identity).ok()
        }
        words => phone_number(&words::join(words)).map(Chat::Identity),
    };
    let chat = chat.ok_or(Problem::BadChat)?;
    Ok(Command::Staff(StaffCommand::HandBack { chat }))
}

/// A phone number as people write it, `+62 812-3456-789` or `0812 3456 789`. Anything but digits
/// and what stands between them makes it none: a user id must not become a number.
fn phone_number(text: &str) -> Option<ChannelIdentity> {
    let between = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '+' | '(' | ')' | '.');
    if !text.chars().all(between) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = match digits.strip_prefix('0') {
        Some(rest) => format!("62{rest}"),
        None => digits,
    };
    ChannelIdentity::parse(&international).ok()
}
