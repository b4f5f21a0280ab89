//! Commands as ids of buttons and list rows: `v1|buy|KOPI-01|2`.

use crate::catalog::{CategorySlug, Sku};
use crate::conversation::{Chat, Command, DecodeError, MAX_STOCK, StaffCommand, StockChange};
use crate::identity::ChannelIdentity;
use crate::language::Language;
use crate::money::{Quantity, Rupiah};
use crate::order_number::OrderNumber;
use crate::payment::PaymentMethod;
use crate::quote::QuoteNonce;
use crate::tracking::{Courier, Resi};

/// The longest escaped free text in an id, in characters.
const MAX_TEXT_CHARS: usize = 140;
const VERSION: &str = "v1";
/// Before a method that pays only what saldo does not.
const SALDO_FIRST: &str = "saldo+";

impl Command {
    /// The command as an id of at most [`MAX_ID_CHARS`] characters.
    ///
    /// Every command comes back from [`Command::decode`] as it was, with three exceptions, none of
    /// which belongs on a button: free text that is too long is cut, an address that is too long
    /// is left out, and the secrets of new units never ride in an id.
    pub fn encode(&self) -> String {
        let mut fields = vec![VERSION.to_owned()];
        fields.extend(self.fields());
        fields.join("|")
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`DecodeError`] tells typed text from taps on messages of another version.
    pub fn decode(id: &str) -> Result<Self, DecodeError> {
        let (version, rest) = id.split_once('|').ok_or(DecodeError::NotAnId)?;
        let is_version = version.strip_prefix('v').is_some_and(|number| {
            (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !is_version {
            return Err(DecodeError::NotAnId);
        }
        if version != VERSION {
            return Err(DecodeError::OtherVersion);
        }
        let fields: Vec<&str> = rest.split('|').collect();
        let (verb, arguments) = fields.split_first().ok_or(DecodeError::Malformed)?;
        match verb.strip_prefix("s.") {
            Some(verb) => staff(verb, arguments).map(Self::Staff),
            None => customer(verb, arguments),
        }
    }

    fn fields(&self) -> Vec<String> {
        match self {
            Self::Menu => fields("menu", []),
            Self::Products { category, page } => {
                fields("products", [optional(category.as_ref()), page.to_string()])
            }
            Self::Search { query, page } => fields("search", [page.to_string(), cut(query)]),
            Self::Detail { sku } => fields("detail", [sku.to_string()]),
            Self::Buy { product, quantity } => product_fields("buy", product, *quantity),
            Self::Cart => fields("cart", []),
            Self::Add { product, quantity } => product_fields("add", product, *quantity),
            Self::Remove { product, quantity } => product_fields("remove", product, *quantity),
            Self::ClearCart => fields("clear", []),
            Self::Address { text } => fields("address", [whole(text.as_deref())]),
            Self::Checkout => fields("checkout", []),
            Self::Quote { quote } => fields("quote", [quote.to_string()]),
            Self::Pay {
                quote,
                method,
                with_saldo,
            } => {
                let first = if *with_saldo { SALDO_FIRST } else { "" };
                fields("pay", [quote.to_string(), format!("{first}{method}")])
            }
            Self::Methods { quote } => fields("methods", [quote.to_string()]),
            Self::Decline { quote } => fields("decline", [quote.to_string()]),
            Self::Yes => fields("yes", []),
            Self::No => fields("no", []),
            Self::Orders { page } => fields("orders", [page.to_string()]),
            Self::Order { number } => fields("order", [number.to_string()]),
            Self::CheckPayment { number } => fields("check", [number.to_string()]),
            Self::Track { number } => fields("track", [optional(number.as_ref())]),
            Self::Received { number } => fields("received", [optional(number.as_ref())]),
            Self::Cancel { number } => fields("cancel", [optional(number.as_ref())]),
            Self::Balance => fields("balance", []),
            Self::TopUp { amount } => fields("topup", [optional(amount.map(Rupiah::get))]),
            Self::TopUpWith {
                amount,
                method,
                nonce,
            } => {
                let amount = amount.get().to_string();
                fields("topupwith", [amount, method.to_string(), nonce.to_string()])
            }
            Self::Statement { page } => fields("statement", [page.to_string()]),
            Self::SetLanguage { language } => {
                fields("language", [optional(language.map(Language::as_str))])
            }
            Self::Human => fields("human", []),
            Self::CloseHuman => fields("closehuman", []),
            Self::StopMarketing => fields("stop", []),
            Self::StartMarketing => fields("start", []),
            Self::Staff(command) => command.fields(),
        }
    }
}

impl StaffCommand {
    fn fields(&self) -> Vec<String> {
        match self {
            Self::Stock { sku, change } => {
                let change = change.map(|change| match change {
                    StockChange::Set(units) => units.to_string(),
                    StockChange::Add(units) => format!("+{units}"),
                    StockChange::Remove(units) => format!("-{units}"),
                });
                fields("s.stock", [optional(sku.as_ref()), optional(change)])
            }
            Self::AddUnits { sku, .. } => fields("s.units", [sku.to_string()]),
            Self::Price {
                sku,
                price,
                reseller,
            } => {
                let reseller = optional(reseller.map(Rupiah::get));
                fields(
                    "s.price",
                    [sku.to_string(), price.get().to_string(), reseller],
                )
            }
            Self::Ship {
                number,
                courier,
                resi,
            } => fields(
                "s.ship",
                [number.to_string(), courier.to_string(), resi.to_string()],
            ),
            Self::Resend { number } => fields("s.resend", [number.to_string()]),
            Self::Complete { number } => fields("s.complete", [number.to_string()]),
            Self::HandBack { chat } => fields("s.handback", chat.fields()),
            Self::Recap => fields("s.recap", []),
            Self::CloseShop => fields("s.close", []),
            Self::OpenShop => fields("s.open", []),
        }
    }
}

impl Chat {
    fn fields(&self) -> [String; 2] {
        let (kind, name) = match self {
            Self::Customer(id) => ("customer", id.to_string()),
            Self::Order(number) => ("order", number.to_string()),
            Self::Identity(identity) => ("identity", identity.as_str().to_owned()),
        };
        [kind.to_owned(), name]
    }

    fn read(kind: &str, name: &str) -> Result<Self, DecodeError> {
        Ok(match kind {
            "customer" => Self::Customer(number(name)?),
            "order" => Self::Order(read(OrderNumber::parse(name))?),
            "identity" => Self::Identity(read(ChannelIdentity::parse(name))?),
            _ => return Err(DecodeError::Malformed),
        })
    }
}

impl From<Command> for String {
    fn from(command: Command) -> Self {
        command.encode()
    }
}

impl TryFrom<String> for Command {
    type Error = DecodeError;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::decode(&id)
    }
}

fn fields<const N: usize>(verb: &str, arguments: [String; N]) -> Vec<String> {
    std::iter::once(verb.to_owned()).chain(arguments).collect()
}

fn product_fields(verb: &str, product: &str, quantity: Option<Quantity>) -> Vec<String> {
    fields(verb, [optional(quantity), cut(product)])
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Free text with what separates fields or cannot be printed escaped as `%XX`.
fn escape(c: char) -> String {
    if c == '|' || c == '%' || c.is_ascii_control() {
        format!("%{:02X}", u32::from(c))
    } else {
        c.to_string()
    }
}

/// Escaped text, cut where it would become too long.
fn cut(text: &str) -> String {
    let mut escaped = String::new();
    let mut chars = 0;
    for piece in text.chars().map(escape) {
        chars += piece.chars().count();
        if chars > MAX_TEXT_CHARS {
            break;
        }
        escaped.push_str(&piece);
    }
    escaped
}

/// Escaped text, or nothing when all of it does not fit.
fn whole(text: Option<&str>) -> String {
    let escaped: String = text.unwrap_or_default().chars().map(escape).collect();
    if escaped.chars().count() > MAX_TEXT_CHARS {
        String::new()
    } else {
        escaped
    }
}

fn unescape(text: &str) -> Result<String, DecodeError> {
    let mut pieces = text.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).ok_or(DecodeError::Malformed)?;
        let byte = u8::from_str_radix(code, 16).map_err(|_| DecodeError::Malformed)?;
        if !byte.is_ascii() {
            return Err(DecodeError::Malformed);
        }
        plain.push(char::from(byte));
        plain.push_str(rest);
    }
    Ok(plain)
}

/// Turns the result of any parse into a malformed command.
fn read<T, E>(result: Result<T, E>) -> Result<T, DecodeError> {
    result.map_err(|_| DecodeError::Malformed)
}

fn maybe<T, E>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, DecodeError> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(parse(text)).map(Some)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, DecodeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::Malformed);
    }
    read(text.parse())
}

