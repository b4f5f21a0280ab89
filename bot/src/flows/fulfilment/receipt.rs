//! What a receipt says, and how it is cut into messages without cutting a secret.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use unicode_segmentation::UnicodeSegmentation;
use warung_domain::{
    catalog::ProductKind, conversation::Command, language::Language, money::Rupiah,
    payment::PaymentMethod,
};
use warung_whatsapp::{limits, message::Recipient, reply::Reply};

use super::{Addressee, choice};
use crate::{
    app::App,
    flows::checkout::address,
    messages::Args,
    outbox::{self, Body, NewParcel, Priority},
    store::{
        orders::{Line, Order},
        stock::Unit,
    },
};

/// Products that a receipt names; the rest is counted.
const MAX_LINES_SHOWN: usize = 12;
/// Graphemes of an address that a receipt shows: enough to know it, too few to find it.
const ADDRESS_HINT: usize = 18;

/// What was sold and paid.
pub(super) struct Sale<'a> {
    /// The order.
    pub(super) order: &'a Order,
    /// Its lines.
    pub(super) lines: &'a [Line],
    /// The stored name of the method that brought the money, beside saldo.
    pub(super) by: &'a str,
    /// When.
    pub(super) paid_at: DateTime<Utc>,
}

/// The digital goods of an order.
pub(super) enum Goods {
    /// These, to be handed over now; none where nothing is digital.
    Here(Vec<Unit>),
    /// They follow, at this time or soon after.
    Later(DateTime<Utc>),
}

/// A receipt, as one message or, where many secrets do not fit into one, several.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The first message.
    pub reply: Reply,
    /// Whether it holds a secret, so that it must be sealed.
    pub secret: bool,
    /// Further messages; all hold secrets.
    pub more: Vec<Reply>,
}

impl Receipt {
    /// The messages after the first, for a turn whose reply is the first.
    pub fn further(
        &self,
        app: &App,
        customer_id: i64,
        recipient: &Recipient,
        order: &Order,
    ) -> Vec<NewParcel> {
        let to = Addressee {
            customer_id,
            recipient: recipient.clone(),
            language: Language::default(),
        };
        let parcels = (2..).zip(&self.more);
        parcels
            .filter_map(|(part, reply)| {
                let key = format!("{}:{part}", super::receipt_key(order.id));
                parcel(app, &to, reply.clone(), true, Some(about(order)), key).ok()
            })
            .collect()
    }

    /// All messages, for the outbox.
    pub(super) fn parcels(
        &self,
        app: &App,
        to: &Addressee,
        order: &Order,
        key: &str,
    ) -> Result<Vec<NewParcel>> {
        let mut parcels = Vec::with_capacity(1 + self.more.len());
        let first = self.reply.clone();
        parcels.push(parcel(
            app,
            to,
            first,
            self.secret,
            Some(about(order)),
            key.to_owned(),
        )?);
        for (part, reply) in (2..).zip(&self.more) {
            let key = format!("{key}:{part}");
            parcels.push(parcel(
                app,
                to,
                reply.clone(),
                true,
                Some(about(order)),
                key,
            )?);
        }
        Ok(parcels)
    }
}

fn about(order: &Order) -> Command {
    Command::Order {
        number: order.number.clone(),
    }
}

fn parcel(
    app: &App,
    to: &Addressee,
    reply: Reply,
    secret: bool,
    about: Option<Command>,
    dedupe_key: String,
) -> Result<NewParcel> {
    let body = Body {
        recipient: to.recipient.clone(),
        reply,
        qr: None,
        about,
    };
    let payload = serde_json::to_value(body).context("a message has no JSON form")?;
    let sealed = secret.then(|| {
        app.vault
            .seal(outbox::SEAL_PURPOSE, payload.to_string().as_bytes())
    });
    Ok(NewParcel {
        customer_id: to.customer_id,
        priority: Priority::Receipt,
        payload: sealed.is_none().then_some(payload),
        sealed,
        dedupe_key: Some(dedupe_key),
        inbox_id: None,
        trace: None,
    })
}

