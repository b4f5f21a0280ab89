//! The phone page: three files inside the program, no build step, nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use super::shared::Shared;

/// The page and its script and style.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| async { Html(include_str!("page/index.html")) }))
        .route(
            "/phone.js",
            get(|| file("text/javascript", include_str!("page/phone.js"))),
        )
        .route(
            "/phone.css",
            get(|| file("text/css", include_str!("page/phone.css"))),
        )
}

async fn file(mime_type: &'static str, text: &'static str) -> impl IntoResponse {
    // The program is rebuilt more often than a browser would ask again.
    (
        [
            (header::CONTENT_TYPE, mime_type),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
}
