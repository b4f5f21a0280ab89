//! What rows must agree on among themselves.

use std::collections::HashMap;

use super::{Fault, Row};

/// Finds codes that stand twice, and variants of one product that contradict each other.
pub(super) fn check(rows: &[Row], file: &str, faults: &mut Vec<Fault>) {
    let mut fault = |row: &Row, column: &str, reason: String| {
        faults.push(Fault {
            file: file.to_owned(),
            row: row.row,
            column: column.to_owned(),
            reason,
        });
    };
    let mut skus: HashMap<&str, usize> = HashMap::new();
    let mut products: HashMap<(&str, &str), Vec<&Row>> = HashMap::new();
    for row in rows {
        if let Some(first) = skus.get(row.sku.as_str()) {
            fault(row, "sku", format!("stands in row {first} already"));
            continue;
        }
        skus.insert(row.sku.as_str(), row.row);
        let key = (row.category.as_str(), row.name_id.as_str());
        let variants = products.entry(key).or_default();
        if let Some(first) = variants.first() {
            for (column, same) in [
                ("name_en", first.name_en == row.name_en),
                ("kind", first.kind == row.kind),
                (
                    "description_id",
                    agree(variants, row, |row| &row.description_id),
                ),
                (
                    "description_en",
                    agree(variants, row, |row| &row.description_en),
                ),
                ("image", agree(variants, row, image)),
            ] {
                if !same {
                    let reason = "differs from an earlier row of the same product";
                    fault(row, column, reason.to_owned());
                }
            }
        }
        let twin = variants.iter().find(|known| known.label_id == row.label_id);
        if let Some(twin) = twin {
            let reason = format!(
                "is that of row {}: tell variants apart by a label, like Kopi Gayo|250 g",
                twin.row
            );
            fault(row, "name_id", reason);
        }
        variants.push(row);
    }
}

fn image(row: &Row) -> &str {
    row.image.as_deref().unwrap_or_default()
}

/// Whether all that say something say the same.
fn agree(variants: &[&Row], row: &Row, text: impl Fn(&Row) -> &str) -> bool {
    let own = text(row);
    let mut said = variants.iter().map(|variant| text(variant));
    own.is_empty()
        || said
            .find(|text| !text.is_empty())
            .is_none_or(|first| first == own)
}