/// Writes the receipt of a sale.
pub(super) fn compose(app: &App, language: Language, sale: &Sale<'_>, goods: &Goods) -> Receipt {
    let say = |key, args: &Args<'_>| app.texts.get(language, key, args);
    let order = sale.order;
    let settings = app.settings.current();
    let zone = app.config.shop.timezone;
    let mut head = vec![
        say("receipt-title", &[]),
        String::new(),
        format!("*{}*", settings.display_name),
        say(
            "receipt-number",
            &[("number", order.number.to_string().into())],
        ),
        zone.format(sale.paid_at, language),
        String::new(),
    ];
    head.extend(line_texts(app, language, order, sale.lines));
    head.push(say(
        "receipt-paid-by",
        &[("by", paid_by(app, language, order, sale.by).into())],
    ));
    if let Some(hint) = address_hint(app, order) {
        head.push(say("receipt-address", &[("address", hint.into())]));
    }
    if !order.digital {
        head.push(String::new());
        head.push(say("receipt-packing", &[]));
    }
    let secrets = match goods {
        Goods::Here(units) => secret_lines(sale.lines, units),
        Goods::Later(until) => {
            let time = zone.format_time(*until, language);
            head.push(String::new());
            head.push(say("receipt-goods-later", &[("time", time.into())]));
            Vec::new()
        }
    };
    cut(&head.join("\n"), &secrets, &choices(app, language, order))
}

/// The message that brings digital goods after their receipt.
pub(super) fn goods_letter(
    app: &App,
    language: Language,
    order: &Order,
    lines: &[Line],
    units: &[Unit],
) -> Receipt {
    let number = [("number", order.number.to_string().into())];
    let head = app.texts.get(language, "order-goods", &number);
    cut(
        &head,
        &secret_lines(lines, units),
        &choices(app, language, order),
    )
}

/// The products of an order with what they cost, shipping and the total.
pub fn line_texts(app: &App, language: Language, order: &Order, lines: &[Line]) -> Vec<String> {
    let say = |key, args: &Args<'_>| app.texts.get(language, key, args);
    let mut texts: Vec<String> = lines
        .iter()
        .take(MAX_LINES_SHOWN)
        .map(|line| {
            let price = line
                .unit_price
                .get()
                .saturating_mul(i64::from(line.quantity));
            let price = Rupiah::new(price).unwrap_or(Rupiah::MAX);
            format!("• {} × {} — {price}", line.quantity, line.name)
        })
        .collect();
    if let Some(rest @ 1..) = lines.len().checked_sub(MAX_LINES_SHOWN) {
        texts.push(say(
            "receipt-more-lines",
            &[("count", rest.to_string().into())],
        ));
    }
    if !order.shipping.is_zero() {
        let fee = order.shipping.to_string();
        texts.push(say("receipt-shipping", &[("fee", fee.into())]));
    } else if !order.digital {
        texts.push(say("receipt-shipping-free", &[]));
    }
    let total = order.total.to_string();
    texts.push(say("receipt-total", &[("total", total.into())]));
    texts
}

/// How an order is or was paid: `QRIS`, `Saldo`, `Saldo Rp20.000 + QRIS Rp69.000`.
pub fn paid_by(app: &App, language: Language, order: &Order, by: &str) -> String {
    let saldo = app.texts.get(language, "receipt-saldo", &[]);
    if order.saldo_part == order.total {
        saldo
    } else if order.saldo_part.is_zero() {
        method_name(by).to_owned()
    } else {
        let (part, rest) = (order.saldo_part, order.due());
        format!("{saldo} {part} + {} {rest}", method_name(by))
    }
}

/// What people call a method, the same in both languages; an unknown name stays as it is.
pub fn method_name(stored: &str) -> &str {
    match PaymentMethod::parse(stored) {
        Some(PaymentMethod::Qris) => "QRIS",
        Some(PaymentMethod::VaBca) => "VA BCA",
        Some(PaymentMethod::VaBni) => "VA BNI",
        Some(PaymentMethod::VaBri) => "VA BRI",
        Some(PaymentMethod::VaPermata) => "VA Permata",
        Some(PaymentMethod::MandiriBill) => "Mandiri Bill",
        Some(PaymentMethod::Indomaret) => "Indomaret",
        Some(PaymentMethod::Snap) => "Midtrans",
        Some(PaymentMethod::Saldo) => "Saldo",
        None => stored,
    }
}

/// The beginning of an order's address.
pub fn address_hint(app: &App, order: &Order) -> Option<String> {
    let sealed = order.address.as_deref()?;
    let address = app.vault.open(address::SEAL_PURPOSE, sealed).ok()?;
    Some(shortened(&address))
}

fn shortened(address: &str) -> String {
    let line = address.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut graphemes = line.graphemes(true);
    let hint: String = graphemes.by_ref().take(ADDRESS_HINT).collect();
    if graphemes.next().is_some() {
        format!("{}…", hint.trim_end())
    } else {
        hint
    }
}

