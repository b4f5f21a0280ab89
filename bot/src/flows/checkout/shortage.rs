//! What is said when less is left than is wanted.

use warung_domain::{conversation::Command, money::Quantity};
use warung_whatsapp::reply::{Choice, Reply};

use crate::{
    flows::{browse, layout},
    store::catalog::Offer,
    worker::turn::{Answer, Turn},
};

/// Products whose shortage can be mended by a tap.
const MENDED: usize = 6;
/// Room for the lines, in UTF-16 units; the rest of the body is a sentence around them.
const LINES_UNITS: usize = 700;

/// Where the wish comes from, and so how it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// One product: buy what is left.
    Product,
    /// The cart: take out what is missing.
    Cart,
}

/// The answer when stock is short of any wish; none when there is enough of all.
pub(crate) fn shortage(
    turn: &Turn<'_>,
    wanted: &[(Offer, Quantity)],
    source: Source,
) -> Option<Answer> {
    let short: Vec<&(Offer, Quantity)> = wanted
        .iter()
        .filter(|(offer, quantity)| offer.available < quantity.get())
        .collect();
    if short.is_empty() {
        return None;
    }
    let language = turn.customer.spoken();
    let lines: Vec<String> = short
        .iter()
        .map(|(offer, wanted)| line(turn, offer.name(language), offer.available, *wanted))
        .collect();
    let rest = |count: usize| turn.say("and-others", &[("count", count.to_string().into())]);
    let lines = layout::fitting(&lines, LINES_UNITS, rest);
    let mut choices: Vec<Choice> = short
        .iter()
        .take(MENDED)
        .filter_map(|(offer, quantity)| mended(turn, offer, *quantity, source))
        .collect();
    choices.extend(browse::browsing(turn));
    Some(Answer::view(Reply {
        body: layout::paragraphs([turn.say("shortage", &[]), lines]),
        choices,
        ..Reply::default()
    }))
}

/// One shortage, told.
pub(crate) fn line(turn: &Turn<'_>, name: &str, left: u32, wanted: Quantity) -> String {
    if left == 0 {
        return turn.say("shortage-none", &[("name", name.into())]);
    }
    turn.say(
        "shortage-some",
        &[
            ("name", name.into()),
            ("left", left.to_string().into()),
            ("wanted", wanted.to_string().into()),
        ],
    )
}

/// The tap that makes a wish fit what is left.
fn mended(turn: &Turn<'_>, offer: &Offer, wanted: Quantity, source: Source) -> Option<Choice> {
    let product = offer.sku.to_string();
    let left = Quantity::new(offer.available.min(Quantity::MAX.get())).ok();
    let name = offer.name(turn.customer.spoken()).to_owned();
    match (source, left) {
        (Source::Product, Some(left)) => {
            let buy = Command::Buy {
                product,
                quantity: Some(left),
            };
            let title = turn.say("shortage-buy", &[("left", left.to_string().into())]);
            Some(turn.choice(&buy, title))
        }
        (Source::Product, None) => None,
        (Source::Cart, left) => {
            let quantity = left.and_then(|left| wanted.checked_sub(left));
            let remove = Command::Remove { product, quantity };
            let title = match left {
                Some(left) => turn.say("shortage-reduce", &[("left", left.to_string().into())]),
                None => turn.say("shortage-remove", &[]),
            };
            Some(turn.choice(&remove, title).described(name))
        }
    }
}
