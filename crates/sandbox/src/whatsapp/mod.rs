//! Meta's WhatsApp Cloud API and the phones behind it.
//!
//! The sandbox takes what a shop sends (`POST /{version}/{phone_number_id}/messages` and `/media`),
//! refuses what Meta would refuse, and posts signed webhooks to the shop's bots. Customers live in
//! it: a test makes them write and tap through [`Customer`], a person does it on the phone page at
//! `GET /`, any other program through the control API (see [`control`]).
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use warung_sandbox::whatsapp::{Config, start};
//!
//! let wa = start(Config {
//!     webhooks: vec!["http://127.0.0.1:8080/webhooks/whatsapp".into()],
//!     ..Config::default()
//! })
//! .await?;
//! let sari = wa.customer("6281234567890", "Sari");
//! sari.says("halo").await;
//! let menu = sari.next_reply(Duration::from_secs(5)).await?;
//! sari.taps(&menu.options()[0].title).await?;
//! # Ok(())
//! # }
//! ```

mod book;
pub mod control;
mod courier;
mod customer;
mod envelope;
mod faults;
mod fetch;
mod graph;
mod ids;
mod interactive;
mod media;
mod pacing;
mod page;
mod program;
mod received;
mod refusal;
mod rules;
mod sandbox;
mod send;
mod shared;
mod signature;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use book::{Accepted, Book, Delivered, Forged};
pub use courier::QUEUE_MAX_ITEMS;
pub use customer::{Customer, Surprise};
pub use faults::{Arming, Fault, Faults, Items};
pub use media::Media;
pub use program::{Args, run};
pub use received::{Bubble, Choice, Kind, Received, Tick, Written};
pub use refusal::Refusal;
pub use sandbox::{Sandbox, start, start_with_clock};
pub use shared::Observed;
pub use signature::sign;
pub use world::Profile;

/// What a WhatsApp sandbox is told at its start. The default suits tests: a free loopback port,
/// fixed secrets, Meta's own limits, customers who read everything at once, and nothing forgotten.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switches something of its own"
)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Signs the webhooks.
    pub app_secret: String,
    /// The bearer token of the send API.
    pub access_token: String,
    /// The `hub.verify_token` of the webhook handshake.
    pub verify_token: String,
    /// The shop's number in the API's paths.
    pub phone_number_id: String,
    /// The `entry[].id` of the webhooks.
    pub business_account_id: String,
    /// The shop's number as people dial it, digits only.
    pub display_phone_number: String,
    /// The shop's name on the phone page.
    pub shop_name: String,
    /// Full webhook addresses, used in round robin. While there is none, webhooks wait.
    pub webhooks: Vec<String>,
    /// Throughput of the number, in messages a second (error 130429).
    pub messages_per_second: u32,
    /// Whether one customer gets at most one message in 6 s, burst 45 (error 131056).
    pub pair_limit: bool,
    /// Whether sent, delivered and read are reported.
    pub statuses: bool,
    /// How long after `sent` a message arrives and is reported `delivered`.
    pub status_delay: Duration,
    /// Whether customers read each message as it arrives. Without it, `read` comes when the phone
    /// page or [`Customer::reads`] says so.
    pub auto_read: bool,
    /// Whether an unknown recipient (131026) and a closed window (131047) are reported by a
    /// `failed` status after a 200, as Meta mostly does, instead of being refused.
    pub late_refusals: bool,
    /// Most items in one webhook (Meta: up to 1,000).
    pub max_batch: usize,
    /// How long a webhook waits for more items before it goes out.
    pub linger: Duration,
    /// Most webhooks in flight.
    pub max_in_flight: usize,
    /// How long a bot may take to answer a webhook.
    pub webhook_timeout: Duration,
    /// The pause before the second retry; each further one doubles it, up to 5 s.
    pub retry_base: Duration,
    /// Newest messages of all conversations together, and newest entries of each kind in the book,
    /// that are kept.
    pub kept: usize,
    /// Seeds the chances of faults.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            app_secret: "sandbox-app-secret".to_owned(),
            access_token: "sandbox-access-token".to_owned(),
            verify_token: "sandbox-verify-token".to_owned(),
            phone_number_id: "106540352242922".to_owned(),
            business_account_id: "102290129340398".to_owned(),
            display_phone_number: "622150001234".to_owned(),
            shop_name: "Toko Sari".to_owned(),
            webhooks: Vec::new(),
            messages_per_second: 80,
            pair_limit: true,
            statuses: true,
            status_delay: Duration::ZERO,
            auto_read: true,
            late_refusals: false,
            max_batch: 100,
            linger: Duration::ZERO,
            max_in_flight: 64,
            webhook_timeout: Duration::from_secs(10),
            retry_base: Duration::from_millis(100),
            kept: usize::MAX,
            seed: 0,
        }
    }
}
