//! What a message says, read against where the conversation stands.

use anyhow::Result;
use warung_domain::{
    conversation::{Awaiting, Command, CommandName, ParseContext, Parsed, Problem, parse},
    language,
    quote::QuoteNonce,
};
use warung_whatsapp::inbound::{Content, Inbound, OrderItem, System};

use crate::{
    flows::{checkout::address, purchase::Wish},
    outbox,
    store::catalog,
    worker::turn::Turn,
};

/// A message, understood as far as it can be.
#[derive(Debug, Clone)]
pub enum Reading {
    /// A command.
    Command(Command),
    /// A command with something wrong in it.
    Malformed {
        /// Which command.
        command: CommandName,
        /// What is wrong.
        problem: Problem,
    },
    /// A tap on something that is not ours any more.
    StaleTap,
    /// A number that the last message did not offer.
    OutOfRange {
        /// How many it did.
        options: usize,
    },
    /// The address for a quote's parcel, where it was asked for as the last step of buying.
    AddressToPay {
        /// The address.
        address: String,
        /// The quote.
        quote: QuoteNonce,
        /// How it is paid.
        wish: Wish,
    },
    /// Words: perhaps a product.
    Words(String),
    /// A cart of WhatsApp's own catalogue.
    CatalogOrder(Vec<OrderItem>),
    /// A place, as an address in words where it has one.
    Place(String),
    /// News about the customer's identities.
    System(System),
    /// Nothing that wants an answer: a reaction, a message in a group.
    Nothing,
    /// A kind that the bot cannot read.
    Unreadable,
}

impl Reading {
    /// Whether acting on it spends money or stock: it then runs under the purchase lock.
    pub fn spends_money(&self) -> bool {
        matches!(
            self,
            Self::Command(Command::Pay { .. } | Command::Quote { .. } | Command::Yes)
                | Self::AddressToPay { .. }
        )
    }

    /// Whether it takes effect however late it arrives: consent is withdrawn when it is withdrawn.
    pub fn is_opt_out(&self) -> bool {
        matches!(self, Self::Command(Command::StopMarketing))
    }

    /// Whether silence would be rude.
    pub fn wants_an_answer(&self) -> bool {
        !matches!(self, Self::System(_) | Self::Nothing)
    }
}

/// Reads a message. Learns the language of a text on the way.
pub async fn read(turn: &mut Turn<'_>, inbound: &Inbound) -> Result<Reading> {
    if inbound.group_id.is_some() {
        return Ok(Reading::Nothing);
    }
    turn.tapped = matches!(
        inbound.content,
        Content::Button { .. } | Content::ButtonReply { .. } | Content::ListReply { .. }
    );
    Ok(match &inbound.content {
        Content::Text { body } => text(turn, inbound, body).await?,
        Content::Button {
            payload,
            text: title,
        } => tap(turn, payload).unwrap_or(Reading::Words(title.clone())),
        Content::ButtonReply { id, .. } | Content::ListReply { id, .. } => {
            tap(turn, id).unwrap_or(Reading::StaleTap)
        }
        Content::Order { items, .. } => Reading::CatalogOrder(items.clone()),
        Content::Location {
            latitude,
            longitude,
            name,
            address,
        } => {
            let words = [name.as_deref(), address.as_deref()];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            Reading::Place(if words.is_empty() {
                format!("{latitude:.6}, {longitude:.6}")
            } else {
                words.join(", ")
            })
        }
        Content::Media(media) => match &media.caption {
            Some(caption) if !caption.trim().is_empty() => text(turn, inbound, caption).await?,
            _ => Reading::Unreadable,
        },
        Content::Reaction { .. } => Reading::Nothing,
        Content::System(system) => Reading::System(system.clone()),
        _ => Reading::Unreadable,
    })
}

/// The command that one of our own options stands for.
fn tap(turn: &Turn<'_>, id: &str) -> Option<Reading> {
    let id = turn.app.vault.verified(id)?;
    Command::decode(id).ok().map(Reading::Command)
}

/// An address that answers the question of a quote is the yes to it, unless it asks something or is
/// none.
fn address_to_pay(turn: &Turn<'_>, address: String) -> Reading {
    match &turn.conversation.awaiting {
        Some(Awaiting::AddressToPay {
            quote,
            method,
            with_saldo,
        }) if address::is_address(&address) && !address.contains('?') => Reading::AddressToPay {
            address,
            quote: *quote,
            wish: Wish {
                method: *method,
                with_saldo: *with_saldo,
            },
        },
        _ => Reading::Command(Command::Address {
            text: Some(address),
        }),
    }
}

async fn text(turn: &mut Turn<'_>, inbound: &Inbound, body: &str) -> Result<Reading> {
    if body.trim_start().starts_with("v1|") {
        // An id that somebody typed: only taps carry ids, and they are signed.
        return Ok(Reading::StaleTap);
    }
    if let Some(product) = &inbound.referred_product {
        return Ok(Reading::Words(product.product_retailer_id.clone()));
    }
    if turn.customer.chosen_language.is_none()
        && let Some(language) = language::detect(body)
    {
        turn.conversation.detected = Some(language);
        turn.customer.spoken = language;
    }
    let quoted = match &inbound.quoted {
        Some(wamid) => {
            let mut connection = turn.app.at_hand.lend().await?;
            let about =
                outbox::about(&mut connection, &turn.app.vault, turn.customer.id, wamid).await?;
            connection.done();
            about
        }
        None => None,
    };
    // Without the catalogue a word such as "bawang" may be taken for a mistyped command; better so
    // than no answer.
    let vocabulary = catalog::vocabulary(turn.app).await.ok();
    let context = ParseContext {
        is_staff: turn.is_staff(),
        awaiting: turn.conversation.awaiting.as_ref(),
        menu: &turn.conversation.menu,
        quoted: quoted.as_ref(),
        product_words: vocabulary.as_deref(),
    };
    Ok(match parse(body, &context) {
        Parsed::Command(Command::Address {
            text: Some(address),
        }) => address_to_pay(turn, address),
        Parsed::Command(command) => Reading::Command(command),
        Parsed::Malformed { command, problem } => Reading::Malformed { command, problem },
        Parsed::StaleTap(_) => Reading::StaleTap,
        Parsed::OutOfRange { options, .. } => Reading::OutOfRange { options },
        Parsed::Words(words) => Reading::Words(words),
    })
}
