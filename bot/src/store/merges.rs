//! Two customers who turn out to be one person. Only on Meta's word, which its signature proves.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use warung_domain::cart::MAX_LINES;
use warung_whatsapp::message::Recipient;

use super::ledger::{self, Account, Kind, LedgerError, Posting};
use crate::{clock::random, outbox::SEAL_PURPOSE, vault::Vault};

/// Merged customers whose freed saldo one sweep moves at most.
const SWEEP_CUSTOMERS: i64 = 100;

/// Makes `from` the same customer as `into`: identities, waiting messages, cart, orders, payments,
/// preferences and saldo follow.
///
/// A turn of `from` that is under way on some bot loses its lease: it rolls back, and its messages
/// are answered as `into`'s.
pub async fn merge(
    connection: &mut PgConnection,
    from: i64,
    into: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    if from == into {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE conversation SET lease_owner = NULL, lease_epoch = lease_epoch + 1
         WHERE customer_id = $1",
        from,
    )
    .execute(&mut *connection)
    .await?;
    move_person(connection, from, into).await?;
    move_cart(connection, from, into).await?;
    move_business(connection, from, into).await?;
    move_saldo(connection, from, into, now).await?;
    tracing::info!(
        customer.from = from,
        customer.into = into,
        "customers merged"
    );
    Ok(())
}

/// The higher role and what `into` has not said themselves; marketing only if both want it.
async fn move_person(connection: &mut PgConnection, from: i64, into: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer survivor
         SET role = CASE WHEN array_position(roles.ranked, gone.role)
                            > array_position(roles.ranked, survivor.role)
                    THEN gone.role ELSE survivor.role END,
             profile_name = coalesce(survivor.profile_name, gone.profile_name),
             language = coalesce(survivor.language, gone.language),
             address = coalesce(survivor.address, gone.address),
             marketing = survivor.marketing AND gone.marketing
         FROM customer gone,
              (SELECT ARRAY['customer', 'reseller', 'staff', 'admin', 'owner'] AS ranked) roles
         WHERE survivor.id = $2 AND gone.id = $1",
        from,
        into,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE customer SET merged_into = $2 WHERE id = $1 OR merged_into = $1",
        from,
        into,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE customer_alias SET customer_id = $2 WHERE customer_id = $1",
        from,
        into,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What is in both carts is added up, within the limits of one.
async fn move_cart(connection: &mut PgConnection, from: i64, into: i64) -> sqlx::Result<()> {
    let max_lines = i64::try_from(MAX_LINES).unwrap_or(i64::MAX);
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM cart_line WHERE customer_id = $1 RETURNING variant_id, qty, added_at
         ), room AS (
             SELECT greatest($3 - count(*), 0) AS lines FROM cart_line WHERE customer_id = $2
         ), fitting AS (
             SELECT g.*, k.customer_id IS NOT NULL AS known,
                    row_number() OVER (PARTITION BY k.customer_id IS NOT NULL
                                       ORDER BY g.added_at DESC) AS place
             FROM gone g
             LEFT JOIN cart_line k ON k.customer_id = $2 AND k.variant_id = g.variant_id
         )
         INSERT INTO cart_line (customer_id, variant_id, qty, added_at)
         SELECT $2, variant_id, qty, added_at FROM fitting, room
         WHERE known OR place <= room.lines
         ON CONFLICT (customer_id, variant_id) DO UPDATE
         SET qty = least(cart_line.qty + excluded.qty, 999)",
        from,
        into,
        max_lines,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Quotes, orders and payments, and the messages that wait.
async fn move_business(connection: &mut PgConnection, from: i64, into: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE quote SET customer_id = $2 WHERE customer_id = $1",
        from,
        into
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
        into,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE inbox SET customer_id = $2 WHERE customer_id = $1 AND state = 'pending'",
        from,
        into,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What can be spent moves; what is held for an order stays held where it is, and follows when it
/// is freed ([`move_freed_saldo`]).
async fn move_saldo(
    connection: &mut PgConnection,
    from: i64,
    into: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let purse = sqlx::query!(
        r#"SELECT posted - pending_out AS "free!", version FROM ledger_account
           WHERE customer_id = $1 FOR NO KEY UPDATE"#,
        from,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(purse) = purse.filter(|purse| purse.free > 0) else {
        return Ok(());
    };
    // A saldo's version rises with every entry: the same transfer is never posted twice, a later
    // one always.
    let source_id = format!("{from}:{into}:{}", purse.version);
    let posting = Posting {
        id: Uuid::from_u128(random()),
        kind: Kind::Adjustment,
        source_type: "merge",
        source_id: &source_id,
        actor: "system",
        memo: None,
        event_at: now,
        legs: &[
            (Account::Saldo(from), -purse.free),
            (Account::Saldo(into), purse.free),
        ],
    };
    match ledger::post(connection, &posting).await {
        Ok(_) => Ok(()),
        Err(LedgerError::Database(error)) => Err(error),
        Err(other) => Err(sqlx::Error::Protocol(other.to_string())),
    }
}

/// Sends what still waits for a customer to where they are now: their old number may be a
/// stranger's by the time it leaves.
///
/// # Errors
/// A sealed message that the vault cannot open, or the database's.
pub async fn readdress(
    connection: &mut PgConnection,
    vault: &Vault,
    customer: i64,
    recipient: &Recipient,
) -> Result<()> {
    let recipient = serde_json::to_value(recipient)?;
    let waiting = sqlx::query!(
        "SELECT id, payload, sealed FROM outbox
         WHERE customer_id = $1 AND state = 'pending' AND topic = 'whatsapp' FOR UPDATE",
        customer,
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in waiting {
        let mut body: Value = match (row.payload, &row.sealed) {
            (Some(payload), _) => payload,
            (None, Some(sealed)) => serde_json::from_str(&vault.open(SEAL_PURPOSE, sealed)?)?,
            (None, None) => continue,
        };
        if body.get("recipient") == Some(&recipient) {
            continue;
        }
        body["recipient"].clone_from(&recipient);
        let sealed = row
            .sealed
            .map(|_| vault.seal(SEAL_PURPOSE, body.to_string().as_bytes()));
        sqlx::query!(
            "UPDATE outbox SET payload = $2, sealed = $3 WHERE id = $1",
            row.id,
            sealed.is_none().then_some(body),
            sealed,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Moves saldo that merged customers got back since their merge, for instance when an order with
/// a hold was called off, to those they are now.
///
/// # Errors
/// The database's.
pub async fn move_freed_saldo(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    let stranded = sqlx::query!(
        r#"SELECT k.id, k.merged_into AS "into!"
           FROM customer k JOIN ledger_account a ON a.customer_id = k.id
           WHERE k.merged_into IS NOT NULL AND a.posted > a.pending_out
           ORDER BY k.id LIMIT $1"#,
        SWEEP_CUSTOMERS,
    )
    .fetch_all(&mut *connection)
    .await?;
    for purse in stranded {
        move_saldo(connection, purse.id, purse.into, now)
            .await
            .context("moving the saldo of a merged customer")?;
    }
    Ok(())
}
