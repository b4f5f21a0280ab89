//! What the people of the shop are shown of a customer who asks for one of them.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use warung_domain::language::Language;

use super::customers::{self, Customer};

/// Staff who have not written for this long cannot be written to (Meta, customer service window,
/// 24 h; an hour short of it, because the message still has to go out).
const REACHABLE_FOR: TimeDelta = TimeDelta::hours(23);
/// Members of staff who are told of one customer.
const MAX_STAFF: i64 = 20;
/// Messages shown.
const SHOWN_MESSAGES: i64 = 3;
/// How far back in the inbox a customer's last messages are looked for, in rows.
const LOOK_BACK_ROWS: i64 = 10_000;

/// The members of staff, by role or by one of the `listed` identities, who can be written to now.
pub async fn staff(
    connection: &mut PgConnection,
    listed: &[String],
    default: Language,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Customer>> {
    let sql = format!(
        "SELECT {} FROM customer k JOIN conversation c ON c.customer_id = k.id
         WHERE k.merged_into IS NULL
           AND (k.role IN ('staff', 'admin', 'owner') OR k.id IN (
                SELECT a.customer_id FROM customer_alias a
                WHERE a.value = ANY($1) AND a.kind IN ('wa_id', 'bsuid')))
           AND (c.state ->> 'last_text_at')::timestamptz > $2
         ORDER BY k.id LIMIT $3",
        customers::COLUMNS
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(listed)
        .bind(now - REACHABLE_FOR)
        .bind(MAX_STAFF)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| customers::from_row(row, default))
        .collect()
}

/// A customer's last messages as they came, oldest first, the one with this key included.
pub async fn last_messages(
    connection: &mut PgConnection,
    customer: i64,
    key: &str,
) -> sqlx::Result<Vec<String>> {
    let mut payloads = sqlx::query_scalar!(
        "SELECT payload FROM inbox
         WHERE customer_id = $1 AND kind = 'message'
           AND id BETWEEN (SELECT max(id) FROM inbox WHERE key = $2 AND customer_id = $1) - $3
                      AND (SELECT max(id) FROM inbox WHERE key = $2 AND customer_id = $1)
         ORDER BY id DESC LIMIT $4",
        customer,
        key,
        LOOK_BACK_ROWS,
        SHOWN_MESSAGES,
    )
    .fetch_all(connection)
    .await?;
    payloads.reverse();
    Ok(payloads)
}

/// Has the bot answer a customer again; `false` when it does already.
///
/// A turn of theirs that is under way loses its lease: it would write down again that a person has
/// the chat. Its messages are read once more, by then by the bot.
pub async fn hand_back(
    connection: &mut PgConnection,
    customer: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE conversation
         SET state = state - 'muted_until', lease_owner = NULL, lease_epoch = lease_epoch + 1
         WHERE customer_id = $1 AND (state ->> 'muted_until')::timestamptz > $2",
        customer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() > 0)
}
