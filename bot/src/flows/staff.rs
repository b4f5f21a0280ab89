//! Staff by chat.

use anyhow::Result;
use warung_domain::conversation::StaffCommand;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn run(_turn: &mut Turn<'_>, _command: StaffCommand) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
