//! Language and marketing.

use anyhow::Result;
use warung_domain::language::Language;

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub async fn language(_turn: &mut Turn<'_>, _language: Option<Language>) -> Result<Answer> {
    anyhow::bail!("not built yet")
}

/// Stub.
pub async fn marketing(_turn: &mut Turn<'_>, _wanted: bool) -> Result<Answer> {
    anyhow::bail!("not built yet")
}
