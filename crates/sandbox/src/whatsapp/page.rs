//! The phone page: a few files inside the program, no build step, nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::{MethodRouter, get};

use super::shared::Shared;

/// What the page may load: itself and its own data.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// The page and its scripts and style.
pub(super) fn router() -> Router<Arc<Shared>> {
    let script = "text/javascript; charset=utf-8";
    Router::new()
        .route(
            "/",
            file("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route(
            "/phone.css",
            file("text/css; charset=utf-8", include_str!("page/phone.css")),
        )
        .route("/phone.js", file(script, include_str!("page/phone.js")))
        .route("/dom.js", file(script, include_str!("page/dom.js")))
        .route("/words.js", file(script, include_str!("page/words.js")))
}

fn file(mime_type: &'static str, text: &'static str) -> MethodRouter<Arc<Shared>> {
    let headers = [
        (header::CONTENT_TYPE, mime_type),
        // The program is rebuilt more often than a browser would ask again.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    get(async move || (headers, text))
}
