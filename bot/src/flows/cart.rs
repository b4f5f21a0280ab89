//! The cart.

use anyhow::Result;
use warung_domain::money::Quantity;
use warung_whatsapp::inbound::OrderItem;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn show(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn add(
    _turn: &mut Turn<'_>,
    _product: &str,
    _quantity: Option<Quantity>,
) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn remove(
    _turn: &mut Turn<'_>,
    _product: &str,
    _quantity: Option<Quantity>,
) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn clear(_turn: &mut Turn<'_>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn from_catalog(_turn: &mut Turn<'_>, _items: &[OrderItem]) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
