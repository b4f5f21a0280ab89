//! From a cart or a product to a quote.

use anyhow::Result;
use warung_domain::{money::Quantity, quote::QuoteNonce};

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn buy(
    _turn: &mut Turn<'_>,
    _product: &str,
    _quantity: Option<Quantity>,
) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn cart(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn address(_turn: &mut Turn<'_>, _text: Option<&str>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn methods(_turn: &mut Turn<'_>, _quote: &QuoteNonce) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn decline(_turn: &mut Turn<'_>, _quote: Option<&QuoteNonce>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
