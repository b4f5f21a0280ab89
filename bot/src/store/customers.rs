//! Customers: who they are to the shop, and what they prefer.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};
use warung_domain::{language::Language, role::Role};
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
     AND NOT a.retired ORDER BY a.created_at DESC LIMIT 1) AS wa_id, \
    (SELECT a.value FROM customer_alias a WHERE a.customer_id = k.id AND a.kind = 'bsuid' \
     AND NOT a.retired ORDER BY a.created_at DESC LIMIT 1) AS bsuid";

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

/// Records that a customer wants no marketing.
pub async fn stop_marketing(pool: &PgPool, customer: i64) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    set_marketing(&mut connection, customer, false).await
}

/// Records whether a customer wants marketing.
pub async fn set_marketing(
    connection: &mut PgConnection,
    customer: i64,
    wanted: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET marketing = $2 WHERE id = $1",
        customer,
        wanted,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records the language a customer chose.
pub async fn set_language(
    connection: &mut PgConnection,
    customer: i64,
    language: Language,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET language = $2 WHERE id = $1",
        customer,
        language.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes over the name on a customer's profile, if there is one.
pub(super) async fn rename(
    connection: &mut PgConnection,
    customer: i64,
    profile_name: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET profile_name = $2
         WHERE id = $1 AND $2::text IS NOT NULL AND profile_name IS DISTINCT FROM $2",
        customer,
        profile_name,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes a customer, with a conversation and an empty saldo.
pub(super) async fn create(
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