fn page(text: &str) -> Result<u32, DecodeError> {
    number(text).and_then(|page| {
        if page == 0 {
            Err(DecodeError::Malformed)
        } else {
            Ok(page)
        }
    })
}

fn rupiah(text: &str) -> Result<Rupiah, DecodeError> {
    Rupiah::new(number(text)?).ok_or(DecodeError::Malformed)
}

fn method(text: &str) -> Result<PaymentMethod, DecodeError> {
    PaymentMethod::parse(text).ok_or(DecodeError::Malformed)
}

fn language(text: &str) -> Result<Language, DecodeError> {
    Language::ALL
        .into_iter()
        .find(|language| language.as_str() == text)
        .ok_or(DecodeError::Malformed)
}

fn free_text(text: &str) -> Result<String, DecodeError> {
    let text = unescape(text)?;
    if text.is_empty() {
        Err(DecodeError::Malformed)
    } else {
        Ok(text)
    }
}

fn customer(verb: &str, arguments: &[&str]) -> Result<Command, DecodeError> {
    match arguments {
        [] => plain(verb),
        [only] => with_one(verb, only),
        [first, second] => with_two(verb, first, second),
        [amount, by, nonce] if verb == "topupwith" => Ok(Command::TopUpWith {
            amount: rupiah(amount)?,
            method: method(by)?,
            nonce: read(QuoteNonce::parse(nonce))?,
        }),
        _ => Err(fault(verb)),
    }
}

