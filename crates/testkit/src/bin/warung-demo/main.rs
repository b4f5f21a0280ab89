//! `warung-demo`: a whole shop on this machine. Starts PostgreSQL, a Redis Cluster, the WhatsApp
//! and Midtrans sandboxes and two bots, plays one purchase, then waits until it is stopped.

mod catalogue;
mod fleet;
mod phone;
mod ports;
mod story;
mod terminal;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::BoolishValueParser;
use tokio::signal::unix::{SignalKind, signal};

use crate::fleet::Fleet;
use crate::ports::Ports;
use crate::terminal::Terminal;

/// Runs a whole shop on this machine and plays one purchase.
#[derive(Debug, Parser)]
#[command(name = "warung-demo", version)]
struct Arguments {
    /// Ends after the played purchase.
    #[arg(long, env = "ONCE", value_parser = BoolishValueParser::new(), default_value = "false",
          default_missing_value = "true", num_args = 0..=1)]
    once: bool,
    /// Where data, secrets and logs are kept.
    #[arg(long, default_value = ".warung")]
    state: PathBuf,
    /// The catalogue to load.
    #[arg(long, default_value = "demo")]
    catalogue: PathBuf,
    #[command(flatten)]
    ports: Ports,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new();
    match run(&arguments, &terminal).await {
        Ok(code) => code,
        Err(error) => {
            terminal.fault(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    arguments.ports.check()?;
    let _lock = lock(arguments)?;
    let mut interrupted = Interrupted::listen()?;
    let mut fleet = Fleet::default();
    let outcome = tokio::select! {
        outcome = play(arguments, terminal, &mut fleet) => outcome.map(|()| ExitCode::SUCCESS),
        () = interrupted.wait() => Ok(ExitCode::SUCCESS),
    };
    if let Err(error) = &outcome {
        terminal.fault(error);
    }
    terminal.stopping();
    fleet.stop(terminal).await;
    Ok(outcome.unwrap_or(ExitCode::FAILURE))
}

/// Opens the shop, plays the purchase and, unless told to end there, waits for a child to fail.
async fn play(arguments: &Arguments, terminal: &Terminal, fleet: &mut Fleet) -> Result<()> {
    fleet.open(arguments, terminal).await?;
    terminal.heading("One purchase, as a customer sees it");
    story::play(&arguments.ports, terminal)
        .await
        .context("the played purchase failed")?;
    if arguments.once {
        return Ok(());
    }
    terminal.addresses(&arguments.ports, &arguments.state);
    let ended = fleet.first_to_end().await;
    bail!(
        "{ended} ended by itself; see {}",
        arguments.state.join("logs").display()
    )
}

/// Takes the state directory for ourselves.
fn lock(arguments: &Arguments) -> Result<File> {
    let state = &arguments.state;
    for directory in [state.join("logs"), state.join("secrets")] {
        fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
    }
    let file = File::create(state.join("lock"))?;
    if file.try_lock().is_err() {
        bail!(
            "another demo uses {}: stop it, or give --state",
            state.display()
        );
    }
    Ok(file)
}

/// The signals that stop the demo.
struct Interrupted {
    signals: [tokio::signal::unix::Signal; 3],
}

impl Interrupted {
    fn listen() -> Result<Self> {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self {
            signals: [interrupt?, terminate?, hangup?],
        })
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
