//! The phone page: a few files inside the program, no build step, nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::shared::Shared;

/// What the page may load: itself, its own data and the pictures that messages link to.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// The page and its scripts and style.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/phone.css", get(|| file("text/css", include_str!("page/phone.css"))))
        .route("/phone.js", get(|| script(include_str!("page/phone.js"))))
        .route("/dom.js", get(|| script(include_str!("page/dom.js"))))
        .route("/words.js", get(|| script(include_str!("page/words.js"))))
}

async fn script(text: &'static str) -> impl IntoResponse {
    file("text/javascript; charset=utf-8", text).await
}

async fn file(mime_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, mime_type),
        // The program is rebuilt more often than a browser would ask again.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, text)
}
