//! The menu.

use anyhow::Result;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn menu(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
