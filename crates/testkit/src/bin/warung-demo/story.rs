//! The played purchase: a customer buys coffee and pays by QRIS.

use anyhow::{Context, Result, bail, ensure};
use warung_testkit::bot;

use crate::phone::{Bank, Choice, Message, Phone};
use crate::ports::Ports;
use crate::terminal::Terminal;

const WA_ID: &str = "6281210001001";
const NAME: &str = "Budi";
const PURCHASE: &str = "beli KOPI-01 2";
const ADDRESS: &str = "Jl. Melati No. 5, Coblong, Bandung 40132";
/// Turns within which the shop must have shown a QR code.
const TURNS: usize = 6;

/// Plays the purchase and prints both sides.
pub(crate) async fn play(ports: &Ports, terminal: &Terminal) -> Result<()> {
    let http = bot::http_client()?;
    let phone = Phone::of(&http, ports.phone, WA_ID, NAME).await?;
    let bank = Bank::new(&http, ports.pay);
    let before = bank.payments().await?.len();

    let mut talk = Talk {
        phone,
        terminal,
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

    terminal.remark(&format!(
        "{NAME} scans the code and pays order {}",
        payment.order_id
    ));
    bank.pays(payment).await?;
    talk.hears().await.context("no receipt")?;
    terminal.remark(&format!("{} messages from the shop", talk.received));
    Ok(())
}

struct Talk<'a> {
    phone: Phone,
    terminal: &'a Terminal,
    received: usize,
}

impl Talk<'_> {
    async fn says(&self, text: &str) -> Result<()> {
        self.terminal.customer(text);
        self.phone.says(text).await
    }

    async fn taps(&self, choice: &Choice) -> Result<()> {
        self.terminal.customer(&format!("☝ {}", choice.title));
        self.phone.taps(&choice.id).await
    }

    async fn hears(&mut self) -> Result<Message> {
        let message = self.phone.next_reply().await?;
        self.received += 1;
        let mut extras = Vec::new();
        if message.media.is_some() {
            extras.push("▦ picture".to_owned());
        }
        let buttons: Vec<String> = message
            .options
            .iter()
            .filter(|o| !o.is_row)
            .map(|o| format!("[ {} ]", o.title))
            .collect();
        if !buttons.is_empty() {
            extras.push(buttons.join("  "));
        }
        extras.extend(message.options.iter().filter(|o| o.is_row).map(|row| {
            let description = row.description.as_deref().unwrap_or_default();
            format!("☰ {}  {description}", row.title)
                .trim_end()
                .to_owned()
        }));
        extras.extend(message.link.iter().map(|link| format!("🔗 {link}")));
        self.terminal.shop(&message.text, &extras);
        Ok(message)
    }

    /// What Budi does about a message on his way to the QR code: pays by QRIS where he can, looks
    /// for it among the other ways, and gives his address where he is asked for it.
    async fn answers(&self, message: &Message) -> Result<()> {
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
