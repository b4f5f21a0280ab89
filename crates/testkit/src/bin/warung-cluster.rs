//! `warung-cluster`: a real Kubernetes of one node on this machine, without Docker.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use warung_testkit::kubernetes::cluster::{self, Cluster, ClusterOptions};

/// Where the output of a cluster in the background goes.
const LOG: &str = "/var/tmp/warung-cluster.log";
/// How long `up` waits.
const UP_LIMIT: Duration = Duration::from_mins(3);
const UP_INTERVAL: Duration = Duration::from_millis(200);
/// The line that says the cluster is up.
const READY: &str = "the cluster is up";

/// A real Kubernetes of one node on this machine, with the images of `scripts/images`.
#[derive(Debug, Parser)]
#[command(name = "warung-cluster", version)]
enum Verb {
    /// Start it in the background and wait until it is ready.
    Up,
    /// Stop it and leave nothing behind.
    Down,
    /// Run it until interrupted.
    Run,
    /// Import one more archive of an image into the running cluster.
    Import {
        /// An OCI archive.
        archive: PathBuf,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match Verb::parse() {
        Verb::Up => up(),
        Verb::Down => {
            cluster::down().await?;
            // There is none when it never ran in the background.
            let _ = std::fs::remove_file(LOG);
            Ok(())
        }
        Verb::Run => run().await,
        Verb::Import { archive } => cluster::import(&archive).await,
    }
}

async fn run() -> Result<()> {
    // Asked for before the start, so that an interrupted start sweeps too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let begun = Instant::now();
    let options = ClusterOptions::with_built_images()?;
    let cluster = tokio::select! {
        started = Cluster::start(options) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!(seconds = begun.elapsed().as_secs(), "{READY}");
    tracing::info!(
        "export KUBECONFIG={}",
        cluster.server().kubeconfig().display()
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    cluster.stop().await
}

fn up() -> Result<()> {
    let log = File::create(LOG)?;
    let mut run = Command::new(std::env::current_exe()?);
    run.arg("run")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    let mut run = run.spawn()?;
    let deadline = Instant::now() + UP_LIMIT;
    loop {
        let text = std::fs::read_to_string(Path::new(LOG)).context("read the log")?;
        if text.contains(READY) {
            eprint!("{text}");
            return Ok(());
        }
        if run.try_wait()?.is_some() {
            bail!("the cluster did not start:\n{text}");
        }
        if Instant::now() >= deadline {
            bail!("the cluster is not up after {UP_LIMIT:?}; see {LOG}");
        }
        std::thread::sleep(UP_INTERVAL);
    }
}
