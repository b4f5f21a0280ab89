//! `warung-demo`: a whole shop on this machine. Starts PostgreSQL, a Redis Cluster, the WhatsApp
//! and Midtrans sandboxes and two bots, plays one purchase, then waits until it is stopped.

mod catalogue;
mod fleet;
mod ports;
mod story;
mod terminal;

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::BoolishValueParser;
use tokio::signal::unix::{SignalKind, signal};

use crate::fleet::Fleet;
use crate::ports::Ports;
use crate::terminal::Terminal;

/// How long the children of a killed demo may take to end; bots finish what they have in hand.
const ORPHANS_LIMIT: Duration = Duration::from_secs(8);

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
    let (lock, orphans) = lock(arguments)?;
    arguments
        .ports
        .check(if orphans {
            ORPHANS_LIMIT
        } else {
            Duration::ZERO
        })
        .await?;
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
    lock.set_len(0)?;
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

/// Takes the state directory for ourselves. The second value says that the last demo here did not
/// stop in order, so that its orphans may still be about to end.
fn lock(arguments: &Arguments) -> Result<(File, bool)> {
    let state = &arguments.state;
    for directory in [state.join("logs"), state.join("secrets")] {
        fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
    }
    let mut options = File::options();
    let mut file = options.create(true).append(true).open(state.join("lock"))?;
    if file.try_lock().is_err() {
        bail!(
            "another demo uses {}: stop it, or give --state",
            state.display()
        );
    }
    let orphans = file.metadata()?.len() > 0;
    writeln!(file, "running as {}", std::process::id())?;
    Ok((file, orphans))
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
