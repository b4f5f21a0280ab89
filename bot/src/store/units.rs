//! Units of digital products: one row, one secret, one buyer. Secrets are sealed; a keyed digest
//! finds duplicates without opening any.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::catalog::{ProductKind, Sku};

use super::catalog::unexpected;
use crate::vault::Vault;

/// What secrets of units are sealed for.
pub const SEAL_PURPOSE: &str = "stock_unit";

/// The longest secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 1000;

/// What adding units came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// How many are new.
    pub added: u32,
    /// Which of the given secrets, counted from 1 and without blank ones, were known already or
    /// given twice.
    pub duplicates: Vec<usize>,
}

/// A variant that units may be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Row id.
    pub variant_id: i64,
    /// Only digital ones have units.
    pub kind: ProductKind,
}

/// The variant with a code, for sale or not.
pub async fn target(connection: &mut PgConnection, sku: &Sku) -> sqlx::Result<Option<Target>> {
    let row = sqlx::query!(
        "SELECT v.id, p.kind FROM variant v JOIN product p ON p.id = v.product_id WHERE v.sku = $1",
        sku.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Target {
            variant_id: row.id,
            kind: ProductKind::parse(&row.kind)
                .ok_or_else(|| unexpected("product.kind", row.id))?,
        })
    })
    .transpose()
}

/// Adds units to a digital variant, each once however often it is given, and raises its stock by
/// as many as are new. Blank secrets are passed over.
///
/// Call it in a transaction: it locks the variant's stock.
pub async fn add(
    connection: &mut PgConnection,
    vault: &Vault,
    variant_id: i64,
    secrets: &[String],
    actor: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Added> {
    sqlx::query!(
        "SELECT on_hand FROM stock_item WHERE variant_id = $1 FOR UPDATE",
        variant_id
    )
    .fetch_one(&mut *connection)
    .await?;
    let fingerprints: Vec<Vec<u8>> = given(secrets)
        .map(|secret| vault.fingerprint(secret))
        .collect();
    let mut known: HashSet<Vec<u8>> = sqlx::query_scalar!(
        "SELECT fingerprint FROM stock_unit WHERE variant_id = $1 AND fingerprint = ANY($2)",
        variant_id,
        &fingerprints,
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .collect();
    let mut result = Added::default();
    let (mut new, mut sealed) = (Vec::new(), Vec::new());
    for (index, (secret, fingerprint)) in given(secrets).zip(fingerprints).enumerate() {
        if known.insert(fingerprint.clone()) {
            new.push(fingerprint);
            sealed.push(vault.seal(SEAL_PURPOSE, secret.as_bytes()));
        } else {
            result.duplicates.push(index + 1);
        }
    }
    if new.is_empty() {
        return Ok(result);
    }
    let added = sqlx::query_scalar!(
        r#"
        WITH unit AS (
            INSERT INTO stock_unit (variant_id, fingerprint, secret)
            SELECT $1, * FROM UNNEST($2::bytea[], $3::bytea[])
            RETURNING id
        ), raised AS (
            UPDATE stock_item SET on_hand = on_hand + (SELECT count(*) FROM unit)
            WHERE variant_id = $1
        )
        INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
        SELECT $1, count(*), 'units', $4, $5 FROM unit
        RETURNING delta
        "#,
        variant_id,
        &new,
        &sealed,
        actor,
        now,
    )
    .fetch_one(connection)
    .await?;
    result.added = u32::try_from(added).unwrap_or(0);
    Ok(result)
}

/// The secrets that say something, without blanks around them.
fn given(secrets: &[String]) -> impl Iterator<Item = &str> {
    secrets
        .iter()
        .map(|secret| secret.trim())
        .filter(|secret| !secret.is_empty())
}
