//! Every limit of the Cloud API this crate keeps to.
//!
//! Meta counts "characters" without saying which; lengths here are UTF-16 code units, the largest
//! of the plausible readings for any text, so that a text inside the limit is inside it however it
//! is counted.

/// Longest body of a text message, in UTF-16 units.
pub const TEXT_BODY_UNITS: usize = 4096;
/// Longest body of an interactive message. Meta's list page says 4096, its `OpenAPI` file 1024.
pub const INTERACTIVE_BODY_UNITS: usize = 1024;
/// Longest text header of an interactive message.
pub const HEADER_UNITS: usize = 60;
/// Longest footer of an interactive message.
pub const FOOTER_UNITS: usize = 60;
/// Longest caption of a picture, video or document.
pub const CAPTION_UNITS: usize = 1024;

/// Most reply buttons of a message.
pub const BUTTONS: usize = 3;
/// Longest title of a reply button.
pub const BUTTON_TITLE_UNITS: usize = 20;
/// Longest id of a reply button.
pub const BUTTON_ID_UNITS: usize = 256;

/// Most rows of a list, over all its sections.
pub const LIST_ROWS: usize = 10;
/// Most sections of a list.
pub const LIST_SECTIONS: usize = 10;
/// Longest label of the button that opens a list.
pub const LIST_LABEL_UNITS: usize = 20;
/// Longest title of a list's section.
pub const SECTION_TITLE_UNITS: usize = 24;
/// Longest title of a list's row.
pub const ROW_TITLE_UNITS: usize = 24;
/// Longest description of a list's row.
pub const ROW_DESCRIPTION_UNITS: usize = 72;
/// Longest id of a list's row.
pub const ROW_ID_UNITS: usize = 200;

/// Longest label of a link button (`cta_url`).
pub const LINK_LABEL_UNITS: usize = 20;
/// Longest link this crate puts behind a button; Meta names no limit.
pub const LINK_URL_UNITS: usize = 2000;

/// Longest `biz_opaque_callback_data`.
pub const CALLBACK_DATA_UNITS: usize = 512;

/// Largest webhook body, in bytes (3 MB).
pub const WEBHOOK_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Largest picture (JPEG or PNG) that can be uploaded, in bytes.
pub const IMAGE_BYTES: usize = 5 * 1024 * 1024;
/// Largest video or audio file that can be uploaded, in bytes.
pub const VIDEO_OR_AUDIO_BYTES: usize = 16 * 1024 * 1024;
/// Largest document that can be uploaded, in bytes.
pub const DOCUMENT_BYTES: usize = 100 * 1024 * 1024;
