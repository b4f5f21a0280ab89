//! QRIS codes as pictures.

use qrcode::{Color, EcLevel, QrCode};

/// Side of one module in pixels.
const MODULE_PIXELS: usize = 8;
/// Red, green, blue.
const BYTES_PER_PIXEL: usize = 3;
/// White border in modules, as ISO/IEC 18004 asks.
const QUIET_MODULES: usize = 4;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// The text is too long for a QR code.
    #[error("text does not fit a QR code")]
    Text(#[from] qrcode::types::QrError),
    /// The encoder failed.
    #[error("picture cannot be encoded")]
    Png(#[from] png::EncodingError),
}

/// A black and white PNG of `text` as a QR code, in 8-bit RGB as Meta asks of images.
///
/// # Errors
/// Text over about 2,300 bytes.
pub fn png(text: &str) -> Result<Vec<u8>, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET_MODULES) * MODULE_PIXELS;
    let stride = side * BYTES_PER_PIXEL;
    let mut pixels = vec![u8::MAX; side * stride];
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let left = (index % modules + QUIET_MODULES) * MODULE_PIXELS;
            let top = (index / modules + QUIET_MODULES) * MODULE_PIXELS;
            for row in top..top + MODULE_PIXELS {
                let start = row * stride + left * BYTES_PER_PIXEL;
                pixels[start..start + MODULE_PIXELS * BYTES_PER_PIXEL].fill(0);
            }
        }
    }
    let mut picture = Vec::new();
    let width = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut picture, width, width);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_has_its_quiet_border_and_fits_whatsapps_limit() {
        let picture = png("00020101021226620014ID.CO.QRIS.WWW").unwrap();
        assert!(picture.len() < 100_000);
        let decoder = png::Decoder::new(std::io::Cursor::new(&picture));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let stride = usize::try_from(reader.info().width).unwrap() * BYTES_PER_PIXEL;
        let border = QUIET_MODULES * MODULE_PIXELS;
        assert!(
            pixels[..border * stride]
                .iter()
                .all(|byte| *byte == u8::MAX)
        );
        let first = border * stride + border * BYTES_PER_PIXEL;
        assert_eq!(pixels[first], 0, "the finder pattern begins after it");
    }
}
