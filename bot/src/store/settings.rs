//! The shop's own settings: a table of texts, read into memory and refreshed while running.

use std::sync::{Arc, PoisonError, RwLock};

use sqlx::{PgConnection, PgPool};
use warung_domain::{language::Language, money::Rupiah, shipping::Shipping};

use crate::config::Shop;

/// Settings that decide something, with the table's keys.
#[derive(Debug, Clone)]
pub struct ShopSettings {
    /// `shop.name`: what customers call the shop.
    pub display_name: String,
    /// `shop.open`: whether orders are taken.
    pub open: bool,
    /// `shipping.flat_fee` and `shipping.free_above`, in rupiah.
    pub shipping: Shipping,
    /// `orders.complete_after_days`: shipped orders whose customer says nothing are completed after
    /// so many days; 0 leaves them to customers and staff.
    pub complete_after_days: u16,
    /// `whatsapp.read_receipts`: whether customers see that the bot has read what it answers.
    pub read_receipts: bool,
}

/// Until the shop says otherwise: a parcel across the archipelago takes a week or more.
const COMPLETE_AFTER_DAYS: u16 = 14;
/// The most that a shop can say.
const COMPLETE_AFTER_DAYS_MAX: u16 = 365;

/// The settings as last read; a cheap clone.
#[derive(Clone)]
pub struct Settings(Arc<RwLock<Arc<ShopSettings>>>);

/// A setting that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// No such key.
    #[error(
        "unknown setting {0}: shop.name, shop.open, shipping.flat_fee, shipping.free_above, orders.complete_after_days, whatsapp.read_receipts or text.<id|en>.<key>"
    )]
    UnknownKey(String),
    /// The value is not of the key's kind.
    #[error("{0} must be {1}")]
    BadValue(String, &'static str),
}

impl Settings {
    /// The defaults: open, free shipping, named as configured.
    pub fn new(shop: &Shop) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ShopSettings {
            display_name: shop.display_name.clone(),
            open: true,
            shipping: Shipping {
                flat_fee: Rupiah::ZERO,
                free_above: None,
            },
            complete_after_days: COMPLETE_AFTER_DAYS,
            read_receipts: true,
        }))))
    }

    /// As last read.
    pub fn current(&self) -> Arc<ShopSettings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what the table says.
    pub fn apply(&self, rows: &[(String, String)]) {
        let mut next = (*self.current()).clone();
        for (key, value) in rows {
            match key.as_str() {
                "shop.name" => next.display_name.clone_from(value),
                "shop.open" => next.open = value != "false",
                "whatsapp.read_receipts" => next.read_receipts = value != "false",
                "shipping.flat_fee" => next.shipping.flat_fee = rupiah(value).unwrap_or_default(),
                "shipping.free_above" => next.shipping.free_above = rupiah(value),
                "orders.complete_after_days" => {
                    next.complete_after_days = days(value).unwrap_or(COMPLETE_AFTER_DAYS);
                }
                _ => {}
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

/// All rows.
pub async fn load(pool: &PgPool) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("SELECT key, value FROM setting")
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
}

/// The shop's own texts among the rows.
pub fn texts(rows: &[(String, String)]) -> Vec<(Language, String, String)> {
    rows.iter()
        .filter_map(|(key, value)| {
            let (language, key) = key.strip_prefix("text.")?.split_once('.')?;
            Some((Language::parse(language)?, key.to_owned(), value.clone()))
        })
        .collect()
}

/// Checks and stores one setting.
///
/// # Errors
/// [`BadSetting`] inside, or the database's.
pub async fn set(connection: &mut PgConnection, key: &str, value: &str) -> anyhow::Result<()> {
    check(key, value)?;
    sqlx::query!(
        "INSERT INTO setting (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()",
        key,
        value,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn check(key: &str, value: &str) -> Result<(), BadSetting> {
    let bad = |expected| Err(BadSetting::BadValue(key.to_owned(), expected));
    match key {
        "shop.name" if value.trim().is_empty() => bad("a name"),
        "shop.open" | "whatsapp.read_receipts" if !matches!(value, "true" | "false") => {
            bad("true or false")
        }
        "shipping.flat_fee" | "shipping.free_above" if rupiah(value).is_none() => {
            bad("whole rupiah, like 15000")
        }
        "orders.complete_after_days" if days(value).is_none() => bad("0 to 365 whole days"),
        "shop.name"
        | "shop.open"
        | "shipping.flat_fee"
        | "shipping.free_above"
        | "orders.complete_after_days"
        | "whatsapp.read_receipts" => Ok(()),
        _ if key.starts_with("text.id.") || key.starts_with("text.en.") => Ok(()),
        _ => Err(BadSetting::UnknownKey(key.to_owned())),
    }
}

fn days(text: &str) -> Option<u16> {
    let days = text.parse().ok();
    days.filter(|days| *days <= COMPLETE_AFTER_DAYS_MAX)
}

fn rupiah(text: &str) -> Option<Rupiah> {
    text.parse::<i64>().ok().and_then(Rupiah::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_means_nothing_is_refused() {
        assert!(check("shipping.flat_fee", "15000").is_ok());
        assert!(check("text.id.shop-closed", "Libur").is_ok());
        assert!(matches!(
            check("shipping.flat_fee", "15.5"),
            Err(BadSetting::BadValue(..))
        ));
        assert!(check("orders.complete_after_days", "0").is_ok());
        assert!(check("orders.complete_after_days", "366").is_err());
        assert!(matches!(
            check("shop.opne", "true"),
            Err(BadSetting::UnknownKey(_))
        ));
    }
}
