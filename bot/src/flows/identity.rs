//! What WhatsApp tells us about who a customer is.
//!
//! Such news come from the names a customer had before, and in any order with their messages: when
//! they are read, the customer may already have written under the new names and been taken for
//! somebody new. Then the two become one.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use warung_domain::identity::{ChannelIdentity, IdentityKind};
use warung_whatsapp::inbound::System;

use crate::{
    store::{
        customers::{self, Customer},
        identities, merges,
    },
    worker::turn::Turn,
};

/// Somebody who took a number into use no longer than this before the news is the person the news
/// are about; operators give a number to somebody else only after months.
const NEWS_DELAY: TimeDelta = TimeDelta::days(1);

/// The names before and after, each of its own kind. A text that is no identity of the right kind
/// is passed over, never cleaned.
#[derive(Debug, PartialEq, Eq)]
pub struct News {
    /// Whether the number changed, not the user id alone.
    pub is_move: bool,
    /// The number before, if it was given up.
    pub old_number: Option<ChannelIdentity>,
    /// The number now.
    pub new_number: Option<ChannelIdentity>,
    /// The user id before, where Meta tells it.
    pub old_user_id: Option<ChannelIdentity>,
    /// The user id now.
    pub new_user_id: Option<ChannelIdentity>,
}

impl News {
    /// What a system message says about identities, if it does.
    pub fn of(system: &System) -> Option<Self> {
        let news = match system {
            System::UserChangedNumber {
                previous_wa_id,
                wa_id,
                previous_user_id,
                user_id,
            } => Self {
                is_move: true,
                old_number: named(previous_wa_id.as_deref(), IdentityKind::WaId),
                new_number: named(wa_id.as_deref(), IdentityKind::WaId),
                old_user_id: named(previous_user_id.as_deref(), IdentityKind::Bsuid),
                new_user_id: named(user_id.as_deref(), IdentityKind::Bsuid),
            },
            System::UserChangedUserId {
                previous_user_id,
                user_id,
                wa_id,
            } => Self {
                is_move: false,
                old_number: None,
                new_number: named(wa_id.as_deref(), IdentityKind::WaId),
                old_user_id: named(previous_user_id.as_deref(), IdentityKind::Bsuid),
                new_user_id: named(user_id.as_deref(), IdentityKind::Bsuid),
            },
            System::Other { .. } => return None,
        };
        Some(news)
    }

    /// Every name, those from before first: who they belong to is whom the news are about.
    pub fn names(&self) -> Vec<ChannelIdentity> {
        [
            &self.old_user_id,
            &self.old_number,
            &self.new_user_id,
            &self.new_number,
        ]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
    }
}

fn named(text: Option<&str>, kind: IdentityKind) -> Option<ChannelIdentity> {
    let identity = ChannelIdentity::parse(text?).ok()?;
    (identity.kind() == kind).then_some(identity)
}

/// Acts on a system message. There is nothing to answer.
pub async fn changed(turn: &mut Turn<'_>, system: &System) -> Result<()> {
    let Some(news) = News::of(system) else {
        return Ok(());
    };
    let (now, turns) = (turn.now, turn.customer.id);
    let (key, language) = (turn.message_key.clone(), turn.app.config.shop.language);
    let vault = turn.app.vault.clone();
    let connection = turn.tx().await?;
    identities::lock(connection, news.names().iter()).await?;
    let mut change = Change {
        subject: turns,
        turns,
        told_at: identities::message_time(connection, turns, &key)
            .await?
            .unwrap_or(now),
        now,
    };
    for name in [&news.old_number, &news.old_user_id] {
        if let Some(owner) = identities::owner(connection, name.as_ref()).await? {
            change.subject = owner;
        }
    }
    change.user_id(connection, &news).await?;
    change.number(connection, &news).await?;
    let subject = customers::load(connection, change.subject, language).await?;
    if let Some(recipient) = subject.as_ref().and_then(Customer::recipient) {
        merges::readdress(connection, &vault, change.subject, &recipient).await?;
    }
    if let Some(customer) = subject.filter(|subject| subject.id == turns) {
        // What follows in this turn is answered under the new names.
        if let Some(recipient) = customer.recipient() {
            turn.recipient = recipient;
        }
        turn.customer = Customer {
            spoken: turn.customer.spoken,
            ..customer
        };
    }
    Ok(())
}

