//! The bot's face to the world.

pub mod accept;
mod guard;
mod media;
mod patience;
mod probes;
mod webhooks;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::{app::App, config::Role, ingest::Ingest};

/// What handlers share.
#[derive(Clone)]
pub struct Ingress {
    /// The bot.
    pub app: App,
    /// The way into the inbox.
    pub ingest: Ingest,
}

/// All routes of the given roles.
pub fn router(app: &App, roles: &[Role]) -> Router {
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
    router.layer(middleware::from_fn_with_state(
        guard::Guard::new(app),
        guard::watch,
    ))
}
