//! Product pictures by the digest of their content: what an address shows never changes.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use warung_whatsapp::limits::IMAGE_BYTES;

use crate::app::App;

/// The unit of the budget in bytes.
const BUDGET_UNIT_BYTES: usize = 4_096;
/// Memory that pictures on their way out may take together, in units: 64 MiB.
const BUDGET_UNITS: usize = 16_384;
/// What loading the largest picture takes, in units: as it comes from PostgreSQL, and as it leaves.
const LOADING_UNITS: usize = (2 * IMAGE_BYTES).div_ceil(BUDGET_UNIT_BYTES);
/// How long a picture may wait for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);
/// What is handed to a connection at a time, in bytes.
const PIECE_BYTES: usize = 64 * 1_024;

static BUDGET: Semaphore = Semaphore::const_new(BUDGET_UNITS);

pub(super) async fn get(State(app): State<App>, Path(file): Path<String>) -> Response {
    let digest = file.split('.').next().unwrap_or_default();
    if !is_digest(digest) {
        // Nothing that PostgreSQL need be asked, or could be: a path may hold a NUL.
        return StatusCode::NOT_FOUND.into_response();
    }
    // Before it is loaded: a picture that finds no room has none for a moment either.
    let units = u32::try_from(LOADING_UNITS).unwrap_or(u32::MAX);
    let room = timeout(ROOM_TIMEOUT, BUDGET.acquire_many(units)).await;
    let Ok(Ok(room)) = room else {
        app.metrics.shed.with_label_values(&["pictures"]).inc();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let found = sqlx::query!("SELECT mime, bytes FROM media WHERE sha256 = $1", digest)
        .fetch_optional(&app.pool)
        .await;
    match found {
        Ok(Some(media)) => {
            let cached = "public, max-age=31536000, immutable".to_owned();
            let headers = [(CONTENT_TYPE, media.mime), (CACHE_CONTROL, cached)];
            (headers, Body::new(Picture::leaves(media.bytes, room))).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, "a picture could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// A SHA-256 in hexadecimal.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A picture on its way out: its share of the memory is held until the last piece is taken.
struct Picture {
    left: Bytes,
    _share: SemaphorePermit<'static>,
}

impl Picture {
    /// Gives back the room that only its loading took.
    fn leaves(bytes: Vec<u8>, mut room: SemaphorePermit<'static>) -> Self {
        let needed = bytes.len().div_ceil(BUDGET_UNIT_BYTES);
        drop(room.split(room.num_permits().saturating_sub(needed)));
        Self {
            left: bytes.into(),
            _share: room,
        }
    }
}

impl hyper::body::Body for Picture {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.left.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
