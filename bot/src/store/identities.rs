//! The identities by which WhatsApp knows customers.
//!
//! A message may carry a phone number's id, a business-scoped user id (BSUID) and a parent id. They
//! are kept apart by kind: a BSUID never becomes a phone number. A number that turns up with
//! another BSUID than before has changed hands, unless Meta says otherwise by a `system` message:
//! the newcomer must not inherit a stranger's saldo.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::identity::{ChannelIdentity, IdentityKind};

use super::{
    customers::{create, rename},
    merges,
};

/// The identities one message carries, each of its own kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identities {
    /// Phone number's id.
    pub wa_id: Option<ChannelIdentity>,
    /// Business-scoped user id.
    pub bsuid: Option<ChannelIdentity>,
    /// Parent id.
    pub parent: Option<ChannelIdentity>,
}

impl Identities {
    /// Sorts raw texts by kind. A text that is no identity is refused, never cleaned.
    ///
    /// # Errors
    /// The reason, when nothing valid is left or a text is of the wrong kind.
    pub fn parse(
        wa_id: Option<&str>,
        bsuid: Option<&str>,
        parent: Option<&str>,
    ) -> Result<Self, String> {
        let of_kind = |text: Option<&str>, kind: IdentityKind| match text {
            None => Ok(None),
            Some(text) => match ChannelIdentity::parse(text) {
                Ok(identity) if identity.kind() == kind => Ok(Some(identity)),
                _ => Err(format!("not a {}", kind.as_str())),
            },
        };
        let identities = Self {
            wa_id: of_kind(wa_id, IdentityKind::WaId)?,
            bsuid: of_kind(bsuid, IdentityKind::Bsuid)?,
            parent: of_kind(parent, IdentityKind::ParentBsuid)?,
        };
        if identities.all().next().is_none() {
            return Err("the message names no sender".to_owned());
        }
        Ok(identities)
    }

    /// All that are present.
    pub fn all(&self) -> impl Iterator<Item = &ChannelIdentity> {
        [&self.bsuid, &self.wa_id, &self.parent]
            .into_iter()
            .flatten()
    }
}

/// Finds the customer of these identities, or makes one; records what a message teaches.
///
/// A user id, the shop's own or its parent's, names a person for ever; a number only as long as
/// nobody else has it. Where the two disagree the user id wins, and the number goes to it.
///
/// Call it in a transaction: advisory locks keep two bots from making one person twice.
pub async fn resolve(
    connection: &mut PgConnection,
    identities: &Identities,
    profile_name: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    lock(connection, identities.all()).await?;
    let bsuid = owner(connection, identities.bsuid.as_ref()).await?;
    let parent = owner(connection, identities.parent.as_ref()).await?;
    let number = owner(connection, identities.wa_id.as_ref()).await?;
    let person = bsuid.or(parent);
    let has_user_id = identities.bsuid.is_some() || identities.parent.is_some();
    let customer = match (person, number) {
        (Some(person), None) if is_late(connection, identities).await? => return Ok(person),
        (Some(person), Some(holder)) if person != holder => {
            if is_late(connection, identities).await? {
                return Ok(person);
            }
            // A holder who never had a user id is the same person from the time before user ids,
            // unless the person had a number of their own then: this one has changed hands.
            let is_same = !has_kind(connection, holder, IdentityKind::Bsuid).await?
                && !has_kind(connection, person, IdentityKind::WaId).await?;
            if is_same {
                merges::merge(connection, holder, person, now).await?;
            }
            person
        }
        (Some(person), _) => person,
        // A new user id on a number that already has one: the number has changed hands.
        (None, Some(holder))
            if has_user_id && has_kind(connection, holder, IdentityKind::Bsuid).await? =>
        {
            create(connection, profile_name, now).await?
        }
        (None, Some(holder)) => holder,
        (None, None) => create(connection, profile_name, now).await?,
    };
    learn(connection, identities, customer, parent, now).await?;
    rename(connection, customer, profile_name).await?;
    Ok(customer)
}

/// Which of these senders teach nothing: all their identities are known, in force, and one
/// customer's.
pub async fn already_met(
    connection: &mut PgConnection,
    senders: &[Identities],
) -> sqlx::Result<Vec<Identities>> {
    let names: Vec<&ChannelIdentity> = senders.iter().flat_map(Identities::all).collect();
    let kinds: Vec<&str> = names.iter().map(|name| name.kind().as_str()).collect();
    let values: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let rows = sqlx::query!(
        "SELECT a.kind, a.value, a.customer_id
         FROM UNNEST($1::text[], $2::text[]) AS name (kind, value)
         JOIN customer_alias a USING (kind, value)
         WHERE NOT a.retired",
        &kinds as &[&str],
        &values as &[&str],
    )
    .fetch_all(connection)
    .await?;
    let owners: HashMap<(&str, &str), i64> = rows
        .iter()
        .map(|row| ((&*row.kind, &*row.value), row.customer_id))
        .collect();
    Ok(senders
        .iter()
        .filter(|sender| {
            let mut owned = sender
                .all()
                .map(|name| owners.get(&(name.kind().as_str(), name.as_str())));
            let first = owned.next().flatten();
            first.is_some() && owned.all(|owner| owner == first)
        })
        .cloned()
        .collect())
}

/// Finds the customer whom news of changed identities are about, by the names they had before and
/// then by those they have now; makes one under the first of these if nobody is known. Nothing else
/// is learned: the news are acted on in the customer's turn.
pub async fn resolve_news(
    connection: &mut PgConnection,
    names: &[ChannelIdentity],
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    lock(connection, names.iter()).await?;
    for name in names {
        if let Some(known) = owner(connection, Some(name)).await? {
            return Ok(known);
        }
    }
    let customer = create(connection, None, now).await?;
    take_alias(connection, names.first(), customer, now).await?;
    Ok(customer)
}

