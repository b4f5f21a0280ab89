//! Confirming a quote.

use anyhow::Result;
use warung_domain::{payment::PaymentMethod, quote::QuoteNonce};

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn confirm(
    _turn: &mut Turn<'_>,
    _quote: &QuoteNonce,
    _method: Option<PaymentMethod>,
) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn yes(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
