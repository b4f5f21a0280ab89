//! Looking at what is for sale.

use anyhow::Result;
use warung_domain::catalog::{CategorySlug, Sku};

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn products(
    _turn: &mut Turn<'_>,
    _category: Option<CategorySlug>,
    _page: u32,
) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn search(_turn: &mut Turn<'_>, _query: &str, _page: u32) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn detail(_turn: &mut Turn<'_>, _sku: &Sku) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn words(_turn: &mut Turn<'_>, _words: &str) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