/// A change of the identities of one customer.
struct Change {
    /// Whose identities change.
    subject: i64,
    /// In whose turn.
    turns: i64,
    /// When Meta told it.
    told_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Change {
    /// User ids are made anew with every change; nobody else ever gets an old one.
    async fn user_id(&mut self, connection: &mut PgConnection, news: &News) -> Result<()> {
        if news.new_user_id.is_some() && news.new_user_id == news.old_user_id {
            return Ok(());
        }
        let owner = identities::owner(connection, news.new_user_id.as_ref()).await?;
        // News of a number may name the customer by the user id from before only.
        let is_new = news.old_user_id.is_some() || owner != Some(self.subject);
        if let Some(other) = owner {
            self.merge(connection, other).await?;
        }
        let kept = news.new_user_id.as_ref().filter(|_| is_new);
        identities::take_alias(connection, kept, self.subject, self.now).await?;
        let is_reachable = kept.is_some() || news.new_number.is_some();
        if is_reachable && (news.is_move || news.old_user_id.is_some()) {
            identities::retire_user_ids(connection, self.subject, kept).await?;
        }
        if news.is_move && kept.is_some() && news.new_number.is_none() {
            identities::keep_one_number(connection, self.subject, None).await?;
        }
        Ok(())
    }

    async fn number(&mut self, connection: &mut PgConnection, news: &News) -> Result<()> {
        let Some(number) = &news.new_number else {
            return Ok(());
        };
        let holder = identities::holder(connection, number).await?;
        if let Some(holder) = holder.filter(|holder| holder.customer_id != self.subject) {
            // Whoever took the number into use just now is the same person, unless Meta has named
            // another user id than theirs.
            let is_same = holder.since >= self.told_at - NEWS_DELAY
                && (news.old_user_id.is_none() || !holder.has_user_id);
            if !news.is_move && holder.has_user_id {
                return Ok(());
            }
            if news.is_move && is_same {
                self.merge(connection, holder.customer_id).await?;
            }
        }
        identities::take_alias(connection, Some(number), self.subject, self.now).await?;
        if news.is_move {
            // The old number may be given to a stranger.
            identities::keep_one_number(connection, self.subject, Some(number)).await?;
        }
        Ok(())
    }

    /// The customer whose turn this is always remains: their conversation is being worked on.
    async fn merge(&mut self, connection: &mut PgConnection, other: i64) -> Result<()> {
        let (gone, remaining) = if other == self.turns {
            (self.subject, other)
        } else {
            (other, self.subject)
        };
        merges::merge(connection, gone, remaining, self.now).await?;
        self.subject = remaining;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_name_whom_they_are_about_by_the_old_names_first() {
        let news = News::of(&System::UserChangedNumber {
            previous_wa_id: Some("6281200000001".to_owned()),
            wa_id: Some("6281200000002".to_owned()),
            previous_user_id: Some("ID.old".to_owned()),
            user_id: Some("ID.new".to_owned()),
        });
        let names = news.unwrap().names();
        let names: Vec<&str> = names.iter().map(ChannelIdentity::as_str).collect();
        assert_eq!(
            names,
            ["ID.old", "6281200000001", "ID.new", "6281200000002"]
        );
    }

    #[test]
    fn a_user_id_in_the_place_of_a_number_is_passed_over() {
        let news = News::of(&System::UserChangedUserId {
            previous_user_id: Some("6281200000001".to_owned()),
            user_id: Some("ID.2026081234567".to_owned()),
            wa_id: Some("ID.2026081234567".to_owned()),
        })
        .unwrap();
        assert_eq!((news.old_user_id, news.new_number), (None, None));
        assert_eq!(news.new_user_id.unwrap().as_str(), "ID.2026081234567");
    }
}
