//! What WhatsApp tells us about who a customer is.

use anyhow::Result;
use warung_whatsapp::inbound::System;

use crate::worker::turn::Turn;

/// Stub.
pub async fn changed(_turn: &mut Turn<'_>, _system: &System) -> Result<()> {
    Ok(())
}
