//! Short-lived state of a conversation, as JSON.

use std::time::Duration;

use redis::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Coordination;
use crate::cluster::{CallError, millis, slot::slot_of};
use crate::metrics::Command;

/// Largest session, encoded.
pub const SESSION_MAX_BYTES: usize = 64 * 1024;

/// Why a session could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Redis is away. Start anew: nothing that matters lives in a session.
    #[error("redis is away")]
    Unavailable,
    /// The session is larger than [`SESSION_MAX_BYTES`].
    #[error("a session of {bytes} bytes is too large")]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
    },
    /// What is stored does not fit the type, as after an upgrade.
    #[error("the session does not fit its type")]
    Malformed(#[source] serde_json::Error),
}

impl From<CallError> for SessionError {
    fn from(_: CallError) -> Self {
        Self::Unavailable
    }
}

/// Sessions of one shop, by the caller's own id.
///
/// ```no_run
/// # async fn example(coordination: warung_coordination::Coordination)
/// # -> Result<(), warung_coordination::SessionError> {
/// use std::time::Duration;
///
/// let sessions = coordination.sessions();
/// sessions.put("6281200001", &vec!["kopi"], Duration::from_secs(900)).await?;
/// let seen: Option<Vec<String>> = sessions.get("6281200001").await?;
/// sessions.delete("6281200001").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sessions {
    coordination: Coordination,
}

impl Sessions {
    /// Reads a session; `None` when there is none or it has expired.
    pub async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, SessionError> {
        let (key, slot) = self.key(id);
        let mut cmd = redis::cmd("GET");
        cmd.arg(&key);
        match self
            .coordination
            .cluster()
            .call(Command::SessionGet, slot, &cmd)
            .await?
        {
            Value::BulkString(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(SessionError::Malformed),
            _ => Ok(None),
        }
    }

    /// Writes a session, to be forgotten after `ttl`.
    pub async fn put<T: Serialize + ?Sized>(
        &self,
        id: &str,
        session: &T,
        ttl: Duration,
    ) -> Result<(), SessionError> {
        let bytes = serde_json::to_vec(session).map_err(SessionError::Malformed)?;
        if bytes.len() > SESSION_MAX_BYTES {
            return Err(SessionError::TooLarge { bytes: bytes.len() });
        }
        let (key, slot) = self.key(id);
        let mut cmd = redis::cmd("SET");
        cmd.arg(&key).arg(bytes).arg("PX").arg(millis(ttl).max(1));
        self.coordination
            .cluster()
            .call(Command::SessionPut, slot, &cmd)
            .await?;
        Ok(())
    }

    /// Forgets a session.
    pub async fn delete(&self, id: &str) -> Result<(), SessionError> {
        let (key, slot) = self.key(id);
        let mut cmd = redis::cmd("DEL");
        cmd.arg(&key);
        self.coordination
            .cluster()
            .call(Command::SessionDelete, slot, &cmd)
            .await?;
        Ok(())
    }

    fn key(&self, id: &str) -> (String, u16) {
        let key = format!("{}session:{id}", self.coordination.cluster().prefix);
        let slot = slot_of(key.as_bytes());
        (key, slot)
    }
}

impl Coordination {
    /// The sessions of this shop.
    pub fn sessions(&self) -> Sessions {
        Sessions {
            coordination: self.clone(),
        }
    }
}
