//! The inbox: every webhook item, stored once, worked on once.
//!
//! Invariant 1: a webhook answered 200 is here, once, by `(phone_number_id, key)`.
//! Invariant 2: an item's effects and its `done` share one commit ([`crate::worker::turn`]).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use uuid::Uuid;
use warung_domain::{identity::ChannelIdentity, language::Language};

use crate::store::{
    conversations::Conversation,
    customers::{self, Customer},
};

/// Attempts after which an item is put aside as a dead letter.
pub const MAX_ATTEMPTS: i32 = 5;
/// The constraint that a message without a customer meets.
pub const SENDER_GONE: &str = "inbox_message_has_customer";
/// Items of one customer that one turn works on at most.
pub const MAX_ITEMS_PER_TURN: u8 = 20;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A customer's message.
    Message,
    /// A status of one of our messages.
    Status,
    /// The thread was handed to or from another app.
    Handover,
    /// A field that asks nothing of us.
    Other,
    /// An item that cannot be understood: kept raw, dead from the start.
    Malformed,
}

impl Kind {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Status => "status",
            Self::Handover => "handover",
            Self::Other => "other",
            Self::Malformed => "malformed",
        }
    }

    /// The state in which an item of this kind begins.
    fn first_state(self) -> &'static str {
        match self {
            Self::Message => "pending",
            Self::Status | Self::Handover | Self::Other => "done",
            Self::Malformed => "dead",
        }
    }
}

/// An item on its way in.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// The receiving number.
    pub phone_number_id: String,
    /// What makes it one item: see the column.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// The sender, for a message, as far as the writer knows.
    pub customer_id: Option<i64>,
    /// The identity by which the sender is known, where it decides: whose it is when the item is
    /// stored, and not when the writer asked, is whose message it is.
    pub sender: Option<ChannelIdentity>,
    /// The item's own JSON.
    pub payload: String,
    /// Why it is malformed.
    pub error: Option<String>,
    /// W3C trace context of the request that brought it.
    pub trace: Option<String>,
    /// Meta's own time of the message.
    pub sent_at: Option<DateTime<Utc>>,
}

/// Stores a batch; items already known are left as they are. Returns the keys that were new.
///
/// # Errors
/// The database's; a violation of [`SENDER_GONE`] when an identity is nobody's any more.
pub async fn put(
    connection: &mut PgConnection,
    items: &[&NewItem],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    let phone_number_ids: Vec<&str> = items.iter().map(|item| &*item.phone_number_id).collect();
    let keys: Vec<&str> = items.iter().map(|item| &*item.key).collect();
    let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
    let states: Vec<&str> = items.iter().map(|item| item.kind.first_state()).collect();
    let customers: Vec<Option<i64>> = items.iter().map(|item| item.customer_id).collect();
    let sender_kinds: Vec<Option<&str>> = items
        .iter()
        .map(|item| item.sender.as_ref().map(|sender| sender.kind().as_str()))
        .collect();
    let senders: Vec<Option<&str>> = items
        .iter()
        .map(|item| item.sender.as_ref().map(ChannelIdentity::as_str))
        .collect();
    let payloads: Vec<&str> = items.iter().map(|item| &*item.payload).collect();
    let errors: Vec<Option<&str>> = items.iter().map(|item| item.error.as_deref()).collect();
    let traces: Vec<Option<&str>> = items.iter().map(|item| item.trace.as_deref()).collect();
    let sent: Vec<Option<DateTime<Utc>>> = items.iter().map(|item| item.sent_at).collect();
    sqlx::query_scalar!(
        r#"
        INSERT INTO inbox (phone_number_id, key, kind, state, customer_id, payload, error, trace,
                           sent_at, received_at, run_at)
        SELECT item.phone_number_id, item.key, item.kind, item.state,
               CASE WHEN item.sender IS NULL THEN item.customer_id
                    ELSE (SELECT a.customer_id FROM customer_alias a
                          WHERE a.kind = item.sender_kind AND a.value = item.sender) END,
               item.payload, item.error, item.trace, item.sent_at, $10, $10
        FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                    $7::text[], $8::text[], $9::timestamptz[], $11::text[], $12::text[])
            AS item (phone_number_id, key, kind, state, customer_id, payload, error, trace,
                     sent_at, sender_kind, sender)
        ON CONFLICT ON CONSTRAINT inbox_once DO NOTHING
        RETURNING key
        "#,
        &phone_number_ids as &[&str],
        &keys as &[&str],
        &kinds as &[&str],
        &states as &[&str],
        &customers as &[Option<i64>],
        &payloads as &[&str],
        &errors as &[Option<&str>],
        &traces as &[Option<&str>],
        &sent as &[Option<DateTime<Utc>>],
        now,
        &sender_kinds as &[Option<&str>],
        &senders as &[Option<&str>],
    )
    .fetch_all(connection)
    .await
}

