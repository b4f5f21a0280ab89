//! What each field of a row may hold.

use warung_domain::{
    catalog::{CategorySlug, ProductKind, Sku},
    conversation::MAX_STOCK,
    money::Rupiah,
};

use super::{CategoryRow, Row, columns::Fields, pictures::Album};

/// Longest name of a product or category, in characters. A row of a list shows 24 of them.
const MAX_NAME_CHARS: usize = 60;
/// Longest label of a variant, in characters.
const MAX_LABEL_CHARS: usize = 24;
/// Longest description, in characters: with name, price and stock it fits one message.
const MAX_DESCRIPTION_CHARS: usize = 700;
/// Longest emoji of a category, in characters: one emoji may be several.
const MAX_EMOJI_CHARS: usize = 8;
/// The dearest product, in rupiah: the bound of a payment.
const MAX_PRICE: i64 = 20_000_000_000;
/// The heaviest product, in grams.
const MAX_WEIGHT_GRAMS: i64 = 1_000_000;

/// Reads one row of a catalogue; none when something in it is wrong.
pub(super) fn row(fields: &mut Fields<'_>, album: &mut Album) -> Option<Row> {
    // Each field is read before any `?`, so that every fault is found.
    let sku = fields.parsed("sku", |text| {
        Sku::parse(text).map_err(|_| "must be 1 to 32 letters, digits and dashes".to_owned())
    });
    let category = fields.parsed("category", slug);
    let name_id = fields.parsed("name_id", labelled);
    let name_en = fields.parsed("name_en", labelled);
    let description_id = fields.parsed("description_id", description);
    let description_en = fields.parsed("description_en", description);
    let price = fields.parsed("price", rupiah);
    let reseller_price = fields.parsed("reseller_price", |text| {
        if text.is_empty() {
            Ok(None)
        } else {
            rupiah(text).map(Some)
        }
    });
    let kind = fields.parsed("kind", |text| {
        ProductKind::parse(text).ok_or_else(|| "must be physical or digital".to_owned())
    });
    let stock = fields.parsed("stock", |text| match kind {
        Some(ProductKind::Digital) if matches!(text, "" | "0") => Ok(None),
        Some(ProductKind::Digital) => {
            Err("must be empty: the stock of a digital product are its units".to_owned())
        }
        _ if text.is_empty() => Ok(None),
        _ => whole(text, 0, i64::from(MAX_STOCK)).map(Some),
    });
    let weight_grams = fields.parsed("weight_grams", |text| {
        if text.is_empty() {
            Ok(0)
        } else {
            whole(text, 0, MAX_WEIGHT_GRAMS)
        }
    });
    let image = fields.parsed("image", |path| album.digest(path));
    if let (Some(price), Some(Some(reseller))) = (price, reseller_price)
        && reseller > price
    {
        fields.fault("reseller_price", "must not be above the price");
        return None;
    }
    let (name_id, label_id) = name_id?;
    let (name_en, label_en) = name_en?;
    if label_id.is_empty() != label_en.is_empty() {
        let missing = if label_id.is_empty() {
            "name_id"
        } else {
            "name_en"
        };
        fields.fault(missing, "must carry a label behind | like the other name");
        return None;
    }
    Some(Row {
        row: fields.row(),
        sku: sku?,
        category: category?,
        name_id,
        name_en,
        label_id,
        label_en,
        description_id: description_id?,
        description_en: description_en?,
        price: price?,
        reseller_price: reseller_price?.or(price)?,
        stock: stock?,
        kind: kind?,
        weight_grams: weight_grams?,
        image: image?,
    })
}

/// Reads one row of the categories; none when something in it is wrong.
pub(super) fn category(fields: &mut Fields<'_>) -> Option<CategoryRow> {
    let slug = fields.parsed("slug", slug);
    let name_id = fields.parsed("name_id", name);
    let name_en = fields.parsed("name_en", name);
    let emoji = fields.parsed("emoji", |text| at_most(text, MAX_EMOJI_CHARS));
    Some(CategoryRow {
        slug: slug?,
        name_id: name_id?,
        name_en: name_en?,
        emoji: emoji?,
    })
}

fn slug(text: &str) -> Result<CategorySlug, String> {
    CategorySlug::parse(text)
        .map_err(|_| "must be 1 to 32 small letters, digits and dashes".to_owned())
}

/// A name and the label behind its bar.
fn labelled(text: &str) -> Result<(String, String), String> {
    let (text, label) = match text.split_once('|') {
        Some((_, label)) if label.trim().is_empty() => {
            return Err("has nothing behind its |".to_owned());
        }
        Some((_, label)) if label.contains('|') => return Err("has more than one |".to_owned()),
        Some((text, label)) => (text, at_most(label.trim(), MAX_LABEL_CHARS)?),
        None => (text, String::new()),
    };
    Ok((name(text.trim())?, label))
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.contains(char::is_control) {
        return Err("must be one line".to_owned());
    }
    at_most(text, MAX_NAME_CHARS)
}

fn description(text: &str) -> Result<String, String> {
    let lines = text.replace("\r\n", "\n");
    if lines.contains(|c: char| c.is_control() && c != '\n') {
        return Err("must not hold control characters".to_owned());
    }
    at_most(&lines, MAX_DESCRIPTION_CHARS)
}

fn at_most(text: &str, limit: usize) -> Result<String, String> {
    let count = text.chars().count();
    if count > limit {
        return Err(format!("has {count} characters, at most {limit} fit"));
    }
    Ok(text.to_owned())
}

/// Digits alone: `85.000` is 85 in some spreadsheets and 85000 in others.
fn rupiah(text: &str) -> Result<Rupiah, String> {
    let reason = || format!("must be whole rupiah from 1 to {MAX_PRICE}, like 85000");
    let amount = digits(text)
        .filter(|amount| (1..=MAX_PRICE).contains(amount))
        .ok_or_else(reason)?;
    Rupiah::new(amount).ok_or_else(reason)
}

fn whole(text: &str, least: i64, most: i64) -> Result<i32, String> {
    digits(text)
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
