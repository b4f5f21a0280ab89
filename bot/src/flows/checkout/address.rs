//! Where parcels go. The address is sealed at rest and opened only to be shown or shipped to.

use anyhow::Result;
use warung_domain::conversation::{Awaiting, Command};
use warung_whatsapp::reply::Reply;

use super::{answer, requote};
use crate::{
    flows::browse,
    store::{
        carts, quotes,
        search::{self, Fit},
    },
    worker::turn::{Answer, Turn},
};

/// What addresses are sealed for.
pub(crate) const SEAL_PURPOSE: &str = "address";
/// Shortest address, in characters: a street and a house.
const MIN_CHARS: usize = 10;
/// Longest address, in characters.
const MAX_CHARS: usize = 500;

/// Shows or changes the address. A new one leads on to the quote that waits for it.
pub async fn address(turn: &mut Turn<'_>, text: Option<&str>) -> Result<Answer> {
    let Some(text) = text else {
        return show(turn).await;
    };
    let text = text.trim();
    if let Err(problem) = check(text) {
        let found = search::find(turn.app, text, 1).await?;
        if matches!(found.fit, Some(Fit::Exact | Fit::Words)) {
            // Not where to send it, but one more thing to look at.
            return browse::words(turn, text).await;
        }
        turn.conversation.awaiting = Some(Awaiting::Address);
        return Ok(asked_again(turn, problem));
    }
    keep(turn, text).await?;
    saved(turn, text).await
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    TooShort,
    TooLong,
    /// No number, no list of places, no word that stands in addresses.
    Incomplete,
}

/// Words that stand in addresses, in Indonesian and English.
const ADDRESS_WORDS: [&str; 29] = [
    "jl",
    "jln",
    "jalan",
    "gg",
    "gang",
    "rt",
    "rw",
    "blok",
    "desa",
    "dusun",
    "kampung",
    "kp",
    "kec",
    "kecamatan",
    "kel",
    "kelurahan",
    "kab",
    "kabupaten",
    "kota",
    "perum",
    "perumahan",
    "perumnas",
    "komplek",
    "ruko",
    "apartemen",
    "kost",
    "street",
    "road",
    "avenue",
];

/// Whether a text can be where a parcel goes.
pub(crate) fn is_address(text: &str) -> bool {
    check(text.trim()).is_ok()
}

/// Stores an address in the turn's transaction.
pub(crate) async fn keep(turn: &mut Turn<'_>, text: &str) -> Result<()> {
    let sealed = turn.app.vault.seal(SEAL_PURPOSE, text.trim().as_bytes());
    let customer = turn.customer.id;
    quotes::set_address(turn.tx().await?, customer, &sealed).await?;
    Ok(())
}

fn check(text: &str) -> Result<(), Problem> {
    let length = text.chars().count();
    if length < MIN_CHARS {
        return Err(Problem::TooShort);
    }
    if length > MAX_CHARS {
        return Err(Problem::TooLong);
    }
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    let is_address = text.contains(|c: char| c.is_ascii_digit())
        || text.matches([',', '\n']).count() > 1
        || words.any(|word| ADDRESS_WORDS.contains(&word));
    if is_address {
        Ok(())
    } else {
        Err(Problem::Incomplete)
    }
}

fn asked_again(turn: &Turn<'_>, problem: Problem) -> Answer {
    let body = match problem {
        Problem::TooShort => turn.say("address-too-short", &[]),
        Problem::TooLong => turn.say(
            "address-too-long",
            &[("limit", MAX_CHARS.to_string().into())],
        ),
        Problem::Incomplete => turn.say("address-incomplete", &[]),
    };
    Answer::view(Reply {
        body,
        choices: vec![turn.choice(&Command::Menu, turn.say("button-menu", &[]))],
        ..Reply::default()
    })
}

/// After a change: the open quote if it waits for it, else a confirmation.
async fn saved(turn: &mut Turn<'_>, text: &str) -> Result<Answer> {
    if let Some(nonce) = turn.conversation.open_quote
        && let Some(quote) = quotes::load(turn.tx().await?, &nonce).await?
        && quote.needs_address()
        && quotes::order_number(turn.tx().await?, &nonce)
            .await?
            .is_none()
    {
        let mut next = if quote.is_expired(turn.now) {
            requote(turn, &nonce).await?
        } else {
            let note = turn.say("address-noted", &[]);
            answer(turn, &quote, Some(note)).await?
        };
        next.outcome = true;
        return Ok(next);
    }
    let customer = turn.customer.id;
    let mut choices = browse::browsing(turn);
    if !carts::items(turn.tx().await?, customer).await?.is_empty() {
        let checkout = turn.choice(&Command::Checkout, turn.say("button-checkout", &[]));
        choices.insert(0, checkout);
    }
    Ok(Answer::outcome(Reply {
        body: turn.say("address-saved", &[("address", text.into())]),
        choices,
        ..Reply::default()
    }))
}

async fn show(turn: &mut Turn<'_>) -> Result<Answer> {
    let customer = turn.customer.id;
    let standing = quotes::standing(turn.tx().await?, customer).await?;
    turn.conversation.awaiting = Some(Awaiting::Address);
    let body = match opened(turn, standing.address.as_deref()) {
        Some(home) => turn.say("address-now", &[("address", home.into())]),
        None => turn.say("address-none", &[]),
    };
    Ok(Answer::view(Reply {
        body,
        choices: vec![turn.choice(&Command::Menu, turn.say("button-menu", &[]))],
        ..Reply::default()
    }))
}

/// An address in the clear. One that cannot be opened is asked for again.
pub(super) fn opened(turn: &Turn<'_>, sealed: Option<&[u8]>) -> Option<String> {
    let opened = turn.app.vault.open(SEAL_PURPOSE, sealed?);
    if opened.is_err() {
        tracing::warn!(
            customer.id = turn.customer.id,
            "an address cannot be opened"
        );
    }
    opened.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter_is_not_taken_for_an_address() {
        for address in [
            "Jl. Melati No. 5, Bandung",
            "gang mawar sebelah masjid",
            "Desa Sukamaju, Kab. Tasikmalaya",
            "-6.914744, 107.609810",
            "Sari\nPerumnas Depok",
        ] {
            assert_eq!(check(address), Ok(()), "{address}");
        }
        assert_eq!(check("Jl. X 1"), Err(Problem::TooShort));
        assert_eq!(
            check("yang enak yang mana ya kak"),
            Err(Problem::Incomplete)
        );
        assert_eq!(check(&"1".repeat(501)), Err(Problem::TooLong));
        assert_eq!(check(&"é5".repeat(250)), Ok(()));
    }
}
