//! A person instead of the bot.

use crate::reading::Reading;
use anyhow::Result;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub fn is_muted(_turn: &mut Turn<'_>, _reading: &Reading) -> bool {
    false
}

/// Stub.
pub async fn ask(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn close(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
