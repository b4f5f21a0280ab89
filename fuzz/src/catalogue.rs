//! A file of products, and one of categories.

use std::collections::BTreeSet;

use csv::{QuoteStyle, WriterBuilder};
use warung_bot::import::{
    Album, CATEGORY_COLUMNS, COLUMNS, CategoryRow, Fault, Row, parse, parse_categories,
};

/// A row is read or named by a fault, never dropped; a fault says which row and which column of the
/// file; what was read comes back when it is written again.
pub fn holds(bytes: &[u8]) {
    let (rows, faults) = products(bytes);
    let read: Vec<usize> = rows.iter().map(|row| row.row).collect();
    nothing_is_dropped(bytes, &read, &faults, &COLUMNS);
    if faults.is_empty() {
        let again = products(&written_products(&rows));
        let renumbered = (2..).zip(rows).map(|(row, read)| Row { row, ..read });
        assert_eq!(again, (renumbered.collect(), Vec::new()));
    }
    let mut faults = Vec::new();
    let categories = parse_categories(bytes, &mut faults);
    let refused: BTreeSet<usize> = faults.iter().map(|fault| fault.row).collect();
    let rows = rows_of(bytes);
    assert!(
        refused.contains(&heading(&rows)) || categories.len() + refused.len() >= full(&rows).len(),
        "a category is dropped"
    );
    if faults.is_empty() {
        let again = parse_categories(&written_categories(&categories), &mut faults);
        assert_eq!((again, faults), (categories, Vec::new()));
    }
}

fn products(bytes: &[u8]) -> (Vec<Row>, Vec<Fault>) {
    let mut faults = Vec::new();
    let rows = parse(bytes, "products.csv", &mut Album::empty(), &mut faults);
    (rows, faults)
}

fn nothing_is_dropped(bytes: &[u8], read: &[usize], faults: &[Fault], columns: &[&str]) {
    let rows = rows_of(bytes);
    let heading = heading(&rows);
    let mut named: BTreeSet<usize> = read.iter().copied().collect();
    assert_eq!(named.len(), read.len(), "a row is read twice");
    for fault in faults {
        let at = (fault.row, fault.column.as_str());
        let is_column = at.1.is_empty() || columns.contains(&at.1);
        assert!(fault.row == heading || is_column, "{at:?} is no column");
        assert!(
            fault.row == heading || rows.iter().any(|(row, _)| *row == fault.row),
            "{at:?} is no row of {rows:?}"
        );
        assert!(!fault.reason.is_empty(), "{at:?} says nothing");
        named.insert(fault.row);
    }
    if faults.iter().any(|fault| fault.row == heading) {
        return;
    }
    let left: Vec<usize> = full(&rows)
        .into_iter()
        .filter(|row| !named.contains(row))
        .collect();
    assert!(
        left.is_empty(),
        "rows {left:?} are neither read nor refused"
    );
}

/// Where the heading stands; in an empty file it would be the first row.
fn heading(rows: &[(usize, bool)]) -> usize {
    rows.first().map_or(1, |(row, _)| *row)
}

/// The rows below the heading that say something.
fn full(rows: &[(usize, bool)]) -> Vec<usize> {
    let below = rows.iter().skip(1);
    below
        .filter_map(|(row, says)| says.then_some(*row))
        .collect()
}

/// The rows of a file as a spreadsheet numbers them, but for the empty lines, and whether a row
/// says anything: written from RFC 4180 and not with the reader under test.
fn rows_of(bytes: &[u8]) -> Vec<(usize, bool)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut rows, mut row, mut at) = (Vec::new(), 1, 0);
    while at < bytes.len() {
        let (end, says) = row_from(bytes, at);
        let is_empty = end == at;
        if !is_empty {
            rows.push((row, says));
        }
        row += 1;
        at = match bytes.get(end..) {
            Some([b'\r', b'\n', ..]) => end + 2,
            _ => end + 1,
        };
    }
    rows
}

/// Where the row that begins at `at` ends, and whether it holds more than blanks.
fn row_from(bytes: &[u8], at: usize) -> (usize, bool) {
    let (mut quoted, mut begins, mut says) = (false, true, false);
    let mut index = at;
    while let Some(&byte) = bytes.get(index) {
        match byte {
            b'"' if quoted => {
                // Two are one, as a character; one alone ends the quotation.
                if bytes.get(index + 1) == Some(&b'"') {
                    says = true;
                    index += 1;
                } else {
                    quoted = false;
                }
            }
            b'"' if begins => quoted = true,
            b',' if !quoted => {
                begins = true;
                index += 1;
                continue;
            }
            b'\r' | b'\n' if !quoted => break,
            byte => says |= !byte.is_ascii_whitespace(),
        }
        begins = false;
        index += 1;
    }
    (index, says)
}

fn written_products(rows: &[Row]) -> Vec<u8> {
    let named = |name: &str, label: &str| match label {
        "" => name.to_owned(),
        label => format!("{name}|{label}"),
    };
    written(
        &COLUMNS,
        rows.iter().map(|row| {
            let stock = row.stock.map(|stock| stock.to_string());
            vec![
                row.sku.to_string(),
                row.category.to_string(),
                named(&row.name_id, &row.label_id),
                named(&row.name_en, &row.label_en),
                row.description_id.clone(),
                row.description_en.clone(),
                row.price.get().to_string(),
                row.reseller_price.get().to_string(),
                stock.unwrap_or_default(),
                row.kind.as_str().to_owned(),
                row.weight_grams.to_string(),
                String::new(),
            ]
        }),
    )
}

fn written_categories(rows: &[CategoryRow]) -> Vec<u8> {
    written(
        &CATEGORY_COLUMNS,
        rows.iter().map(|row| {
            vec![
                row.slug.to_string(),
                row.name_id.clone(),
                row.name_en.clone(),
                row.emoji.clone(),
            ]
        }),
    )
}

fn written(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut file = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .from_writer(Vec::new());
    file.write_record(columns).expect("into memory");
    for row in rows {
        file.write_record(row).expect("into memory");
    }
    file.into_inner().expect("into memory")
}
