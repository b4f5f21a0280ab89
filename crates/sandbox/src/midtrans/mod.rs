//! Midtrans, as its Snap and Core APIs behave: strict, and nasty on demand.
//!
//! It answers `POST /snap/v1/transactions`, `POST /snap/v1/transactions/{token}/cancel`,
//! `POST /v2/charge`, `GET /v2/{id}/status` and `POST /v2/{id}/{cancel,expire,refund}` (`id` is an
//! `order_id` or a `transaction_id`), notifies the shop, and shows the payer's side: `/` lists all
//! payments, `/pay/{order_id}` is one of them, a Snap page is at its `redirect_url`.
//!
//! Time is the sandbox's clock, which a test may move. Midtrans' own waits (retries, reversals,
//! delays) are divided by [`Config::time_scale`]; a payment's expiry never is.
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use warung_sandbox::midtrans::{Config, Fault, start};
//!
//! let midtrans = start(Config {
//!     notify: vec!["http://127.0.0.1:8080/webhooks/midtrans".into()],
//!     ..Config::default()
//! })
//! .await?;
//! midtrans.faults().next(Fault::Duplicate, 1);
//! // The shop charges; then its customer pays.
//! let bill = midtrans
//!     .wait_for_payment(|it| it.amount == 27_500, Duration::from_secs(5))
//!     .await?;
//! midtrans.pay(&bill.order_id)?;
//! midtrans.quiet(Duration::from_secs(5)).await?;
//! assert_eq!(midtrans.book()[0].amount, 27_500);
//! # Ok(())
//! # }
//! ```
//!
//! # Control API
//!
//! All under `/control`, JSON in and out, without a key; errors are `{"error": "…"}` with 404 (no
//! such payment), 409 (its status does not allow it) or 400. `id` as above.
//!
//! | Request | Body | Answer |
//! |---|---|---|
//! | `GET /control/health` | | `{"status": "ok"}` |
//! | `GET /control/payments` | | all payments, oldest first |
//! | `GET /control/payments/{id}` | | one |
//! | `GET /control/snap/{order_id}` | | the order's newest Snap page |
//! | `POST /control/choose/{order_id}` | `{"method": "bca_va"}` | the payment |
//! | `POST /control/pay/{id}` | | the payment; likewise the next four |
//! | `POST /control/fail/{id}`, `/control/expire/{id}` | | |
//! | `POST /control/reverse/{id}`, `/control/pay-late/{id}` | | |
//! | `POST /control/pay-number` | `{"number": "…"}` (VA, bill key, code, QR text) | the payment |
//! | `POST /control/resend/{id}` | | `{}` |
//! | `POST /control/forge/{id}` | `{"forgery": "edited_status"}` | `{}` |
//! | `GET /control/book` | | every rupiah that moved |
//! | `GET /control/notifications` | | every attempt to notify |
//! | `GET /control/faults` | | how often each fault struck |
//! | `POST /control/faults` | `{"fault", "call"?, "next": 3}` or `{…, "per_mille": 50}` | `{}` |
//! | `DELETE /control/faults` | | `{}` |
//! | `POST /control/clock` | `{"advance_seconds": 900}` | `{"now": "…"}` |

mod agenda;
mod answer;
mod call;
mod control;
mod core;
mod expiry;
mod fault;
mod forge;
mod handle;
mod idempotency;
mod life;
mod method;
mod page;
mod payment;
mod post;
mod qr;
mod request;
mod shared;
mod snap;
mod snap_page;
mod view;
mod words;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio_util::sync::CancellationToken;

pub use self::fault::{Call, Fault, Faults};
pub use self::forge::Forgery;
pub use self::handle::{NotInTime, Sandbox};
pub use self::life::Refused;
pub use self::method::{Method, UnknownMethod};
pub use self::payment::{Details, Instrument, Payment, Refund, Status, WrongStatus};
pub use self::post::Sent;
use self::shared::Shared;
pub use self::snap::Session;
pub use self::world::{Entry, Movement};
use crate::clock::Clock;
use crate::serve::{self, Server};

/// The largest request body, in bytes.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// How the sandbox runs; also the options of `warung-sandbox midtrans`.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The server key that shops authenticate with and that signs notifications.
    #[arg(
        long,
        env = "MIDTRANS_SERVER_KEY",
        default_value = "SB-Mid-server-sandbox"
    )]
    pub server_key: String,
    /// The merchant's id in every answer.
    #[arg(long, env = "MIDTRANS_MERCHANT_ID", default_value = "G123456789")]
    pub merchant_id: String,
    /// The shop's name on payment pages and in QR codes.
    #[arg(long, env = "SHOP_NAME", default_value = "Warung")]
    pub shop_name: String,
    /// Where notifications go, in turn: whole URLs (`http://bot/webhooks/midtrans`).
    #[arg(long, value_delimiter = ',')]
    pub notify: Vec<String>,
    /// Where payers reach the sandbox; the listening address if absent.
    #[arg(long)]
    pub public_url: Option<String>,
    /// The seed of faults by chance, jitter and reversal times; ids are new in every run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// By what Midtrans' own waits are divided: 60 makes a minute a second.
    #[arg(long, default_value_t = 1)]
    pub time_scale: u32,
    /// How long the slow and in-flight faults take, in milliseconds; not scaled.
    #[arg(long, default_value_t = 3_000)]
    pub slow_ms: u32,
    /// Charges and Snap pages per minute before 429; unlimited if absent.
    #[arg(long)]
    pub charges_per_minute: Option<u32>,
    /// The sandbox's clock.
    #[arg(skip)]
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            server_key: "SB-Mid-server-sandbox".to_owned(),
            merchant_id: "G123456789".to_owned(),
            shop_name: "Warung".to_owned(),
            notify: Vec::new(),
            public_url: None,
            seed: 1,
            time_scale: 1,
            slow_ms: 3_000,
            charges_per_minute: None,
            clock: Clock::default(),
        }
    }
}

/// Starts the sandbox; it listens when this returns. Needs a tokio runtime.
///
/// # Errors
///
/// The address cannot be bound, or the HTTP client for notifications cannot be built.
pub async fn start(config: Config) -> io::Result<Sandbox> {
    // Whoever installed a provider first is as good; plain HTTP uses none, but the client asks.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = post::client().map_err(io::Error::other)?;
    let listener = serve::bind(config.listen).await?;
    let base = match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", listener.local_addr()?),
    };
    let stopping = CancellationToken::new();
    let shared = Arc::new(Shared::new(config, base, client, stopping.clone()));
    let router = Router::new()
        .merge(core::routes())
        .merge(snap::routes())
        .merge(page::routes())
        .merge(snap_page::routes())
        .nest("/control", control::routes())
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(shared.clone());
    Ok(Sandbox {
        server: Server::run(listener, router, stopping)?,
        agenda: tokio::spawn(agenda::run(shared.clone())),
        shared,
    })
}
