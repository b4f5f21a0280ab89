//! Saldo.

use anyhow::Result;
use warung_domain::{money::Rupiah, payment::PaymentMethod, quote::QuoteNonce};

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn balance(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn top_up(_turn: &mut Turn<'_>, _amount: Option<Rupiah>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn top_up_with(
    _turn: &mut Turn<'_>,
    _amount: Rupiah,
    _method: PaymentMethod,
    _nonce: &QuoteNonce,
) -> Result<Option<Answer>> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn statement(_turn: &mut Turn<'_>, _page: u32) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
