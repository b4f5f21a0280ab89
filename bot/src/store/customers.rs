//! Customers and the identities by which WhatsApp knows them.
//!
//! A message may carry a phone number's id, a business-scoped user id (BSUID) and a parent id. They
//! are kept apart by kind: a BSUID never becomes a phone number. A number that turns up with
//! another BSUID than before has changed hands, unless Meta says otherwise by a `system` message:
//! the newcomer must not inherit a stranger's saldo.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};
use warung_domain::{
    identity::ChannelIdentity, identity::IdentityKind, language::Language, role::Role,
};
use warung_whatsapp::message::Recipient;

/// A customer as a turn needs to know them.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Row id.
    pub id: i64,
    /// What they may do and which prices they see.
    pub role: Role,
    /// The name on their WhatsApp profile.
    pub profile_name: Option<String>,
    /// The language they chose.
    pub chosen_language: Option<Language>,
    /// The language they are answered in.
    pub spoken: Language,
    /// Whether they want marketing.
    pub marketing: bool,
    /// The customer they are now, after a merge.
    pub merged_into: Option<i64>,
    /// Their phone number's id.
    pub wa_id: Option<String>,
    /// Their business-scoped user id.
    pub bsuid: Option<String>,
}

impl Customer {
    /// The language they are answered in.
    pub fn spoken(&self) -> Language {
        self.spoken
    }

    /// Where messages to them go: the number where it is known, else the user id.
    pub fn recipient(&self) -> Option<Recipient> {
        self.wa_id
            .as_deref()
            .and_then(|wa_id| Recipient::wa_id(wa_id).ok())
            .or_else(|| {
                self.bsuid
                    .as_deref()
                    .and_then(|bsuid| Recipient::user_id(bsuid).ok())
            })
    }

    /// Whether any of their identities is one of `listed`.
    pub fn is_listed(&self, listed: &[String]) -> bool {
        [&self.wa_id, &self.bsuid]
            .into_iter()
            .flatten()
            .any(|name| listed.contains(name))
    }
}

/// The columns of [`Customer`], for queries that join `customer k`.
pub const COLUMNS: &str = "k.id, k.role, k.profile_name, k.language, k.marketing, k.merged_into, \
    (SELECT a.value FROM customer_alias a WHERE a.customer_id = k.id AND a.kind = 'wa_id' \
     ORDER BY a.created_at DESC LIMIT 1) AS wa_id, \
    (SELECT a.value FROM customer_alias a WHERE a.customer_id = k.id AND a.kind = 'bsuid' \
     ORDER BY a.created_at DESC LIMIT 1) AS bsuid";

/// Reads [`COLUMNS`]; `default` is the shop's language.
///
/// # Errors
/// A column that is not what the migrations made it.
pub fn from_row(row: &PgRow, default: Language) -> sqlx::Result<Customer> {
    let chosen = row
        .try_get::<Option<String>, _>("language")?
        .and_then(|language| Language::parse(&language));
    let role: String = row.try_get("role")?;
    Ok(Customer {
        id: row.try_get("id")?,
        role: Role::parse(&role)
            .ok_or_else(|| sqlx::Error::Decode(format!("customer.role {role}").into()))?,
        profile_name: row.try_get("profile_name")?,
        chosen_language: chosen,
        spoken: chosen.unwrap_or(default),
        marketing: row.try_get("marketing")?,
        merged_into: row.try_get("merged_into")?,
        wa_id: row.try_get("wa_id")?,
        bsuid: row.try_get("bsuid")?,
    })
}

/// Loads one customer.
pub async fn load(
    connection: &mut PgConnection,
    id: i64,
    default: Language,
) -> sqlx::Result<Option<Customer>> {
    let sql = format!("SELECT {COLUMNS} FROM customer k WHERE k.id = $1");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(connection)
        .await?
        .map(|row| from_row(&row, default))
        .transpose()
}

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

