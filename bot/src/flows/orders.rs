//! Orders as their customer sees them.

use anyhow::Result;
use warung_domain::order_number::OrderNumber;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn list(_turn: &mut Turn<'_>, _page: u32) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn show(_turn: &mut Turn<'_>, _number: &OrderNumber) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn check_payment(_turn: &mut Turn<'_>, _number: &OrderNumber) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn track(_turn: &mut Turn<'_>, _number: Option<&OrderNumber>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn cancel(_turn: &mut Turn<'_>, _number: Option<&OrderNumber>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