/// Each digital product's name, then its secrets one a line.
fn secret_lines(lines: &[Line], units: &[Unit]) -> Vec<String> {
    let mut texts = Vec::with_capacity(units.len() + lines.len());
    for line in lines
        .iter()
        .filter(|line| line.kind == ProductKind::Digital)
    {
        let mut of_line = units
            .iter()
            .filter(|unit| unit.line_id == line.id)
            .peekable();
        if of_line.peek().is_some() {
            texts.push(format!("🔑 *{}*", line.name));
        }
        texts.extend(of_line.map(|unit| monospaced(&unit.secret)));
    }
    texts
}

/// In WhatsApp's monospace, which a tap copies; a secret with its marks in it stays plain.
fn monospaced(secret: &str) -> String {
    if secret.contains('`') {
        secret.to_owned()
    } else {
        format!("```{secret}```")
    }
}

fn choices(app: &App, language: Language, order: &Order) -> Vec<warung_whatsapp::reply::Choice> {
    let title = |key| app.texts.get(language, key, &[]);
    let mut choices = Vec::new();
    if !order.digital {
        let track = Command::Track {
            number: Some(order.number.clone()),
        };
        choices.push(choice(app, &track, title("orders-track")));
    }
    choices.push(choice(
        app,
        &Command::Orders { page: 1 },
        title("orders-mine"),
    ));
    choices.push(choice(app, &Command::Menu, title("orders-menu")));
    choices
}

/// One message with buttons where everything fits; else texts, which may be longer, with every
/// secret whole.
fn cut(head: &str, secrets: &[String], choices: &[warung_whatsapp::reply::Choice]) -> Receipt {
    let secret = !secrets.is_empty();
    let all = if secret {
        format!("{head}\n\n{}", secrets.join("\n"))
    } else {
        head.to_owned()
    };
    let is_short = units(&all) <= limits::INTERACTIVE_BODY_UNITS;
    if is_short || !secret {
        let choices = if is_short { choices } else { &[] };
        return Receipt {
            reply: Reply {
                body: all,
                choices: choices.to_vec(),
                ..Reply::default()
            },
            secret,
            more: Vec::new(),
        };
    }
    let mut bodies = vec![format!("{head}\n")];
    for line in secrets {
        let fits = bodies
            .last()
            .is_some_and(|body| units(body) + 1 + units(line) <= limits::TEXT_BODY_UNITS);
        match bodies.last_mut() {
            Some(body) if fits => {
                body.push('\n');
                body.push_str(line);
            }
            _ => bodies.push(line.clone()),
        }
    }
    let mut replies = bodies.into_iter().map(|body| Reply {
        body,
        ..Reply::default()
    });
    Receipt {
        reply: replies.next().unwrap_or_default(),
        secret,
        more: replies.collect(),
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use warung_whatsapp::reply::{Choice, render};

    use super::*;

    #[test]
    fn an_address_is_only_hinted_at() {
        assert_eq!(shortened("Jl. Mawar 1"), "Jl. Mawar 1");
        assert_eq!(
            shortened("Jl. Kebon Jeruk\nNo. 12, Jakarta Barat"),
            "Jl. Kebon Jeruk No…"
        );
    }

    #[test]
    fn a_secret_is_easy_to_copy() {
        assert_eq!(monospaced("ABC-1"), "```ABC-1```");
        assert_eq!(monospaced("a`b"), "a`b");
    }

    #[test]
    fn methods_have_names_people_know() {
        assert_eq!(method_name("va_bca"), "VA BCA");
        assert_eq!(method_name("gopay"), "gopay");
    }

    proptest! {
        #[test]
        fn no_secret_is_ever_cut(
            head in "[a-z ]{1,900}",
            secrets in prop::collection::vec("[A-Z0-9-]{1,200}", 0..120),
        ) {
            let secrets: Vec<String> =
                secrets.iter().map(|secret| monospaced(secret)).collect();
            let choices = [Choice::new("v1|menu", "Menu"), Choice::new("v1|cart", "Cart")];
            let receipt = cut(&format!("x{head}x"), &secrets, &choices);
            prop_assert_eq!(receipt.secret, !secrets.is_empty());
            let mut shown = String::new();
            for reply in std::iter::once(&receipt.reply).chain(&receipt.more) {
                let rendered = serde_json::to_string(&render(reply).content).unwrap();
                prop_assert!(!rendered.contains('…'));
                shown.push_str(&reply.body);
                shown.push('\n');
            }
            let mut rest = shown.as_str();
            for secret in &secrets {
                let at = rest.find(secret.as_str());
                prop_assert!(at.is_some());
                rest = &rest[at.unwrap() + secret.len()..];
            }
        }
    }
}
