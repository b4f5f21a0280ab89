//! Connections that are used again and again.
//!
//! When a connection goes back to a pool, sqlx asks the server whether it still works: one more
//! round trip and one more task for each statement. A few connections are therefore kept beside
//! each pool, and one whose statement ended well is simply laid back. Any other, and one whose
//! user went away in the middle, goes back to the pool, which looks at it as ever.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};

use super::transaction;

/// A connection laid aside for longer goes back to the pool: a firewall may have cut it.
const UNUSED_AT_MOST: Duration = Duration::from_mins(1);
/// A connection kept for longer does too: the pool replaces those that grew old.
const KEPT_AT_MOST: Duration = Duration::from_mins(10);

/// A few of a pool's connections, kept for statements that follow each other closely.
#[derive(Debug)]
pub struct AtHand {
    pool: PgPool,
    /// The one used last is used first: the fewer are in use, the more each has prepared.
    idle: Mutex<Vec<Kept>>,
    most: usize,
}

#[derive(Debug)]
struct Kept {
    connection: PoolConnection<Postgres>,
    taken: Instant,
    used: Instant,
}

/// A connection on loan. Dropped without [`Loan::done`] it goes back to the pool.
#[derive(Debug)]
pub struct Loan<'h> {
    at_hand: &'h AtHand,
    connection: PoolConnection<Postgres>,
    taken: Instant,
}

impl AtHand {
    /// Keeps at most so many idle connections of a pool: whoever asks the pool itself must find
    /// some.
    pub fn of(pool: &PgPool, most: u32) -> Self {
        Self {
            pool: pool.clone(),
            idle: Mutex::default(),
            most: most as usize,
        }
    }

    /// A connection that is at hand, else one of the pool's.
    ///
    /// # Errors
    /// The pool's.
    pub async fn lend(&self) -> sqlx::Result<Loan<'_>> {
        let (connection, taken) = self.take().await?;
        Ok(Loan {
            at_hand: self,
            connection,
            taken,
        })
    }

    /// Begins a transaction on such a connection, which goes back to the pool when it ends.
    ///
    /// # Errors
    /// The pool's and the database's.
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        let (connection, _) = self.take().await?;
        transaction::begin_on(connection).await
    }

    /// A connection, and since when it is out of the pool.
    async fn take(&self) -> sqlx::Result<(PoolConnection<Postgres>, Instant)> {
        let kept = self.idle().pop();
        match kept {
            Some(kept) if kept.used.elapsed() < UNUSED_AT_MOST => Ok((kept.connection, kept.taken)),
            _ => Ok((self.pool.acquire().await?, Instant::now())),
        }
    }

    /// How many are at hand.
    pub fn num_idle(&self) -> usize {
        self.idle().len()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtHand {
    /// Where no runtime is any more, nothing can go back to a pool.
    fn drop(&mut self) {
        for kept in self.idle().drain(..) {
            drop(kept.connection.leak());
        }
    }
}

impl Loan<'_> {
    /// Everything asked was answered: the next may have it.
    pub fn done(self) {
        let used = Instant::now();
        let mut idle = self.at_hand.idle();
        if idle.len() < self.at_hand.most && used - self.taken < KEPT_AT_MOST {
            idle.push(Kept {
                connection: self.connection,
                taken: self.taken,
                used,
            });
        }
    }
}

impl Deref for Loan<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Loan<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