/// A conversation that this bot now holds: nobody else works on this customer's messages.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The customer.
    pub customer: Customer,
    /// Raised by this claim; a commit under an older epoch finds no row.
    pub epoch: i64,
    /// The conversation as it stands.
    pub conversation: Conversation,
}

/// What a claim brought.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// The conversations.
    pub claims: Vec<Claim>,
    /// The lowest row that waits, due or not, if any was claimed.
    pub lowest: Option<i64>,
}

/// Claims up to `limit` conversations that have due messages and that no living bot holds, those
/// whose message waits longest first.
///
/// `held` are the customers this bot works on. A conversation that is leased to it beside those was
/// lost on the way, by an answer or a release that never arrived, and is free: the new epoch keeps
/// whatever still runs under the old one from committing.
///
/// Rows below `from` are not looked at. While any transaction keeps an old snapshot (a backup, for
/// one) the index still holds every row that was done since, and a claim from the beginning would
/// walk over all of them.
pub async fn claim(
    connection: &mut PgConnection,
    bot: Uuid,
    limit: i64,
    now: DateTime<Utc>,
    language: Language,
    held: &[i64],
    from: i64,
) -> sqlx::Result<Claimed> {
    let rows = sqlx::query(AssertSqlSafe(&**CLAIM))
        .bind(bot)
        .bind(limit)
        .bind(now)
        .bind(held)
        .bind(from)
        .fetch_all(connection)
        .await?;
    let lowest = rows.first().map(|row| row.try_get("lowest")).transpose()?;
    let claims = rows
        .iter()
        .map(|row| {
            let conversation = Conversation::from_stored(row.try_get("state")?);
            let mut customer = customers::from_row(row, language)?;
            if let (None, Some(detected)) = (customer.chosen_language, conversation.detected) {
                customer.spoken = detected;
            }
            Ok(Claim {
                customer,
                epoch: row.try_get("epoch")?,
                conversation,
            })
        })
        .collect::<sqlx::Result<_>>()?;
    Ok(Claimed { claims, lowest })
}

/// Free conversations are those that no living bot holds. `FOR UPDATE` checks that again after it
/// has waited for nobody (`SKIP LOCKED`), so that two bots never claim one. The queue is walked from
/// its head, and conversations are locked one after another, so that a claim of one looks at no more
/// than lies before it. Who lives is told by the database's clock alone: bots' clocks may differ.
static CLAIM: LazyLock<String> = LazyLock::new(|| {
    let columns = customers::COLUMNS;
    let free = "(one.lease_owner IS NULL
              OR (one.lease_owner = $1 AND one.customer_id <> ALL($4))
              OR NOT EXISTS (SELECT FROM bot_instance b
                             WHERE b.id = one.lease_owner AND b.alive_until > now()))";
    format!(
        "WITH free AS (
            SELECT locked.customer_id
            FROM (SELECT i.customer_id, i.id
                  FROM inbox i
                  WHERE i.state = 'pending' AND i.kind = 'message' AND i.id >= $5
                    AND i.run_at <= $3
                  ORDER BY i.id) head
            CROSS JOIN LATERAL (
                SELECT one.customer_id FROM conversation one
                WHERE one.customer_id = head.customer_id
                  -- Once for each customer, and asked of the free ones alone.
                  AND CASE WHEN {free}
                      THEN head.id = (SELECT min(first.id) FROM inbox first
                                      WHERE first.customer_id = one.customer_id
                                        AND first.state = 'pending' AND first.id >= $5) END
                FOR UPDATE SKIP LOCKED) locked
            LIMIT $2
        )
        UPDATE conversation c
        SET lease_owner = $1, lease_epoch = c.lease_epoch + 1
        FROM free JOIN customer k ON k.id = free.customer_id
        WHERE c.customer_id = free.customer_id
        RETURNING c.lease_epoch AS epoch, c.state, {columns},
                  (SELECT min(i.id) FROM inbox i
                   WHERE i.state = 'pending' AND i.kind = 'message' AND i.id >= $5) AS lowest"
    )
});

