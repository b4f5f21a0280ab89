//! A CSV file as rows whose fields are found by the names in its heading.

use csv::{ByteRecord, ReaderBuilder};

use super::Fault;

/// The bytes that spreadsheets put before UTF-8 text; the reader passes over them.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file with a heading.
pub(super) struct Table<'f> {
    file: &'f str,
    /// The wanted columns, each with its place.
    places: Vec<(&'static str, Option<usize>)>,
    /// Fields that the heading has.
    width: usize,
    /// Rows after the heading with their numbers, blank ones left out.
    records: Vec<(usize, ByteRecord)>,
}

/// One row.
pub(super) struct Record<'t> {
    table: &'t Table<'t>,
    row: usize,
    fields: &'t ByteRecord,
}

/// The fields of one row while they are read; what is wrong is collected.
pub(super) struct Fields<'t> {
    record: Record<'t>,
    faults: &'t mut Vec<Fault>,
}

impl<'f> Table<'f> {
    /// Splits a file and finds its columns. A column that is missing, unknown or there twice is a
    /// fault; the other columns are read all the same.
    pub(super) fn read(
        bytes: &[u8],
        file: &'f str,
        wanted: &[&'static str],
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut heading: Option<(usize, ByteRecord)> = None;
        let mut records = Vec::new();
        let mut row = 0;
        // In memory and flexible, a byte record cannot fail.
        for record in reader.byte_records().flatten() {
            row += 1 + empty_lines_before(bytes, &record);
            if heading.is_none() {
                heading = Some((row, record));
            } else if record.iter().any(|field| !field.trim_ascii().is_empty()) {
                records.push((row, record));
            }
        }
        let (row, heading) = heading.unwrap_or_else(|| (1, ByteRecord::new()));
        Self {
            file,
            places: places(&heading, (file, row), wanted, faults),
            width: heading.len(),
            records,
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().map(|(row, fields)| Record {
            table: self,
            row: *row,
            fields,
        })
    }
}

/// The empty lines that the reader passed over before a row, and which a spreadsheet counts.
fn empty_lines_before(bytes: &[u8], record: &ByteRecord) -> usize {
    let start = record.position().map_or(0, csv::Position::byte);
    let start = usize::try_from(start).unwrap_or(bytes.len());
    let (before, behind) = bytes.split_at(start.min(bytes.len()));
    let behind = match before {
        [] => behind.strip_prefix(BYTE_ORDER_MARK).unwrap_or(behind),
        _ => behind,
    };
    // The reader ends a row with the first of CR LF, which is one end of a line.
    let mut last = before.last().copied();
    let mut lines = 0;
    for byte in behind {
        match byte {
            b'\n' if last == Some(b'\r') => {}
            b'\r' | b'\n' => lines += 1,
            _ => break,
        }
        last = Some(*byte);
    }
    lines
}

/// Where each wanted column stands.
fn places(
    heading: &ByteRecord,
    (file, row): (&str, usize),
    wanted: &[&'static str],
    faults: &mut Vec<Fault>,
) -> Vec<(&'static str, Option<usize>)> {
    let names: Vec<String> = heading
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_lowercase())
        .collect();
    let mut fault = |column: &str, reason: &str| {
        faults.push(Fault {
            file: file.to_owned(),
            row,
            column: column.to_owned(),
            reason: reason.to_owned(),
        });
    };
    if let [name] = names.as_slice()
        && name.contains(';')
    {
        fault(
            "",
            "the columns must be separated by commas, not semicolons",
        );
        return wanted.iter().map(|name| (*name, None)).collect();
    }
    for (index, name) in names.iter().enumerate() {
        if !wanted.contains(&name.as_str()) {
            fault(name, "is no column of this file");
        } else if names[..index].contains(name) {
            fault(name, "stands twice in the heading");
        }
    }
    wanted
        .iter()
        .map(|name| {
            let place = names.iter().position(|known| known == name);
            if place.is_none() {
                fault(name, "is missing in the heading");
            }
            (*name, place)
        })
        .collect()
}

impl<'t> Record<'t> {
    /// The row's fields. One with more or fewer than the heading is a fault.
    pub(super) fn fields(self, faults: &'t mut Vec<Fault>) -> Fields<'t> {
        let (has, wanted) = (self.fields.len(), self.table.width);
        let mut fields = Fields {
            record: self,
            faults,
        };
        if has != wanted {
            fields.fault(
                "",
                &format!("has {has} fields, but the heading has {wanted}"),
            );
        }
        fields
    }
}

impl Fields<'_> {
    /// Which row it is.
    pub(super) fn row(&self) -> usize {
        self.record.row
    }

    /// Notes what is wrong in a column.
    pub(super) fn fault(&mut self, column: &str, reason: &str) {
        self.faults.push(Fault {
            file: self.record.table.file.to_owned(),
            row: self.record.row,
            column: column.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// A field without blanks around it. None when its column is missing (a fault of the heading),
    /// or when it is no UTF-8 (a fault of its own).
    pub(super) fn text(&mut self, column: &'static str) -> Option<String> {
        let (_, place) = *self
            .record
            .table
            .places
            .iter()
            .find(|(name, _)| *name == column)?;
        let bytes = self.record.fields.get(place?).unwrap_or_default();
        if let Ok(text) = std::str::from_utf8(bytes) {
            Some(text.trim().to_owned())
        } else {
            self.fault(column, "is not UTF-8 text: save the file as CSV UTF-8");
            None
        }
    }

    /// A field read by `parse`, whose error is the fault.
    pub(super) fn parsed<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(column)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(column, &reason);
                None
            }
        }
    }
}
