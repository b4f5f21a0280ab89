//! A quote as a message: lines, shipping, total, address, until when, and the ways to pay.

use anyhow::Result;
use warung_domain::{
    conversation::{Awaiting, Command},
    money::Rupiah,
    payment::PaymentMethod,
};
use warung_whatsapp::reply::{Choice, Reply};

use super::{
    address,
    ways::{self, Ways},
};
use crate::{
    flows::{
        layout::{self, paragraphs},
        purchase::Wish,
    },
    store::quotes::{self, Quote, QuoteLine, Standing},
    worker::turn::{Answer, Turn},
};

/// Longest address shown in a quote, in characters.
const SHOWN_ADDRESS_CHARS: usize = 160;

/// Shows a quote with its ways to pay; `note` stands on top. From now on it is the open quote,
/// which "ya" confirms. Without an address, where one is needed, the message asks for it as well:
/// the answer to that is the yes, so that no further message is billed for it.
pub async fn answer(turn: &mut Turn<'_>, quote: &Quote, note: Option<String>) -> Result<Answer> {
    turn.conversation.open_quote = Some(quote.nonce);
    let customer = turn.customer.id;
    let standing = quotes::standing(turn.tx().await?, customer).await?;
    let home = address::opened(turn, standing.address.as_deref());
    let offered = &turn.app.config.midtrans.methods;
    let ways = Ways::of(offered, quote.total, standing.saldo);
    let (body, choices) = if quote.needs_address() && home.is_none() {
        ask(turn, quote, &ways)
    } else {
        (until(turn, quote, &ways), pay_choices(turn, quote, &ways))
    };
    let sent_to = if quote.needs_address() {
        home.map(|home| sent_to(turn, &home)).unwrap_or_default()
    } else {
        turn.say("quote-sent-in-chat", &[])
    };
    let mut answer = Answer::view(Reply {
        body: with_lines(turn, quote, note.unwrap_or_default(), sent_to, body),
        choices,
        list_label: Some(turn.say("quote-label-pay", &[])),
        ..Reply::default()
    });
    answer.about = Some(Command::Quote { quote: quote.nonce });
    Ok(answer)
}

/// The question for the address, and what paying in another way than the first is.
fn ask(turn: &mut Turn<'_>, quote: &Quote, ways: &Ways) -> (String, Vec<Choice>) {
    let needed = turn.say("quote-needs-address", &[]);
    // Saldo is gone at once: it is for those who tap it.
    let others = |(method, _): &(PaymentMethod, bool)| *method != PaymentMethod::Saldo;
    let Some((method, with_saldo)) = ways.all().into_iter().find(others) else {
        turn.conversation.awaiting = Some(Awaiting::Address);
        return (needed, pay_choices(turn, quote, ways));
    };
    turn.conversation.awaiting = Some(Awaiting::AddressToPay {
        quote: quote.nonce,
        method,
        with_saldo,
    });
    let name = ways::method_name(turn, method);
    let then = turn.say("quote-address-pays", &[("method", name.into())]);
    (paragraphs([needed, then]), pay_choices(turn, quote, ways))
}

/// The question for the address alone, of a quote whose way to pay was chosen.
pub(super) fn where_to(turn: &mut Turn<'_>, quote: &Quote, wish: Wish) -> Answer {
    turn.conversation.open_quote = Some(quote.nonce);
    turn.conversation.awaiting = Some(Awaiting::AddressToPay {
        quote: quote.nonce,
        method: wish.method,
        with_saldo: wish.with_saldo,
    });
    let name = ways::method_name(turn, wish.method);
    let name = if wish.with_saldo {
        turn.say("ways-saldo-and", &[("method", name.into())])
    } else {
        name
    };
    let args = [
        ("method", name.into()),
        ("total", quote.total.to_string().into()),
    ];
    let body = paragraphs([
        turn.say("quote-way-chosen", &args),
        turn.say("quote-needs-address", &[]),
    ]);
    let mut answer = Answer::view(Reply {
        body,
        choices: vec![decline(turn, quote)],
        ..Reply::default()
    });
    answer.about = Some(Command::Quote { quote: quote.nonce });
    answer
}

