//! The life of a bot process: start, serve, stop within ten seconds with nothing lost.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{App, INBOUND_HINT},
    config::{Config, Role},
    http::{self, accept::Server},
    schema,
    worker::{inbound, instance, outbound, sweeps},
};

/// How long the process waits for PostgreSQL at its start before it serves anyway (not ready).
const START_PATIENCE: Duration = Duration::from_secs(5);
/// How long turns under way may take to end.
const DRAIN_TURNS: Duration = Duration::from_secs(5);
/// How long sends under way may take to end.
const DRAIN_SENDS: Duration = Duration::from_secs(3);
/// The whole of stopping, but for the last words: under ten seconds.
const STOP_WITHIN: Duration = Duration::from_millis(8_500);
/// How long the bot's own row may take to be removed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// The address cannot be bound, or a part cannot be put together.
pub async fn run(config: Config, roles: Vec<Role>) -> Result<()> {
    let stop = CancellationToken::new();
    let (sender, queue) = outbound::SenderHandle::new();
    let server = Server::bind(config.listen).await?;
    let app = App::new(config, sender, stop.clone())?;
    announce(&app, &server).await;
    refuse_a_newer_schema(&app).await?;
    let serving = tokio::spawn(server.serve(
        http::router(&app, &roles),
        app.metrics.clone(),
        stop.clone(),
    ));
    let heart = tokio::spawn(instance::keep_alive(app.clone()));
    let mut worker = roles
        .contains(&Role::Worker)
        .then(|| Worker::start(&app, queue));
    tokio::select! {
        told = until_told_to_stop() => told?,
        ended = one_ends(worker.as_mut()) => {
            // A loop that is gone leaves a bot that only looks alive; a new process is better.
            stop.cancel();
            anyhow::bail!("the {ended} loop ended by itself");
        }
    }
    tracing::info!("stopping: no new work is claimed");
    stop.cancel();
    if timeout(STOP_WITHIN, drain(&app, serving, worker))
        .await
        .is_err()
    {
        tracing::warn!("stopping took too long: another bot will take up what is left");
    }
    heart.abort();
    let _ = timeout(LAST_WORDS, instance::retire(&app)).await;
    tracing::info!("stopped");
    Ok(())
}

/// Ends requests, turns and sends; the first two side by side.
async fn drain(app: &App, serving: JoinHandle<()>, worker: Option<Worker>) {
    let turns = async {
        if let Some(worker) = worker {
            worker.drain().await;
        }
    };
    let _ = tokio::join!(serving, turns);
    app.coordination.shutdown().await;
}

/// Waits for a loop that should never end before it is told to; which one it was.
async fn one_ends(worker: Option<&mut Worker>) -> &'static str {
    match worker {
        None => std::future::pending().await,
        Some(worker) => tokio::select! {
            _ = &mut worker.inbound => "inbound",
            _ = &mut worker.outbound => "outbound",
            _ = &mut worker.hints => "hints",
        },
    }
}

async fn announce(app: &App, server: &Server) {
    if let Ok(Ok(())) = timeout(START_PATIENCE, instance::beat(app)).await {
        tracing::info!(address = %server.address, bot.id = %app.bot_id, "ready");
    } else {
        tracing::warn!(address = %server.address, "PostgreSQL does not answer; serving, not ready");
    }
}

/// A bot of an older image serves a newer schema only as long as that allows it. Without an answer
/// it starts all the same, as ever: PostgreSQL may be away.
async fn refuse_a_newer_schema(app: &App) -> Result<()> {
    let looking = async {
        let mut connection = app.pool.acquire().await.ok()?;
        Some(schema::can_serve(&mut connection).await)
    };
    match timeout(START_PATIENCE, looking).await {
        Ok(Some(answer)) => answer,
        Ok(None) | Err(_) => Ok(()),
    }
}

async fn until_told_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The loops of the worker role.
struct Worker {
    inbound: JoinHandle<()>,
    outbound: JoinHandle<()>,
    sweeps: TaskTracker,
    drained: CancellationToken,
    hints: JoinHandle<()>,
}

impl Worker {
    fn start(app: &App, queue: tokio::sync::mpsc::Receiver<crate::outbox::Parcel>) -> Self {
        let drained = CancellationToken::new();
        let background = TaskTracker::new();
        sweeps::start(app, &background);
        #[cfg(feature = "chaos")]
        crate::chaos::start(app);
        Self {
            inbound: tokio::spawn(inbound::run(app.clone())),
            outbound: tokio::spawn(outbound::run(app.clone(), queue, drained.clone())),
            hints: tokio::spawn(listen(app.clone())),
            sweeps: background,
            drained,
        }
    }

    /// Lets turns end, then sends, then sweeps: each only hands work to the next.
    async fn drain(self) {
        if timeout(DRAIN_TURNS, self.inbound).await.is_err() {
            tracing::warn!("turns were still under way: another bot will take them up");
        }
        self.drained.cancel();
        if timeout(DRAIN_SENDS, self.outbound).await.is_err() {
            tracing::warn!("sends were still under way: another bot will take them up");
        }
        self.hints.abort();
        self.sweeps.close();
        let _ = timeout(Duration::from_secs(1), self.sweeps.wait()).await;
    }
}

/// Passes other bots' hints on to the inbound loop.
async fn listen(app: App) {
    let mut hints = app.coordination.hints().subscribe();
    loop {
        if hints.recv().await.contains(INBOUND_HINT) {
            app.signals.inbound.notify_one();
        }
    }
}
