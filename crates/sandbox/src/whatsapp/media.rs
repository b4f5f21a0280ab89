//! Uploaded pictures and files, and what Meta accepts of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;

const MEGABYTE: usize = 1024 * 1024;
/// Largest image, in bytes (Meta: 5 MB).
const IMAGE_MAX_BYTES: usize = 5 * MEGABYTE;
/// Largest audio or video file, in bytes (Meta: 16 MB).
const AUDIO_VIDEO_MAX_BYTES: usize = 16 * MEGABYTE;
/// Largest document, in bytes (Meta: 100 MB).
pub(super) const DOCUMENT_MAX_BYTES: usize = 100 * MEGABYTE;
/// What the store keeps before it forgets the oldest upload, in bytes.
const STORE_MAX_BYTES: usize = 256 * MEGABYTE;

/// One stored file.
#[derive(Debug)]
pub struct Media {
    /// Meta's media id.
    pub id: String,
    /// Its type, such as `image/png`.
    pub mime_type: String,
    /// The file itself.
    pub bytes: Bytes,
    /// Lower-case hexadecimal SHA-256 of the bytes.
    pub sha256: String,
}

/// All files of one sandbox; the oldest go when it is full.
#[derive(Debug, Default)]
pub(super) struct MediaStore {
    files: HashMap<String, Arc<Media>>,
    oldest_first: VecDeque<String>,
    bytes: usize,
}

impl Media {
    pub(super) fn new(id: String, mime_type: String, bytes: Bytes) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Self {
            id,
            mime_type,
            bytes,
            sha256,
        }
    }
}

impl MediaStore {
    pub(super) fn put(&mut self, media: Media) -> Arc<Media> {
        self.bytes += media.bytes.len();
        let media = Arc::new(media);
        self.oldest_first.push_back(media.id.clone());
        self.files.insert(media.id.clone(), Arc::clone(&media));
        while self.bytes > STORE_MAX_BYTES
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.remove(&oldest);
        }
        media
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Media>> {
        self.files.get(id).cloned()
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(media) = self.files.remove(id) else {
            return false;
        };
        self.bytes -= media.bytes.len();
        true
    }
}

/// Checks a file's type, size and, for pictures, its first bytes. Meta's error is 131053.
pub(super) fn check(mime_type: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let max = match mime_type {
        "image/jpeg" | "image/png" => IMAGE_MAX_BYTES,
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "video/mp4"
        | "video/3gpp" => AUDIO_VIDEO_MAX_BYTES,
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => DOCUMENT_MAX_BYTES,
        other => return Err(refused(format!("Unsupported media type {other}"))),
    };
    if bytes.is_empty() {
        return Err(refused("The file is empty"));
    }
    if bytes.len() > max {
        return Err(refused(format!(
            "File of {} bytes exceeds the {max} allowed",
            bytes.len()
        )));
    }
    let is_what_it_says = match mime_type {
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" => bytes.starts_with(b"\xff\xd8\xff"),
        "application/pdf" => bytes.starts_with(b"%PDF"),
        _ => true,
    };
    if is_what_it_says {
        Ok(())
    } else {
        Err(refused(format!("The file's content is not {mime_type}")))
    }
}

fn refused(details: impl Into<String>) -> Refusal {
    Refusal::new(131_053, details)
}