/// Keeps every other transaction from resolving or moving these identities until this one ends.
pub async fn lock(
    connection: &mut PgConnection,
    identities: impl Iterator<Item = &ChannelIdentity>,
) -> sqlx::Result<()> {
    let mut names: Vec<String> = identities.map(key).collect();
    names.sort();
    names.dedup();
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
         FROM UNNEST($1::text[]) AS name ORDER BY name",
        &names,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Whether a message was written under a user id that its customer has given up since, from a
/// number that is no longer theirs: it still belongs to them, but teaches nothing.
async fn is_late(connection: &mut PgConnection, identities: &Identities) -> sqlx::Result<bool> {
    let (Some(bsuid), Some(wa_id)) = (&identities.bsuid, &identities.wa_id) else {
        return Ok(false);
    };
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM customer_alias b
               WHERE b.kind = 'bsuid' AND b.value = $1 AND b.retired
                 AND NOT EXISTS (
                     SELECT FROM customer_alias w
                     WHERE w.kind = 'wa_id' AND w.value = $2 AND w.customer_id = b.customer_id)
           ) AS "late!""#,
        bsuid.as_str(),
        wa_id.as_str(),
    )
    .fetch_one(connection)
    .await
}

/// Records the identities of a message. Its number is the customer's only one if a user id stands
/// beside it, because a user id belongs to one account.
async fn learn(
    connection: &mut PgConnection,
    identities: &Identities,
    customer: i64,
    parent: Option<i64>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    take_alias(connection, identities.bsuid.as_ref(), customer, now).await?;
    take_alias(connection, identities.wa_id.as_ref(), customer, now).await?;
    if parent.is_none() {
        take_alias(connection, identities.parent.as_ref(), customer, now).await?;
    }
    if let (Some(_), Some(wa_id)) = (&identities.bsuid, &identities.wa_id) {
        keep_one_number(connection, customer, Some(wa_id)).await?;
    }
    Ok(())
}

/// Gives an identity to a customer, whoever had it before.
pub async fn take_alias(
    connection: &mut PgConnection,
    identity: Option<&ChannelIdentity>,
    customer: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(identity) = identity else {
        return Ok(());
    };
    sqlx::query!(
        "INSERT INTO customer_alias (kind, value, customer_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, value) DO UPDATE
         SET customer_id = excluded.customer_id, retired = false,
             created_at = CASE WHEN customer_alias.customer_id = excluded.customer_id
                          THEN customer_alias.created_at ELSE excluded.created_at END
         WHERE customer_alias.customer_id <> excluded.customer_id OR customer_alias.retired",
        identity.kind().as_str(),
        identity.as_str(),
        customer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Who has a number.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The customer.
    pub customer_id: i64,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether they have a user id of their own as well.
    pub has_user_id: bool,
}

/// The customer who has a number, with what tells whether it is still theirs.
pub async fn holder(
    connection: &mut PgConnection,
    number: &ChannelIdentity,
) -> sqlx::Result<Option<Holder>> {
    sqlx::query_as!(
        Holder,
        r#"SELECT a.customer_id, a.created_at AS since,
                  EXISTS (SELECT FROM customer_alias b
                          WHERE b.customer_id = a.customer_id AND b.kind = 'bsuid'
                            AND NOT b.retired) AS "has_user_id!"
           FROM customer_alias a WHERE a.kind = $1 AND a.value = $2"#,
        number.kind().as_str(),
        number.as_str(),
    )
    .fetch_optional(connection)
    .await
}

/// Forgets every number of a customer but this one.
pub async fn keep_one_number(
    connection: &mut PgConnection,
    customer: i64,
    number: Option<&ChannelIdentity>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM customer_alias
         WHERE customer_id = $1 AND kind = 'wa_id' AND value IS DISTINCT FROM $2",
        customer,
        number.map(ChannelIdentity::as_str),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Retires the user ids of a customer but for the one they have now.
pub async fn retire_user_ids(
    connection: &mut PgConnection,
    customer: i64,
    kept: Option<&ChannelIdentity>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer_alias SET retired = true
         WHERE customer_id = $1 AND kind = 'bsuid' AND value IS DISTINCT FROM $2",
        customer,
        kept.map(ChannelIdentity::as_str),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// When a customer's message was sent, by Meta's clock, or else received.
pub async fn message_time(
    connection: &mut PgConnection,
    customer: i64,
    key: &str,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let time = sqlx::query_scalar!(
        "SELECT coalesce(sent_at, received_at) FROM inbox WHERE customer_id = $1 AND key = $2",
        customer,
        key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(time.flatten())
}

/// The customer who owns an identity.
pub async fn owner(
    connection: &mut PgConnection,
    identity: Option<&ChannelIdentity>,
) -> sqlx::Result<Option<i64>> {
    let Some(identity) = identity else {
        return Ok(None);
    };
    sqlx::query_scalar!(
        "SELECT customer_id FROM customer_alias WHERE kind = $1 AND value = $2",
        identity.kind().as_str(),
        identity.as_str(),
    )
    .fetch_optional(connection)
    .await
}

/// Whether a customer has an identity of this kind that they have not given up.
async fn has_kind(
    connection: &mut PgConnection,
    customer: i64,
    kind: IdentityKind,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM customer_alias
                          WHERE customer_id = $1 AND kind = $2 AND NOT retired) AS "has!""#,
        customer,
        kind.as_str(),
    )
    .fetch_one(connection)
    .await
}

fn key(identity: &ChannelIdentity) -> String {
    format!("{}:{}", identity.kind().as_str(), identity.as_str())
}
