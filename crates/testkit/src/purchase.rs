//! A whole purchase, played over the control APIs of the sandboxes: a customer orders coffee,
//! gives an address and pays by QRIS.

use anyhow::{Context, Result, bail, ensure};

use crate::phone::{Bank, Choice, Message, Phone};

const PURCHASE: &str = "beli KOPI-01 2";
const ADDRESS: &str = "Jl. Melati No. 5, Coblong, Bandung 40132";
/// Turns within which the shop must have shown a QR code.
const TURNS: usize = 6;

/// What is seen of the conversation.
#[derive(Debug)]
pub enum Line<'a> {
    /// The customer wrote it.
    Wrote(&'a str),
    /// The customer tapped it.
    Tapped(&'a str),
    /// The shop sent it.
    Received(&'a Message),
    /// Beside the conversation: the payment of an order.
    Pays(&'a str),
}

/// Plays it and hands every line to `tell`; returns how many messages the shop sent.
///
/// # Errors
/// When the shop does not answer, or not as it should.
pub async fn play(phone: &Phone, bank: &Bank, tell: &mut dyn FnMut(Line<'_>)) -> Result<usize> {
    let before = bank.payments().await?.len();
    let mut talk = Talk {
        phone,
        tell,
        received: 0,
    };
    talk.says("halo").await?;
    talk.hears().await?;
    talk.says(PURCHASE).await?;
    let mut message = talk.hears().await?;
    for _ in 0..TURNS {
        if message.media.is_some() && bank.payments().await?.len() > before {
            break;
        }
        talk.answers(&message).await?;
        message = talk.hears().await?;
    }
    let payments = bank.payments().await?;
    let payment = payments
        .get(before..)
        .and_then(<[_]>::last)
        .context("no payment was made")?;
    ensure!(message.media.is_some(), "no QR code was sent");
    (talk.tell)(Line::Pays(&payment.order_id));
    bank.pays(payment).await?;
    talk.hears().await.context("no receipt")?;
    Ok(talk.received)
}

struct Talk<'a> {
    phone: &'a Phone,
    tell: &'a mut dyn FnMut(Line<'_>),
    received: usize,
}

impl Talk<'_> {
    async fn says(&mut self, text: &str) -> Result<()> {
        (self.tell)(Line::Wrote(text));
        self.phone.says(text).await
    }

    async fn taps(&mut self, choice: &Choice) -> Result<()> {
        (self.tell)(Line::Tapped(&choice.title));
        self.phone.taps(&choice.id).await
    }

    async fn hears(&mut self) -> Result<Message> {
        let message = self.phone.next_reply().await?;
        self.received += 1;
        (self.tell)(Line::Received(&message));
        Ok(message)
    }

    /// What the customer does about a message on the way to the QR code: pays by QRIS where that
    /// is offered, looks for it among the other ways, and gives the address where asked for it.
    async fn answers(&mut self, message: &Message) -> Result<()> {
        let leads = |verb: &str, to: &str| {
            let command = |option: &&Choice| {
                // A signature follows the command.
                let command = option.id.split('~').next().unwrap_or_default();
                command.starts_with(verb) && command.ends_with(to)
            };
            message.options.iter().find(command)
        };
        if let Some(choice) = leads("v1|pay|", "|qris").or_else(|| leads("v1|methods|", "")) {
            return self.taps(choice).await;
        }
        if message.text.to_lowercase().contains("alamat") {
            return self.says(ADDRESS).await;
        }
        bail!("nothing to answer to: {:?}", message.text)
    }
}
