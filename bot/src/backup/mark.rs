//! The mark a restore leaves behind, in the same transaction as the data: by it anybody finds out
//! later whether that transaction was committed.
//!
//! It is the comment of the migrations' own table, which every shop's database has. A table of its
//! own would have to be in each backup, or be told apart from what a backup brings.

use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// How long the server may keep us waiting for a connection.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// The advisory lock of whoever restores into a database: "warungre" in ASCII.
pub(super) const LOCK: i64 = 0x7761_7275_6e67_7265;
/// Most characters of an id.
const MAX_ID_CHARS: usize = 63;

/// Why nothing can be said of the database: a restore may have been committed, or not.
#[derive(Debug, thiserror::Error)]
#[error(
    "nobody knows yet whether the restore {id} replaced the data; \
     the same command with --id {id} finds out"
)]
pub struct Unclear {
    /// Whose mark to look for.
    pub id: String,
}

/// Whether a text can be a restore's id.
///
/// # Errors
/// It cannot; says why.
pub fn parse_id(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.is_empty() || text.len() > MAX_ID_CHARS || !text.chars().all(plain) {
        return Err(format!(
            "must be up to {MAX_ID_CHARS} letters, digits and '-'"
        ));
    }
    Ok(text.to_owned())
}

/// What the comment says of a backup that a restore brought back.
pub(super) fn text(backup: &str, id: &str) -> String {
    format!("restored from {backup} by {id}")
}

/// The backup that the restore of this id brought back; `None` if it was not committed. Waits until
/// nobody restores: what is not committed by then never is.
///
/// # Errors
/// The database's; or somebody restores right now.
pub async fn look(database_url: &SecretString, id: &str) -> Result<Option<String>> {
    let connecting = timeout(
        CONNECT_LIMIT,
        PgConnection::connect(database_url.expose_secret()),
    );
    let connection = connecting.await.context("the database does not answer")?;
    let mut connection = connection.context("connect to the database")?;
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT set_config('lock_timeout', '30s', true)")
        .execute(&mut *tx)
        .await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await
        .context("another restore is at work in this database")?;
    let comments: Vec<String> = sqlx::query_scalar(
        "SELECT obj_description(oid, 'pg_class') FROM pg_class
         WHERE relname = '_sqlx_migrations' AND obj_description(oid, 'pg_class') IS NOT NULL",
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    connection.close().await?;
    Ok(comments.iter().find_map(|comment| of(comment, id)))
}

fn of(comment: &str, id: &str) -> Option<String> {
    let rest = comment.strip_prefix("restored from ")?;
    let (backup, by) = rest.rsplit_once(" by ")?;
    (by == id).then(|| backup.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_by_whom_it_is_of() {
        let mark = text("toko/20261124T031200Z-1f0c9a2e", "7f-a");
        let backup = Some("toko/20261124T031200Z-1f0c9a2e".to_owned());
        assert_eq!(of(&mark, "7f-a"), backup);
        assert_eq!(of(&mark, "a"), None);
        assert_eq!(of("about migrations", "7f-a"), None);
        assert!(parse_id("7f-a").is_ok());
        for id in ["", "a'b", "a b", &"x".repeat(64)] {
            assert!(parse_id(id).is_err(), "{id}");
        }
    }
}
