//! What a catalogue would change.

use std::collections::{HashMap, HashSet};

use warung_domain::{
    catalog::{CategorySlug, ProductKind, Sku},
    money::Rupiah,
};

use super::{Catalogue, Fault, Row};

/// A variant as the shop has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its code.
    pub sku: Sku,
    /// Row id of its product.
    pub product_id: i64,
    /// The product's category.
    pub category: String,
    /// The product's Indonesian name.
    pub name_id: String,
    /// The product's English name.
    pub name_en: String,
    /// The variant's label.
    pub label_id: String,
    /// The variant's label in English.
    pub label_en: String,
    /// The product's Indonesian description.
    pub description_id: String,
    /// The product's English description.
    pub description_en: String,
    /// The product's kind.
    pub kind: ProductKind,
    /// Digest of the product's picture.
    pub image: Option<String>,
    /// Price of one.
    pub price: Rupiah,
    /// Price of one for resellers.
    pub reseller_price: Rupiah,
    /// What a parcel weighs.
    pub weight_grams: i32,
    /// Whether product and variant are for sale.
    pub active: bool,
    /// Units on hand.
    pub on_hand: i32,
    /// Units that open orders hold.
    pub reserved: i32,
}

/// The products of the shop by category and Indonesian name: row id and kind.
pub type Products = HashMap<(String, String), (i64, ProductKind)>;

/// A product that must be as the catalogue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Row id, where the shop has it already.
    pub id: Option<i64>,
    /// Its category.
    pub category: CategorySlug,
    /// Indonesian name.
    pub name_id: String,
    /// English name.
    pub name_en: String,
    /// Indonesian description.
    pub description_id: String,
    /// English description.
    pub description_en: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// Digest of the picture.
    pub image: Option<String>,
    /// Its variants, as places among the catalogue's rows.
    pub variants: Vec<usize>,
}

/// What becomes of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The shop does not have it yet.
    New,
    /// What would change, each as `price 42000 → 45000`.
    Changed(Vec<String>),
    /// All is as the row says.
    Unchanged,
}

/// What a catalogue would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One entry a product, in the order of the file.
    pub products: Vec<Product>,
    /// One entry a row.
    pub changes: Vec<Change>,
    /// What each row sets as the stock on hand, if it sets it.
    pub stocks: Vec<Option<i32>>,
    /// Rows whose stock is not the shop's and stays as the shop has it.
    pub stocks_kept: usize,
}

