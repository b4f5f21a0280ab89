//! Fences: the newest token that committed under each lock (invariant 8).

use sqlx::PgConnection;

/// Draws a token. Draw it after the lock is won, and forget it when the connection breaks: a
/// crash of PostgreSQL may hand it out again.
pub async fn token(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT nextval('fence_token') AS "token!""#)
        .fetch_one(connection)
        .await
}

/// Records the token and keeps the fence's row locked until the commit. `false`: a later holder of
/// the lock was here; roll back.
pub async fn advance(
    connection: &mut PgConnection,
    resource: &str,
    token: i64,
) -> sqlx::Result<bool> {
    #[cfg(feature = "chaos")]
    if without!("fence") {
        return crate::chaos::advance_blindly(connection, resource, token).await;
    }
    let done = sqlx::query!(
        "INSERT INTO lock_fence (resource, token) VALUES ($1, $2)
         ON CONFLICT (resource) DO UPDATE SET token = excluded.token
         WHERE lock_fence.token <= excluded.token",
        resource,
        token,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes PostgreSQL's advisory lock of the same name until the end of the transaction, where Redis
/// is away. `false`: another has it.
pub async fn try_advisory(connection: &mut PgConnection, resource: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS "locked!""#,
        resource,
    )
    .fetch_one(connection)
    .await
}
