//! How a transaction begins.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use sqlx::{PgPool, Postgres, Transaction, pool::PoolConnection};
use tokio::runtime::Handle;

/// Begins a transaction. Whoever waits for it may go away.
///
/// `Pool::begin` of sqlx 0.9.0 may not be given up (transact-rs/sqlx#4393): the connection then goes
/// back to the pool inside a transaction of which the pool knows nothing, and what its next users
/// write is lost when PostgreSQL ends it. Here a `BEGIN` under way is seen to its end, and a
/// transaction that nobody waits for any more is rolled back.
///
/// # Errors
/// The pool's and the database's.
pub async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    begin_on(pool.acquire().await?).await
}

/// The same on a connection that is there.
///
/// # Errors
/// The database's.
pub(super) async fn begin_on(
    connection: PoolConnection<Postgres>,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    Beginning(Some(Transaction::begin(connection, None))).await
}

/// A `BEGIN` under way.
struct Beginning(Option<BoxFuture<'static, sqlx::Result<Transaction<'static, Postgres>>>>);

impl Future for Beginning {
    type Output = sqlx::Result<Transaction<'static, Postgres>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(begun) = self.0.as_mut() else {
            return Poll::Pending;
        };
        let begun = ready!(begun.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(begun)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(begun);
        }
    }
}
