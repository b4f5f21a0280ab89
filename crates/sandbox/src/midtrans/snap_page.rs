use super::shared::Shared;
use axum::Router;
use std::sync::Arc;
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
}
