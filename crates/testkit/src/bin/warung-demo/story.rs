//! The played purchase, printed as a conversation.

use anyhow::Result;
use warung_testkit::bot;
use warung_testkit::phone::{Bank, Message, Phone};
use warung_testkit::purchase::{self, Line};

use crate::ports::Ports;
use crate::terminal::Terminal;

const WA_ID: &str = "6281210001001";
const NAME: &str = "Budi";

/// Plays the purchase and prints both sides.
pub(crate) async fn play(ports: &Ports, terminal: &Terminal) -> Result<()> {
    let http = bot::http_client()?;
    let local = |port: u16| format!("http://127.0.0.1:{port}");
    let phone = Phone::of(&http, &local(ports.phone), WA_ID, NAME).await?;
    let bank = Bank::new(&http, &local(ports.pay));
    let mut print = |line: Line<'_>| match line {
        Line::Wrote(text) => terminal.customer(text),
        Line::Tapped(title) => terminal.customer(&format!("☝ {title}")),
        Line::Received(message) => terminal.shop(&message.text, &extras(message)),
        Line::Pays(order) => {
            terminal.remark(&format!("{NAME} scans the code and pays order {order}"));
        }
    };
    let received = purchase::play(&phone, &bank, &mut print).await?;
    terminal.remark(&format!("{received} messages from the shop"));
    Ok(())
}

/// What a phone shows under the text: picture, buttons, rows, link.
fn extras(message: &Message) -> Vec<String> {
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
    extras
}
