//! A person instead of the bot.
//!
//! While a person answers, the bot is silent in this one chat, until the customer calls it back or
//! nothing was said for half an hour.

use anyhow::Result;
use chrono::TimeDelta;
use unicode_segmentation::UnicodeSegmentation;
use warung_domain::{conversation::Command, identity::ChannelIdentity, language::Language};
use warung_whatsapp::{
    inbound::{Content, parse_message},
    reply::Reply,
};

use super::unclear;
use crate::{
    reading::Reading,
    store::{
        carts::{self, CartItem},
        customers::Customer,
        desk,
    },
    worker::turn::{Answer, Turn},
};

/// How long the bot is silent after the last message.
const MUTED_FOR: TimeDelta = TimeDelta::minutes(30);
/// Lines of a cart that staff are shown.
const CART_LINES: usize = 10;
/// How much of each of the customer's last messages staff are shown, in characters.
const WORDS_CHARS: usize = 200;

/// Whether a person has this chat and the bot must not answer. A message that unmistakably calls
/// the bot ends that; any other that wants an answer keeps it so for longer.
pub fn is_muted(turn: &mut Turn<'_>, reading: &Reading) -> bool {
    let Some(until) = turn.conversation.muted_until else {
        return false;
    };
    if until <= turn.now || calls_the_bot(turn.tapped, reading) {
        turn.conversation.muted_until = None;
        return false;
    }
    if speaks_past_the_person(reading) {
        return false;
    }
    if reading.wants_an_answer() {
        turn.conversation.muted_until = Some(turn.now + MUTED_FOR);
    }
    true
}

/// A tap on one of our options, or the word for it.
fn calls_the_bot(tapped: bool, reading: &Reading) -> bool {
    match reading {
        Reading::Command(Command::CloseHuman) => true,
        Reading::Command(_) | Reading::StaleTap => tapped,
        _ => false,
    }
}

/// What is for the bot alone and is answered without ending anything.
fn speaks_past_the_person(reading: &Reading) -> bool {
    matches!(
        reading,
        Reading::Command(Command::StopMarketing | Command::StartMarketing | Command::Staff(_))
    )
}

/// Calls a person: the bot falls silent here, and staff are told who asks and for what.
pub async fn ask(turn: &mut Turn<'_>) -> Result<Answer> {
    turn.conversation.muted_until = Some(turn.now + MUTED_FOR);
    let customer = turn.customer.id;
    let staff = {
        let now = turn.now;
        let (listed, language) = (&turn.app.config.staff, turn.app.config.shop.language);
        let mut connection = turn.app.pool.acquire().await?;
        desk::staff(&mut connection, listed, language, now).await?
    };
    if staff.iter().any(|member| member.id != customer) {
        let case = Case::of(turn).await?;
        for member in staff.iter().filter(|member| member.id != customer) {
            tell(turn, member, &case);
        }
    }
    let back = turn.choice(&Command::CloseHuman, turn.say("option-close-human", &[]));
    Ok(Answer::outcome(Reply {
        body: turn.say("human-asked", &[]),
        choices: vec![back],
        ..Reply::default()
    }))
}

/// The bot answers again.
pub fn close(turn: &mut Turn<'_>) -> Answer {
    turn.conversation.muted_until = None;
    Answer::outcome(Reply {
        body: turn.say("human-closed", &[]),
        choices: unclear::home(turn),
        ..Reply::default()
    })
}

/// What staff need to know of the customer who asks.
struct Case {
    who: String,
    cart: Vec<CartItem>,
    words: Vec<String>,
}

impl Case {
    async fn of(turn: &Turn<'_>) -> Result<Self> {
        let mut connection = turn.app.pool.acquire().await?;
        let customer = turn.customer.id;
        let payloads = desk::last_messages(&mut connection, customer, &turn.message_key).await?;
        Ok(Self {
            who: masked(&turn.customer),
            cart: carts::items(&mut connection, customer).await?,
            words: payloads.iter().filter_map(|raw| words(raw)).collect(),
        })
    }

    fn cart_in(&self, language: Language) -> String {
        let lines = self.cart.iter().take(CART_LINES).map(|item| {
            let name = item.offer.name(language);
            format!("• {} × {name}", item.quantity)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn tell(turn: &mut Turn<'_>, member: &Customer, case: &Case) {
    let Some(recipient) = member.recipient() else {
        return;
    };
    let language = member.spoken();
    let texts = &turn.app.texts;
    let cart = if case.cart.is_empty() {
        texts.get(language, "human-notice-no-cart", &[])
    } else {
        case.cart_in(language)
    };
    let words = case.words.join("\n");
    let body = texts.get(
        language,
        "human-notice",
        &[
            ("who", case.who.as_str().into()),
            ("cart", cart.into()),
            ("words", words.into()),
        ],
    );
    let reply = Reply {
        body,
        ..Reply::default()
    };
    let dedupe_key = format!("human:{}:{}", turn.message_key, member.id);
    turn.notify(member.id, recipient, reply, dedupe_key);
}

/// The profile name and the end of the number: enough to find the chat, no more.
fn masked(customer: &Customer) -> String {
    let identity = [&customer.wa_id, &customer.bsuid]
        .into_iter()
        .flatten()
        .find_map(|text| ChannelIdentity::parse(text).ok())
        .map(|identity| identity.masked())
        .unwrap_or_default();
    match &customer.profile_name {
        Some(name) => format!("{name} ({identity})"),
        None => identity,
    }
}

/// What a stored message said, on one line.
fn words(raw: &str) -> Option<String> {
    let said = match parse_message(raw).ok()?.content {
        Content::Text { body } => body,
        Content::Button { text, .. } => text,
        Content::ButtonReply { title, .. } | Content::ListReply { title, .. } => title,
        Content::Media(media) => media.caption.unwrap_or_else(|| "📎".to_owned()),
        _ => return None,
    };
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cut: String = line.graphemes(true).take(WORDS_CHARS).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    Some(format!("› {cut}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_or_the_word_calls_the_bot_back_and_words_alone_do_not() {
        let menu = Reading::Command(Command::Menu);
        assert!(calls_the_bot(true, &menu));
        assert!(!calls_the_bot(false, &menu));
        assert!(calls_the_bot(false, &Reading::Command(Command::CloseHuman)));
        assert!(!calls_the_bot(true, &Reading::Words("halo".to_owned())));
    }

    #[test]
    fn staff_see_one_short_line_of_each_message() {
        let raw = |body: &str| {
            serde_json::json!({"id": "wamid.A", "type": "text", "text": {"body": body}}).to_string()
        };
        assert_eq!(
            words(&raw("pesanan\nsaya  mana?")).unwrap(),
            "› pesanan saya mana?"
        );
        let long = words(&raw(&"panjang ".repeat(100))).unwrap();
        assert!(long.ends_with('…') && long.chars().count() <= WORDS_CHARS + 3);
        assert_eq!(words("{"), None);
    }
}
