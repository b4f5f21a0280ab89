//! Confirming a quote.

use anyhow::Result;
use warung_domain::{payment::PaymentMethod, quote::QuoteNonce};

use crate::worker::turn::{Answer, Turn};

/// How a customer wants to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The way.
    pub method: PaymentMethod,
    /// Whether saldo pays as much as it can and `method` only the rest.
    pub with_saldo: bool,
}

/// Stub.
pub async fn yes(_turn: &mut Turn<'_>) -> Result<Option<Answer>> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn confirm(_turn: &mut Turn<'_>, _quote: &QuoteNonce) -> Result<Option<Answer>> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn pay(_turn: &mut Turn<'_>, _quote: &QuoteNonce, _wish: Wish) -> Result<Option<Answer>> {
    anyhow::bail!("not built yet")
}
