//! What a customer is told after an outage: their old messages were not acted on.

use chrono::TimeDelta;
use warung_domain::conversation::Command;
use warung_whatsapp::reply::Reply;

use super::unclear;
use crate::worker::turn::{Answer, Turn};

/// Old messages may trickle in for hours, as WhatsApp tries again; one apology is enough for this
/// long.
const ONE_APOLOGY_FOR: TimeDelta = TimeDelta::hours(1);

/// One apology and what to do now. Nothing at all while a person has the conversation, or when the
/// customer was told already.
pub fn summary(turn: &mut Turn<'_>) -> Option<Answer> {
    let told = turn.conversation.told_old_at;
    let is_told = told.is_some_and(|told| turn.now - told < ONE_APOLOGY_FOR);
    let is_muted = turn
        .conversation
        .muted_until
        .is_some_and(|until| until > turn.now);
    if is_told || is_muted {
        return None;
    }
    turn.conversation.told_old_at = Some(turn.now);
    let mut choices = unclear::home(turn);
    let orders = Command::Orders { page: 1 };
    choices.push(turn.choice(&orders, turn.say("option-orders", &[])));
    Some(Answer::outcome(Reply {
        body: turn.say("backlog-summary", &[]),
        choices,
        ..Reply::default()
    }))
}
