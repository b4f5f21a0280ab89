//! Language and marketing.

use anyhow::Result;
use warung_domain::{conversation::Command, language::Language};
use warung_whatsapp::reply::Reply;

use super::unclear;
use crate::{
    store::customers,
    worker::turn::{Answer, Turn},
};

/// Sets the language and answers in it, or asks for one.
pub async fn language(turn: &mut Turn<'_>, language: Option<Language>) -> Result<Answer> {
    let Some(language) = language else {
        let choices = Language::ALL.map(|language| {
            let command = Command::SetLanguage {
                language: Some(language),
            };
            turn.choice(&command, unclear::language_name(language))
        });
        return Ok(Answer::view(Reply {
            body: turn.say("language-ask", &[]),
            choices: choices.into(),
            ..Reply::default()
        }));
    };
    if turn.customer.chosen_language != Some(language) {
        let customer = turn.customer.id;
        customers::set_language(turn.tx().await?, customer, language).await?;
        turn.customer.chosen_language = Some(language);
    }
    turn.customer.spoken = language;
    Ok(Answer::outcome(Reply {
        body: turn.say("language-set", &[]),
        choices: unclear::home(turn),
        ..Reply::default()
    }))
}

/// Records at once whether marketing is wanted, and confirms it. Messages about the customer's own
/// orders go on either way.
pub async fn marketing(turn: &mut Turn<'_>, wanted: bool) -> Result<Answer> {
    if turn.customer.marketing != wanted {
        let customer = turn.customer.id;
        customers::set_marketing(turn.tx().await?, customer, wanted).await?;
        turn.customer.marketing = wanted;
    }
    let (body, other, title) = if wanted {
        (
            turn.say("marketing-on", &[]),
            Command::StopMarketing,
            turn.say("option-stop-marketing", &[]),
        )
    } else {
        (
            turn.say("marketing-off", &[]),
            Command::StartMarketing,
            turn.say("option-start-marketing", &[]),
        )
    };
    let menu = turn.choice(&Command::Menu, turn.say("option-menu", &[]));
    Ok(Answer::outcome(Reply {
        body,
        choices: vec![menu, turn.choice(&other, title)],
        ..Reply::default()
    }))
}