/// A message to work on.
#[derive(Debug, Clone)]
pub struct Item {
    /// Row id; arrival order.
    pub id: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// The wamid.
    pub key: String,
    /// The message's own JSON.
    pub payload: String,
    /// Failed attempts so far.
    pub attempts: i32,
    /// When Meta says the customer sent it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// Not to be worked on before.
    pub run_at: DateTime<Utc>,
    /// W3C trace context.
    pub trace: Option<String>,
}

/// The waiting messages of these customers in arrival order, at most
/// [`MAX_ITEMS_PER_TURN`] of each.
pub async fn waiting(connection: &mut PgConnection, customers: &[i64]) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as!(
        Item,
        r#"
        SELECT i.id, i.customer_id AS "customer_id!", i.key, i.payload, i.attempts, i.sent_at,
               i.received_at, i.run_at, i.trace
        FROM UNNEST($1::bigint[]) AS claimed (customer_id)
        CROSS JOIN LATERAL (
            SELECT * FROM inbox
            WHERE inbox.customer_id = claimed.customer_id AND state = 'pending'
            ORDER BY id LIMIT $2) i
        ORDER BY i.id
        "#,
        customers,
        i64::from(MAX_ITEMS_PER_TURN),
    )
    .fetch_all(connection)
    .await
}

/// Gives a conversation back without having finished anything.
pub async fn release(pool: &PgPool, bot: Uuid, customer: i64, epoch: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE conversation SET lease_owner = NULL
         WHERE customer_id = $1 AND lease_owner = $2 AND lease_epoch = $3",
        customer,
        bot,
        epoch,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Puts a customer's waiting messages off until `run_at`, if this bot still holds them: none may
/// overtake another.
pub async fn postpone(
    pool: &PgPool,
    bot: Uuid,
    customer: i64,
    run_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE inbox SET run_at = $2
         WHERE customer_id = $1 AND state = 'pending' AND run_at < $2
           AND EXISTS (SELECT FROM conversation WHERE customer_id = $1 AND lease_owner = $3)",
        customer,
        run_at,
        bot,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Counts a failed attempt of an item this bot still holds; after [`MAX_ATTEMPTS`] the item is dead.
/// Returns whether it is.
pub async fn fail(pool: &PgPool, bot: Uuid, id: i64, error: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        UPDATE inbox
        SET attempts = attempts + 1, error = $2,
            state = CASE WHEN attempts + 1 >= $3 THEN 'dead' ELSE state END
        WHERE id = $1 AND state = 'pending'
          AND EXISTS (SELECT FROM conversation c
                      WHERE c.customer_id = inbox.customer_id AND c.lease_owner = $4)
        RETURNING state = 'dead' AS "dead!"
        "#,
        id,
        error,
        MAX_ATTEMPTS,
        bot,
    )
    .fetch_optional(pool)
    .await
    .map(|dead| dead.unwrap_or(false))
}

/// Moves the waiting messages of a merged customer to the one that remains.
pub async fn rehome(pool: &PgPool, from: i64, to: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE inbox SET customer_id = $2 WHERE customer_id = $1 AND state = 'pending'",
        from,
        to,
    )
    .execute(pool)
    .await?;
    Ok(())
}