/// The verb is known with other arguments, or not at all.
fn fault(verb: &str) -> DecodeError {
    const VERBS: &[&str] = &[
        "menu",
        "products",
        "search",
        "detail",
        "buy",
        "cart",
        "add",
        "remove",
        "clear",
        "address",
        "checkout",
        "quote",
        "pay",
        "methods",
        "decline",
        "yes",
        "no",
        "orders",
        "order",
        "check",
        "track",
        "received",
        "cancel",
        "balance",
        "topup",
        "topupwith",
        "statement",
        "language",
        "human",
        "closehuman",
        "stop",
        "start",
        "stock",
        "units",
        "price",
        "ship",
        "resend",
        "complete",
        "handback",
        "recap",
        "close",
        "open",
    ];
    if VERBS.contains(&verb) {
        DecodeError::Malformed
    } else {
        DecodeError::UnknownCommand
    }
}

fn plain(verb: &str) -> Result<Command, DecodeError> {
    Ok(match verb {
        "menu" => Command::Menu,
        "cart" => Command::Cart,
        "clear" => Command::ClearCart,
        "checkout" => Command::Checkout,
        "yes" => Command::Yes,
        "no" => Command::No,
        "balance" => Command::Balance,
        "human" => Command::Human,
        "closehuman" => Command::CloseHuman,
        "stop" => Command::StopMarketing,
        "start" => Command::StartMarketing,
        _ => return Err(fault(verb)),
    })
}

