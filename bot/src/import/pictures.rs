//! Pictures of products, known by the digest of their content.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};
use warung_whatsapp::limits::IMAGE_BYTES;

/// The content of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The pictures of one catalogue, each read once.
#[derive(Debug, Default)]
pub struct Album {
    /// Where they are looked for; nowhere where there is none.
    directory: Option<PathBuf>,
    digests: HashMap<String, Result<String, String>>,
    pictures: BTreeMap<String, Picture>,
}

impl Album {
    /// Pictures named relative to a directory.
    pub(super) fn beside(directory: &Path) -> Self {
        Self {
            directory: Some(directory.to_owned()),
            ..Self::default()
        }
    }

    /// No pictures at all: each that is asked for is missing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The digest of a picture, none for no path.
    pub(super) fn digest(&mut self, path: &str) -> Result<Option<String>, String> {
        if path.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.digests.get(path) {
            return known.clone().map(Some);
        }
        let read = self.read(path);
        self.digests.insert(path.to_owned(), read.clone());
        read.map(Some)
    }

    pub(super) fn into_pictures(self) -> BTreeMap<String, Picture> {
        self.pictures
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err("must be a path inside the file's directory".to_owned());
        }
        let missing = || "cannot be read: there are no pictures beside the file".to_owned();
        let file = self.directory.as_ref().ok_or_else(missing)?.join(path);
        let size = std::fs::metadata(&file)
            .map_err(|error| format!("cannot be read: {error}"))?
            .len();
        if size > IMAGE_BYTES as u64 {
            return Err(format!(
                "has {size} bytes, at most {IMAGE_BYTES} fit a message"
            ));
        }
        let bytes = std::fs::read(&file).map_err(|error| format!("cannot be read: {error}"))?;
        let mime = mime(&bytes).ok_or_else(|| "is neither PNG nor JPEG".to_owned())?;
        let digest = hex::encode(Sha256::digest(&bytes));
        self.pictures
            .insert(digest.clone(), Picture { mime, bytes });
        Ok(digest)
    }
}

/// The kind of a picture by its first bytes (PNG specification §5.2, JPEG's SOI marker).
fn mime(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else {
        None
    }
}
