//! `warung-sandbox whatsapp`: the sandbox as a program.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Config, start};
use crate::serve;

/// Arguments of `warung-sandbox whatsapp`. The defaults are those of [`Config`].
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to listen.
    #[arg(
        long,
        env = "SANDBOX_WHATSAPP_LISTEN",
        default_value = "127.0.0.1:9100"
    )]
    listen: SocketAddr,
    /// A bot's full webhook address; give several for round robin.
    #[arg(
        long = "webhook",
        env = "SANDBOX_WHATSAPP_WEBHOOKS",
        value_delimiter = ','
    )]
    webhooks: Vec<String>,
    /// Signs the webhooks.
    #[arg(
        long,
        env = "WHATSAPP_APP_SECRET",
        default_value = "sandbox-app-secret"
    )]
    app_secret: String,
    /// The bearer token of the send API.
    #[arg(
        long,
        env = "WHATSAPP_ACCESS_TOKEN",
        default_value = "sandbox-access-token"
    )]
    access_token: String,
    /// The token of the webhook handshake.
    #[arg(
        long,
        env = "WHATSAPP_VERIFY_TOKEN",
        default_value = "sandbox-verify-token"
    )]
    verify_token: String,
    /// The shop's phone number id.
    #[arg(
        long,
        env = "WHATSAPP_PHONE_NUMBER_ID",
        default_value = "106540352242922"
    )]
    phone_number_id: String,
    /// The shop's name on the phone page.
    #[arg(long, env = "SHOP_NAME", default_value = "Toko Sari")]
    shop_name: String,
    /// Throughput of the number, in messages a second.
    #[arg(long, env = "WHATSAPP_MESSAGES_PER_SECOND", default_value_t = 80)]
    messages_per_second: u32,
    /// Lifts the limit of one message in 6 s to one customer.
    #[arg(long)]
    no_pair_limit: bool,
    /// Customers read only what the phone page shows them.
    #[arg(long)]
    no_auto_read: bool,
    /// Reports unknown recipients and closed windows by a failed status, not by a refusal.
    #[arg(long)]
    late_refusals: bool,
    /// Most items in one webhook.
    #[arg(long, default_value_t = 100)]
    max_batch: usize,
    /// How long a webhook waits for more items, in milliseconds.
    #[arg(long, default_value_t = 0)]
    linger_ms: u64,
    /// How long after `sent` a message is delivered, in milliseconds.
    #[arg(long, default_value_t = 0)]
    status_delay_ms: u64,
    /// Most webhooks in flight.
    #[arg(long, default_value_t = 64)]
    max_in_flight: usize,
    /// Newest messages of all conversations together that are kept, and newest entries of each kind
    /// in the book. A reply of ten rows weighs about 15 kB.
    #[arg(long, default_value_t = 5_000)]
    kept: usize,
    /// Seeds the chances of faults.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A customer to begin with, `NUMBER=NAME`; may be repeated.
    #[arg(long = "customer", value_parser = parse_customer)]
    customers: Vec<(String, String)>,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let sandbox = start(Config {
        listen: args.listen,
        app_secret: args.app_secret,
        access_token: args.access_token,
        verify_token: args.verify_token,
        phone_number_id: args.phone_number_id,
        shop_name: args.shop_name,
        webhooks: args.webhooks,
        messages_per_second: args.messages_per_second,
        pair_limit: !args.no_pair_limit,
        auto_read: !args.no_auto_read,
        late_refusals: args.late_refusals,
        max_batch: args.max_batch,
        linger: Duration::from_millis(args.linger_ms),
        status_delay: Duration::from_millis(args.status_delay_ms),
        max_in_flight: args.max_in_flight,
        kept: args.kept,
        seed: args.seed,
        ..Config::default()
    })
    .await?;
    for (wa_id, name) in &args.customers {
        sandbox.customer(wa_id, name);
    }
    tracing::info!(url = sandbox.base_url(), "the WhatsApp sandbox is up");
    serve::stop_signal().await?;
    sandbox.stop().await;
    Ok(())
}

fn parse_customer(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((wa_id, name)) if !wa_id.is_empty() && wa_id.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((wa_id.to_owned(), name.to_owned()))
        }
        _ => Err("write it as 6281234567890=Sari".to_owned()),
    }
}