/// Shows every way to pay a quote.
pub(super) async fn all_ways(turn: &mut Turn<'_>, quote: &Quote) -> Result<Answer> {
    let customer = turn.customer.id;
    let Standing { address, saldo } = quotes::standing(turn.tx().await?, customer).await?;
    if quote.needs_address() && address.is_none() {
        return answer(turn, quote, None).await;
    }
    turn.conversation.open_quote = Some(quote.nonce);
    let ways = Ways::of(&turn.app.config.midtrans.methods, quote.total, saldo);
    let total = quote.total.to_string();
    let mut choices: Vec<Choice> = ways
        .all()
        .into_iter()
        .map(|way| ways::choice(turn, quote.nonce, way, &ways))
        .collect();
    choices.push(decline(turn, quote));
    let mut answer = Answer::view(Reply {
        body: turn.say("quote-all-ways", &[("total", total.into())]),
        choices,
        list_label: Some(turn.say("quote-label-pay", &[])),
        ..Reply::default()
    });
    answer.about = Some(Command::Quote { quote: quote.nonce });
    Ok(answer)
}

fn pay_choices(turn: &Turn<'_>, quote: &Quote, ways: &Ways) -> Vec<Choice> {
    let (first, more) = ways.first();
    let mut choices: Vec<Choice> = first
        .into_iter()
        .map(|way| ways::choice(turn, quote.nonce, way, ways))
        .collect();
    if more {
        let methods = Command::Methods { quote: quote.nonce };
        choices.push(turn.choice(&methods, turn.say("quote-other-ways", &[])));
    }
    if choices.is_empty() {
        choices.push(turn.choice(&Command::Human, turn.say("button-human", &[])));
    }
    choices.push(decline(turn, quote));
    choices
}

fn decline(turn: &Turn<'_>, quote: &Quote) -> Choice {
    let command = Command::Decline { quote: quote.nonce };
    turn.choice(&command, turn.say("button-decline", &[]))
}

fn until(turn: &Turn<'_>, quote: &Quote, ways: &Ways) -> String {
    if ways.all().is_empty() {
        return turn.say("quote-no-way", &[]);
    }
    let timezone = turn.app.config.shop.timezone;
    let time = timezone.format_time(quote.expires_at, turn.customer.spoken());
    turn.say("quote-until", &[("time", time.into())])
}

fn sent_to(turn: &Turn<'_>, home: &str) -> String {
    let mut shown: String = home.chars().take(SHOWN_ADDRESS_CHARS).collect();
    if shown.len() < home.len() {
        shown.push('…');
    }
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    turn.say("quote-sent-to", &[("address", shown.into())])
}

/// The whole body. The lines get what room the rest leaves them.
fn with_lines(
    turn: &Turn<'_>,
    quote: &Quote,
    note: String,
    sent_to: String,
    below: String,
) -> String {
    let title = turn.say("quote-title", &[]);
    let sums = sums(turn, quote);
    let around = [
        note.as_str(),
        title.as_str(),
        sums.as_str(),
        sent_to.as_str(),
        below.as_str(),
    ];
    // Between the parts stand blank lines.
    let used: usize = around.iter().map(|part| layout::units(part) + 2).sum();
    let room = layout::BODY_UNITS.saturating_sub(used);
    let lines: Vec<String> = quote.lines.iter().map(|line| told(turn, line)).collect();
    let rest = |count: usize| turn.say("and-others", &[("count", count.to_string().into())]);
    let goods = [title, layout::fitting(&lines, room, rest)].join("\n");
    paragraphs([note, goods, sums, sent_to, below])
}

fn told(turn: &Turn<'_>, line: &QuoteLine) -> String {
    let price = line.unit_price.checked_mul(line.quantity);
    turn.say(
        "quote-line",
        &[
            ("count", line.quantity.to_string().into()),
            ("name", line.name.as_str().into()),
            ("price", price.unwrap_or(Rupiah::MAX).to_string().into()),
        ],
    )
}

fn sums(turn: &Turn<'_>, quote: &Quote) -> String {
    let total = turn.say("quote-total", &[("total", quote.total.to_string().into())]);
    if !quote.needs_address() {
        return total;
    }
    let shipping = if quote.shipping.is_zero() {
        turn.say("quote-free-shipping", &[])
    } else {
        let fee = quote.shipping.to_string();
        turn.say("quote-shipping", &[("fee", fee.into())])
    };
    format!("{shipping}\n{total}")
}
