//! A person instead of the bot.
//!
//! While a person answers, the bot is silent in this one chat, until the customer calls it back,
//! staff hand it back, or nothing was said for half an hour.

use anyhow::Result;
use chrono::TimeDelta;
use unicode_segmentation::UnicodeSegmentation;
use warung_domain::{
    conversation::{Chat, Command, StaffCommand},
    identity::ChannelIdentity,
    language::Language,
};
use warung_whatsapp::{
    inbound::{Content, parse_message},
    reply::Reply,
};

use super::{fulfilment, unclear};
use crate::{
    reading::Reading,
    store::{
        carts::{self, CartItem},
        customers::{self, Customer},
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

/// The bot answers a customer again whom a person has answered, and says so. Returns who it is, as
/// staff see them; `None` when the bot had the chat already.
pub async fn hand_back(turn: &mut Turn<'_>, customer: i64) -> Result<Option<String>> {
    let (now, language) = (turn.now, turn.app.config.shop.language);
    let mut known = customers::load(turn.tx().await?, customer, language).await?;
    if let Some(survivor) = known.as_ref().and_then(|known| known.merged_into) {
        known = customers::load(turn.tx().await?, survivor, language).await?;
    }
    let Some(known) = known else {
        return Ok(None);
    };
    if known.id == turn.customer.id {
        // This very turn holds the lease that would be taken away.
        let was_muted = turn.conversation.muted_until.take().is_some();
        return Ok(was_muted.then(|| masked(&known)));
    }
    if !desk::hand_back(turn.tx().await?, known.id, now).await? {
        return Ok(None);
    }
    let app = turn.app;
    if let Some(to) = fulfilment::addressee(app, turn.tx().await?, known.id).await? {
        let texts = &app.texts;
        let option = |command: &Command, key| {
            let title = texts.get(to.language, key, &[]);
            turn.choice(command, title)
        };
        let reply = Reply {
            body: texts.get(to.language, "human-handed-back", &[]),
            choices: vec![
                option(&Command::Menu, "option-menu"),
                option(&Command::Human, "option-human"),
            ],
            ..Reply::default()
        };
        let dedupe_key = format!("handback:{}", turn.message_key);
        turn.notify(to.customer_id, to.recipient, reply, dedupe_key, None);
    }
    Ok(Some(masked(&known)))
}

/// What staff need to know of the customer who asks.
struct Case {
    customer: i64,
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
            customer,
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
    let done = Command::Staff(StaffCommand::HandBack {
        chat: Chat::Customer(case.customer),
    });
    let title = texts.get(language, "option-hand-back", &[]);
    let reply = Reply {
        body,
        choices: vec![turn.choice(&done, title)],
        ..Reply::default()
    };
    let dedupe_key = format!("human:{}:{}", turn.message_key, member.id);
    turn.notify(member.id, recipient, reply, dedupe_key, Some(done));
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
