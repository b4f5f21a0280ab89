//! The bot's face to the world.

pub mod accept;
mod crowd;
mod guard;
mod media;
mod patience;
mod probes;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::sync::Semaphore;

use crate::{app::App, config::Role, ingest::Ingest};

/// What handlers share.
#[derive(Clone)]
pub struct Ingress {
    /// The bot.
    pub app: App,
    /// The way into the inbox.
    pub ingest: Ingest,
    /// Webhooks that are worked on at once.
    permits: Arc<Semaphore>,
    /// What was told of refused webhooks.
    refusals: Arc<webhooks::told::Refusals>,
}

/// All routes of the given roles.
pub fn router(app: &App, roles: &[Role]) -> Router {
    let guard = guard::Guard::new(app);
    let mut router = Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .route("/media/{file}", get(media::get))
        .with_state(app.clone());
    if roles.contains(&Role::Ingress) {
        let ingress = Ingress {
            app: app.clone(),
            ingest: Ingest::start(app),
            permits: Arc::clone(&guard.webhooks),
            refusals: Arc::default(),
        };
        let webhooks = Router::new()
            .route(
                "/webhooks/whatsapp",
                get(webhooks::whatsapp::verify).post(webhooks::whatsapp::receive),
            )
            .route("/webhooks/midtrans", post(webhooks::midtrans::receive))
            .with_state(ingress);
        router = router.merge(webhooks);
    }
    router.layer(middleware::from_fn_with_state(guard, guard::watch))
}
