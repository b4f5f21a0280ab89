//! Product pictures by the digest of their content: what an address shows never changes.

use axum::{
    extract::{Path, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

use crate::app::App;

pub(super) async fn get(State(app): State<App>, Path(file): Path<String>) -> Response {
    let digest = file.split('.').next().unwrap_or_default();
    let found = sqlx::query!("SELECT mime, bytes FROM media WHERE sha256 = $1", digest)
        .fetch_optional(&app.pool)
        .await;
    match found {
        Ok(Some(media)) => (
            [
                (CONTENT_TYPE, media.mime),
                (
                    CACHE_CONTROL,
                    "public, max-age=31536000, immutable".to_owned(),
                ),
            ],
            media.bytes,
        )
            .into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, "a picture could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