/// Compares a catalogue with what the shop has. A file is as old as its last edit, and the shop has
/// sold since: `stock` counts for new products, and for the others only with `set_stock`.
///
/// # Errors
/// Faults that only show against the shop: a kind that changes, less stock than is reserved.
pub fn plan(
    catalogue: &Catalogue,
    file: &str,
    existing: &[Existing],
    products: &Products,
    set_stock: bool,
) -> Result<Plan, Vec<Fault>> {
    let known: HashMap<&Sku, &Existing> = existing.iter().map(|e| (&e.sku, e)).collect();
    let mut faults = Vec::new();
    for row in &catalogue.rows {
        let key = (row.category.to_string(), row.name_id.clone());
        let namesake = products.get(&key).map(|(_, kind)| *kind);
        let conflict = conflict(row, known.get(&row.sku).copied(), namesake, set_stock);
        if let Some((column, reason)) = conflict {
            faults.push(Fault {
                file: file.to_owned(),
                row: row.row,
                column: column.to_owned(),
                reason,
            });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let planned = group(&catalogue.rows, &known, products);
    let mut changes = vec![Change::New; catalogue.rows.len()];
    let mut stocks: Vec<Option<i32>> = catalogue.rows.iter().map(|row| row.stock).collect();
    let mut stocks_kept = 0;
    for product in &planned {
        for &index in &product.variants {
            let row = &catalogue.rows[index];
            if let Some(existing) = known.get(&row.sku) {
                if !set_stock {
                    let other = |stock: i32| stock != existing.on_hand;
                    stocks_kept += usize::from(stocks[index].take().is_some_and(other));
                }
                changes[index] = compare(row, product, existing, stocks[index]);
            }
        }
    }
    Ok(Plan {
        products: planned,
        changes,
        stocks,
        stocks_kept,
    })
}

/// Why a row cannot be taken over what the shop has.
fn conflict(
    row: &Row,
    existing: Option<&Existing>,
    namesake: Option<ProductKind>,
    set_stock: bool,
) -> Option<(&'static str, String)> {
    let kind = existing.map(|existing| existing.kind).or(namesake);
    if let Some(kind) = kind.filter(|kind| *kind != row.kind) {
        let reason = format!("cannot change: the shop has it as {}", kind.as_str());
        return Some(("kind", reason));
    }
    if let Some(kind) = namesake.filter(|kind| *kind != row.kind) {
        let reason = format!("the shop has a {} product of this name", kind.as_str());
        return Some(("name_id", reason));
    }
    let Some(existing) = existing else {
        let needs_stock = row.kind == ProductKind::Physical && row.stock.is_none();
        return needs_stock.then(|| ("stock", "is needed for a new product".to_owned()));
    };
    let too_few = set_stock && row.stock.is_some_and(|stock| stock < existing.reserved);
    too_few.then(|| {
        let reason = format!("open orders hold {} of it", existing.reserved);
        ("stock", reason)
    })
}

/// Rows of one category and name are one product. It is the one its variants have been of, unless
/// they were of several; else the one of the same name.
fn group(rows: &[Row], known: &HashMap<&Sku, &Existing>, products: &Products) -> Vec<Product> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut grouped: Vec<Product> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let key = (row.category.as_str(), row.name_id.as_str());
        let place = *places.entry(key).or_insert(grouped.len());
        if place == grouped.len() {
            grouped.push(Product {
                id: None,
                category: row.category.clone(),
                name_id: row.name_id.clone(),
                name_en: row.name_en.clone(),
                description_id: String::new(),
                description_en: String::new(),
                kind: row.kind,
                image: None,
                variants: Vec::new(),
            });
        }
        let product = &mut grouped[place];
        fill(&mut product.description_id, &row.description_id);
        fill(&mut product.description_en, &row.description_en);
        product.image = product.image.take().or_else(|| row.image.clone());
        product.variants.push(index);
    }
    let mut taken = HashSet::new();
    for product in &mut grouped {
        let key = (product.category.to_string(), product.name_id.clone());
        product.id = products.get(&key).map(|(id, _)| *id);
        taken.extend(product.id);
    }
    for product in grouped.iter_mut().filter(|product| product.id.is_none()) {
        let before: HashSet<i64> = product
            .variants
            .iter()
            .filter_map(|&index| known.get(&rows[index].sku))
            .map(|existing| existing.product_id)
            .collect();
        // A product under another name now, if no other row keeps it.
        product.id = match Vec::from_iter(before).as_slice() {
            [id] if taken.insert(*id) => Some(*id),
            _ => None,
        };
    }
    grouped
}

fn fill(text: &mut String, more: &str) {
    if text.is_empty() {
        more.clone_into(text);
    }
}

fn compare(row: &Row, product: &Product, old: &Existing, stock: Option<i32>) -> Change {
    let mut changes = Vec::new();
    let mut note = |column: &str, old: &str, new: &str| {
        if old != new {
            changes.push(format!("{column} {} → {}", shown(old), shown(new)));
        }
    };
    note("category", &old.category, row.category.as_str());
    note("name_id", &old.name_id, &row.name_id);
    note("name_en", &old.name_en, &row.name_en);
    note("label_id", &old.label_id, &row.label_id);
    note("label_en", &old.label_en, &row.label_en);
    note(
        "description_id",
        &old.description_id,
        &product.description_id,
    );
    note(
        "description_en",
        &old.description_en,
        &product.description_en,
    );
    note("price", &number(old.price), &number(row.price));
    note(
        "reseller_price",
        &number(old.reseller_price),
        &number(row.reseller_price),
    );
    let stock = stock.unwrap_or(old.on_hand);
    note("stock", &old.on_hand.to_string(), &stock.to_string());
    note(
        "weight_grams",
        &old.weight_grams.to_string(),
        &row.weight_grams.to_string(),
    );
    let picture = |digest: &Option<String>| digest.as_deref().unwrap_or_default().to_owned();
    note("image", &picture(&old.image), &picture(&product.image));
    if !old.active {
        changes.push("for sale again".to_owned());
    }
    if changes.is_empty() {
        Change::Unchanged
    } else {
        Change::Changed(changes)
    }
}

fn number(amount: Rupiah) -> String {
    amount.get().to_string()
}

/// A value in a report: long ones are cut.
fn shown(value: &str) -> String {
    const SHOWN_CHARS: usize = 24;
    if value.is_empty() {
        return "nothing".to_owned();
    }
    let mut text: String = value.chars().take(SHOWN_CHARS).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text.replace('\n', " ")
}