fn with_one(verb: &str, text: &str) -> Result<Command, DecodeError> {
    let order = |text| read(OrderNumber::parse(text));
    let nonce = |text| read(QuoteNonce::parse(text));
    Ok(match verb {
        "detail" => Command::Detail {
            sku: read(Sku::parse(text))?,
        },
        "address" => Command::Address {
            text: maybe(text, free_text)?,
        },
        "quote" => Command::Quote {
            quote: nonce(text)?,
        },
        "methods" => Command::Methods {
            quote: nonce(text)?,
        },
        "decline" => Command::Decline {
            quote: nonce(text)?,
        },
        "orders" => Command::Orders { page: page(text)? },
        "order" => Command::Order {
            number: order(text)?,
        },
        "check" => Command::CheckPayment {
            number: order(text)?,
        },
        "track" => Command::Track {
            number: maybe(text, OrderNumber::parse)?,
        },
        "received" => Command::Received {
            number: maybe(text, OrderNumber::parse)?,
        },
        "cancel" => Command::Cancel {
            number: maybe(text, OrderNumber::parse)?,
        },
        "topup" => Command::TopUp {
            amount: maybe(text, rupiah)?,
        },
        "statement" => Command::Statement { page: page(text)? },
        "language" => Command::SetLanguage {
            language: maybe(text, language)?,
        },
        _ => return Err(fault(verb)),
    })
}

fn with_two(verb: &str, first: &str, second: &str) -> Result<Command, DecodeError> {
    let quantity = |text| maybe(text, Quantity::parse);
    Ok(match verb {
        "products" => Command::Products {
            category: maybe(first, CategorySlug::parse)?,
            page: page(second)?,
        },
        "search" => Command::Search {
            page: page(first)?,
            query: free_text(second)?,
        },
        "buy" => Command::Buy {
            quantity: quantity(first)?,
            product: free_text(second)?,
        },
        "add" => Command::Add {
            quantity: quantity(first)?,
            product: free_text(second)?,
        },
        "remove" => Command::Remove {
            quantity: quantity(first)?,
            product: free_text(second)?,
        },
        "pay" => {
            let rest = second.strip_prefix(SALDO_FIRST);
            Command::Pay {
                quote: read(QuoteNonce::parse(first))?,
                method: method(rest.unwrap_or(second))?,
                with_saldo: rest.is_some(),
            }
        }
        _ => return Err(fault(verb)),
    })
}

fn staff(verb: &str, arguments: &[&str]) -> Result<StaffCommand, DecodeError> {
    Ok(match (verb, arguments) {
        ("recap", []) => StaffCommand::Recap,
        ("close", []) => StaffCommand::CloseShop,
        ("open", []) => StaffCommand::OpenShop,
        ("resend", [order]) => StaffCommand::Resend {
            number: read(OrderNumber::parse(order))?,
        },
        ("complete", [order]) => StaffCommand::Complete {
            number: read(OrderNumber::parse(order))?,
        },
        ("handback", [kind, name]) => StaffCommand::HandBack {
            chat: Chat::read(kind, name)?,
        },
        ("units", [sku]) => StaffCommand::AddUnits {
            sku: read(Sku::parse(sku))?,
            secrets: Vec::new(),
        },
        ("stock", [sku, change]) => StaffCommand::Stock {
            sku: maybe(sku, Sku::parse)?,
            change: maybe(change, stock_change)?,
        },
        ("price", [sku, price, reseller]) => StaffCommand::Price {
            sku: read(Sku::parse(sku))?,
            price: rupiah(price)?,
            reseller: maybe(reseller, rupiah)?,
        },
        ("ship", [order, courier, resi]) => StaffCommand::Ship {
            number: read(OrderNumber::parse(order))?,
            courier: read(Courier::parse(courier))?,
            resi: read(Resi::parse(resi))?,
        },
        _ => return Err(fault(verb)),
    })
}

/// Reads `50`, `+5` or `-3`.
pub(super) fn stock_change(text: &str) -> Result<StockChange, DecodeError> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', ..] => ('+', &text[1..]),
        [b'-', ..] => ('-', &text[1..]),
        _ => ('=', text),
    };
    let units: u32 = number(digits)?;
    if units > MAX_STOCK {
        return Err(DecodeError::Malformed);
    }
    Ok(match sign {
        '+' => StockChange::Add(units),
        '-' => StockChange::Remove(units),
        _ => StockChange::Set(units),
    })
}