/// Finds the customer of these identities, or makes one; records identities not yet known.
///
/// Call it in a transaction: advisory locks keep two bots from making one person twice.
pub async fn resolve(
    connection: &mut PgConnection,
    identities: &Identities,
    profile_name: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    let mut names: Vec<String> = identities.all().map(key).collect();
    names.sort();
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
         FROM UNNEST($1::text[]) AS name ORDER BY name",
        &names,
    )
    .fetch_all(&mut *connection)
    .await?;
    let bsuid = owner(connection, identities.bsuid.as_ref()).await?;
    let wa_id = owner(connection, identities.wa_id.as_ref()).await?;
    let parent = owner(connection, identities.parent.as_ref()).await?;
    let customer = match (bsuid, wa_id) {
        (Some(known), Some(number)) if known != number => {
            // Both in one signed message. An owner of the number without a BSUID is the same person
            // from the time before BSUIDs; one with another BSUID has given the number up.
            if identity_of(connection, number, "bsuid").await?.is_none() {
                merge(connection, number, known, now).await?;
            } else {
                take_alias(connection, identities.wa_id.as_ref(), known, now).await?;
            }
            known
        }
        (Some(known), _) => known,
        (None, Some(number)) => match &identities.bsuid {
            Some(_) if identity_of(connection, number, "bsuid").await?.is_some() => {
                create(connection, profile_name, now).await?
            }
            _ => number,
        },
        (None, None) => match parent {
            Some(known) => known,
            None => create(connection, profile_name, now).await?,
        },
    };
    for identity in identities.all() {
        if identity.kind() == IdentityKind::ParentBsuid && parent.is_some() {
            continue;
        }
        take_alias(connection, Some(identity), customer, now).await?;
    }
    Ok(customer)
}

/// Makes `from` the same customer as `into`: identities, waiting messages, cart and saldo follow.
/// Only on Meta's word, which its signature proves.
pub async fn merge(
    connection: &mut PgConnection,
    from: i64,
    into: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET merged_into = $2 WHERE id = $1 AND merged_into IS NULL",
        from,
        into,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE customer SET merged_into = $2 WHERE merged_into = $1",
        from,
        into
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE customer_alias SET customer_id = $2 WHERE customer_id = $1",
        from,
        into
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE inbox SET customer_id = $2 WHERE customer_id = $1 AND state = 'pending'",
        from,
        into,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE orders SET customer_id = $2 WHERE customer_id = $1",
        from,
        into
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE payment_attempt SET customer_id = $2 WHERE customer_id = $1",
        from,
        into
    )
    .execute(&mut *connection)
    .await?;
    tracing::info!(customer.from = from, customer.into = into, at = %now, "customers merged");
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
         SET customer_id = excluded.customer_id, created_at = excluded.created_at
         WHERE customer_alias.customer_id <> excluded.customer_id",
        identity.kind().as_str(),
        identity.as_str(),
        customer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets an identity: the number is no longer this customer's.
pub async fn drop_alias(
    connection: &mut PgConnection,
    identity: &ChannelIdentity,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM customer_alias WHERE kind = $1 AND value = $2",
        identity.kind().as_str(),
        identity.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
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

/// Records that a customer wants no marketing.
pub async fn stop_marketing(pool: &PgPool, customer: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET marketing = false WHERE id = $1",
        customer
    )
    .execute(pool)
    .await?;
    Ok(())
}

async fn identity_of(
    connection: &mut PgConnection,
    customer: i64,
    kind: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT value FROM customer_alias WHERE customer_id = $1 AND kind = $2 LIMIT 1",
        customer,
        kind,
    )
    .fetch_optional(connection)
    .await
}

async fn create(
    connection: &mut PgConnection,
    profile_name: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "WITH person AS (
             INSERT INTO customer (profile_name, created_at) VALUES ($1, $2) RETURNING id
         ), talk AS (
             INSERT INTO conversation (customer_id) SELECT id FROM person
         ), purse AS (
             INSERT INTO ledger_account (code, kind, customer_id, bounded)
             SELECT 'customer:' || id || ':saldo', 'liability', id, true FROM person
         )
         SELECT id FROM person",
        profile_name,
        now,
    )
    .fetch_one(connection)
    .await
}

fn key(identity: &ChannelIdentity) -> String {
    format!("{}:{}", identity.kind().as_str(), identity.as_str())
}
