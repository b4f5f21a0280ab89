//! QR codes: the text of an Indonesian QRIS code and its picture.

use std::fmt::Write;

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The longest merchant name an EMV code may carry.
const NAME_MAX: usize = 25;

/// The text of a dynamic QRIS code (EMV merchant-presented mode, ISO 18245 category 5499).
///
/// `reference` makes it unique; `amount` is in rupiah.
pub(super) fn emv(shop_name: &str, merchant_id: &str, amount: i64, reference: &str) -> String {
    let name: String = shop_name
        .chars()
        .filter(char::is_ascii)
        .take(NAME_MAX)
        .collect();
    let merchant: String = merchant_id.chars().take(15).collect();
    let reference: String = reference.replace('-', "").chars().take(25).collect();
    let acquirer = [
        field("00", "COM.GO-JEK.WWW"),
        field("01", "936009143000000001"),
        field("02", &merchant),
        field("03", "UMI"),
    ]
    .concat();
    let national = [
        field("00", "ID.CO.QRIS.WWW"),
        field("02", "ID1020304050607"),
        field("03", "UMI"),
    ]
    .concat();
    let mut text = [
        field("00", "01"),
        field("01", "12"),
        field("26", &acquirer),
        field("51", &national),
        field("52", "5499"),
        field("53", "360"),
        field("54", &amount.to_string()),
        field("58", "ID"),
        field("59", &name),
        field("60", "Jakarta"),
        field("61", "10110"),
        field("62", &field("05", &reference)),
    ]
    .concat();
    text.push_str("6304");
    let check = crc(text.as_bytes());
    write!(text, "{check:04X}").ok();
    text
}

/// The code as an SVG picture; `None` when the text is too long for one.
pub(super) fn picture(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build();
    // An SVG inside a page needs no XML declaration, and HTML calls one an error.
    let start = picture.find("<svg")?;
    Some(picture[start..].to_owned())
}

fn field(tag: &str, value: &str) -> String {
    format!("{tag}{:02}{value}", value.len())
}

/// CRC-16/CCITT-FALSE, as EMV asks for in field 63.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc(b"123456789"), 0x29B1);
    }

    #[test]
    fn a_code_names_its_amount_and_ends_in_its_checksum() {
        let text = emv("Toko Sari", "M123456", 27_500, "a1b2");
        assert!(text.starts_with("000201010212"));
        assert!(text.contains("540527500"));
        let (body, check) = text.split_at(text.len() - 4);
        assert_eq!(check, format!("{:04X}", crc(body.as_bytes())));
        assert!(picture(&text).unwrap().starts_with("<svg"));
    }
}
