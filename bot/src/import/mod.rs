//! A catalogue as a CSV file: read whole, every fault named by row and column, nothing guessed.
//!
//! One row is one variant, known by its `sku`. Rows of one category with the same name are variants
//! of one product; what tells them apart stands behind a bar in the name: `Kopi Gayo|250 g`.
//! Beside the file, `categories.csv` (`slug,name_id,name_en,emoji`) may name the categories and
//! give their order. Pictures are PNG or JPEG files, named relative to the file.
//!
//! `stock` is what is on hand of a new physical product. Of one that the shop has it stays as it is,
//! because the shop has sold since the file was written, unless the import is told to set it; left
//! empty it stays in any case. A digital product's stock are its units, so its `stock` is empty or 0.

mod columns;
mod fields;
mod groups;
mod pictures;
pub mod plan;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::Path};

use warung_domain::{
    catalog::{CategorySlug, ProductKind, Sku},
    money::Rupiah,
};

use self::columns::Table;
pub use self::pictures::{Album, Picture};

/// The columns of a catalogue.
pub const COLUMNS: [&str; 12] = [
    "sku",
    "category",
    "name_id",
    "name_en",
    "description_id",
    "description_en",
    "price",
    "reseller_price",
    "stock",
    "kind",
    "weight_grams",
    "image",
];

/// The columns of `categories.csv`.
pub const CATEGORY_COLUMNS: [&str; 4] = ["slug", "name_id", "name_en", "emoji"];

/// The file of categories beside a catalogue.
const CATEGORIES_FILE: &str = "categories.csv";

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which file.
    pub file: String,
    /// Which row; the heading is row 1.
    pub row: usize,
    /// Which column; empty for the whole row.
    pub column: String,
    /// What is wrong and what it should be.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row {}", self.file, self.row)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// One row of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands; the heading is row 1.
    pub row: usize,
    /// The variant's code.
    pub sku: Sku,
    /// The product's category.
    pub category: CategorySlug,
    /// The product's Indonesian name.
    pub name_id: String,
    /// The product's English name.
    pub name_en: String,
    /// What tells the variant from others; may be empty.
    pub label_id: String,
    /// The same in English.
    pub label_en: String,
    /// May be empty.
    pub description_id: String,
    /// May be empty.
    pub description_en: String,
    /// Price of one.
    pub price: Rupiah,
    /// Price of one for resellers; the price where the file gives none.
    pub reseller_price: Rupiah,
    /// What is on hand, where it is to be set; none leaves it as it is.
    pub stock: Option<i32>,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// What a parcel weighs.
    pub weight_grams: i32,
    /// Digest of the picture.
    pub image: Option<String>,
}

/// One row of `categories.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryRow {
    /// Its short name.
    pub slug: CategorySlug,
    /// Indonesian name.
    pub name_id: String,
    /// English name.
    pub name_en: String,
    /// Shown before the name; may be empty.
    pub emoji: String,
}

/// A catalogue without faults of its own.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Its rows, in order.
    pub rows: Vec<Row>,
    /// Named categories, in order.
    pub categories: Vec<CategoryRow>,
    /// Its pictures by digest.
    pub pictures: BTreeMap<String, Picture>,
}

/// Why a catalogue cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Unreadable(String, #[source] std::io::Error),
    /// Something in it is wrong.
    #[error("{} faults", .0.len())]
    Faulty(Vec<Fault>),
}

/// Reads a catalogue, its categories and its pictures.
///
/// # Errors
/// [`Refused`] with every fault at once.
pub fn read(file: &Path) -> Result<Catalogue, Refused> {
    let bytes = read_file(file)?;
    let directory = file.parent().unwrap_or(Path::new(""));
    let mut album = Album::beside(directory);
    let mut faults = Vec::new();
    let rows = parse(&bytes, &name_of(file), &mut album, &mut faults);
    let beside = directory.join(CATEGORIES_FILE);
    let categories = match std::fs::read(&beside) {
        Ok(bytes) => parse_categories(&bytes, &mut faults),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Refused::Unreadable(beside.display().to_string(), error)),
    };
    if faults.is_empty() {
        Ok(Catalogue {
            rows,
            categories,
            pictures: album.into_pictures(),
        })
    } else {
        Err(Refused::Faulty(faults))
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, Refused> {
    std::fs::read(file).map_err(|error| Refused::Unreadable(file.display().to_string(), error))
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Reads the rows of a catalogue. Each is in the result or has a fault, and they may be used only
/// where there is no fault at all.
pub fn parse(bytes: &[u8], file: &str, album: &mut Album, faults: &mut Vec<Fault>) -> Vec<Row> {
    let table = Table::read(bytes, file, &COLUMNS, faults);
    let mut rows = Vec::new();
    for record in table.records() {
        let mut fields = record.fields(faults);
        if let Some(row) = fields::row(&mut fields, album) {
            rows.push(row);
        }
    }
    groups::check(&rows, file, faults);
    faults.sort_by_key(|fault| fault.row);
    rows
}

/// Reads the rows of `categories.csv`, likewise.
pub fn parse_categories(bytes: &[u8], faults: &mut Vec<Fault>) -> Vec<CategoryRow> {
    let table = Table::read(bytes, CATEGORIES_FILE, &CATEGORY_COLUMNS, faults);
    let mut rows: Vec<CategoryRow> = Vec::new();
    for record in table.records() {
        let mut fields = record.fields(faults);
        let Some(row) = fields::category(&mut fields) else {
            continue;
        };
        if rows.iter().any(|known| known.slug == row.slug) {
            fields.fault("slug", "stands twice in the file");
        }
        rows.push(row);
    }
    rows
}
