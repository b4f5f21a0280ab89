//! The program `warung-sandbox`: WhatsApp or Midtrans, played on this machine.

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use warung_sandbox::{midtrans, serve, whatsapp};

/// Plays the outside worlds of a shop, faults included.
#[derive(Parser)]
#[command(name = "warung-sandbox", version)]
struct Cli {
    /// What the log shows, such as `debug` or `warung_sandbox=debug`.
    #[arg(long, env = "SANDBOX_LOG", default_value = "info", global = true)]
    log: String,
    #[command(subcommand)]
    world: World,
}

#[derive(Subcommand)]
enum World {
    /// Meta's Cloud API, with a phone at `/`.
    Whatsapp(whatsapp::Args),
    /// Midtrans, with its payment pages at `/`.
    Midtrans(midtrans::Config),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&cli.log)?)
        .with_writer(std::io::stderr)
        .init();
    match cli.world {
        World::Whatsapp(args) => whatsapp::run(args).await,
        World::Midtrans(config) => {
            let sandbox = midtrans::start(config).await?;
            tracing::info!(url = sandbox.api_url(), "the Midtrans sandbox is up");
            serve::stop_signal().await?;
            sandbox.stop().await;
            Ok(())
        }
    }
}
