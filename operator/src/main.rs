//! `warung-operator`: run the controllers, or print the custom resource definitions.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use kube::Config;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use warung_operator::arguments::{Arguments, Command, Run};
use warung_operator::context::Context;
use warung_operator::controller::{self, Scope};
use warung_operator::lease::{Leadership, LeaseLock};
use warung_operator::metrics::Metrics;
use warung_operator::server::{self, Health};
use warung_operator::shop::dereference::known_kinds;
use warung_operator::shop::{Defaults, KnownKinds};
use warung_operator::{check, fence, telemetry};

/// The allocator of musl is slow with threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often optional kinds are looked up.
const KINDS_EVERY: Duration = Duration::from_mins(1);
/// Pause before the controllers begin anew after they ended for no reason.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Crds => print_definitions(),
        Command::Check { url } => {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build()?;
            runtime.block_on(check::run(&url))
        }
        Command::Run(run) => {
            telemetry::start(&run.log, run.log_plain)?;
            // Another may have been installed by a dependency, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(operate(*run))
        }
    }
}

fn print_definitions() -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    for (_, text) in warung_operator::crds::files() {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Serves figures, stands by, leads; ends when asked to.
async fn operate(run: Run) -> Result<()> {
    let stop = CancellationToken::new();
    let config = Config::infer().await.context("find the API server")?;
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::new());
    let listener = TcpListener::bind(run.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", run.listen))?;
    info!(listen = %listener.local_addr()?, "started");
    tokio::spawn(server::serve(listener, metrics.clone(), health.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked to stop");
        asked.cancel();
    });
    let identity = format!("{}_{:016x}", run.identity, rand::random::<u64>());
    let lock = LeaseLock::new(
        fence::unfenced(config.clone())?,
        &run.operator_namespace,
        &run.lease_name,
        identity,
    );
    while !stop.is_cancelled() {
        let (leadership, lease) = tokio::select! {
            () = stop.cancelled() => break,
            held = lock.acquire(|| health.heard()) => held,
        };
        metrics.leads(true);
        tokio::select! {
            // The renewals go on beside the work, on a task of their own.
            () = hold(&lock, &leadership, lease, &health) => warn!("no longer leading"),
            () = lead(&run, &config, &leadership, &metrics) => {}
            () = stop.cancelled() => {}
        }
        // The work has been dropped by now: nothing of it can write any more.
        lock.release(&leadership).await;
        metrics.leads(false);
        metrics.forget_all();
    }
    info!("stopped");
    Ok(())
}

/// Renews on a task of its own, so that no long look delays it.
async fn hold(
    lock: &LeaseLock,
    leadership: &Leadership,
    lease: k8s_openapi::api::coordination::v1::Lease,
    health: &Arc<Health>,
) {
    let (lock, held, health) = (lock.clone(), leadership.clone(), health.clone());
    let renewing = async move { lock.hold(&held, lease, || health.heard()).await };
    let renewing = tokio::spawn(renewing);
    leadership.lost().await;
    renewing.abort();
}

/// One term: runs the controllers, anew whenever an optional kind comes or goes.
async fn lead(run: &Run, config: &Config, leadership: &Leadership, metrics: &Arc<Metrics>) {
    let client = match fence::fenced(config.clone(), leadership.clone()) {
        Ok(client) => client,
        Err(error) => {
            warn!(%error, "cannot make a client");
            return tokio::time::sleep(RESTART_PAUSE).await;
        }
    };
    let (sender, mut receiver) = watch::channel(KnownKinds::default());
    sender.send_replace(known_kinds(&client, KnownKinds::default()).await);
    let lookup = async {
        loop {
            tokio::time::sleep(KINDS_EVERY).await;
            let before = *sender.borrow();
            let now = known_kinds(&client, before).await;
            sender.send_if_modified(|known| std::mem::replace(known, now) != now);
        }
    };
    let work = async {
        loop {
            receiver.borrow_and_update();
            let context = Arc::new(context(run, &client, leadership, metrics, &receiver));
            tokio::select! {
                () = controller::run(context, scope(run), usize::from(run.concurrency)) => {
                    tokio::time::sleep(RESTART_PAUSE).await;
                }
                _ = receiver.changed() => info!("an optional kind came or went"),
            }
        }
    };
    tokio::select! {
        () = lookup => {}
        () = work => {}
    }
}

fn context(
    run: &Run,
    client: &kube::Client,
    leadership: &Leadership,
    metrics: &Arc<Metrics>,
    kinds: &watch::Receiver<KnownKinds>,
) -> Context {
    let defaults = Defaults {
        bot_image: run.bot_image.clone(),
        postgres_image: run.postgres_image.clone(),
        redis_image: run.redis_image.clone(),
        operator_namespace: run.operator_namespace.clone(),
        cluster_domain: run.cluster_domain.clone(),
    };
    let (client, leadership) = (client.clone(), leadership.clone());
    let (metrics, kinds) = (metrics.clone(), kinds.clone());
    Context::new(
        client,
        leadership,
        metrics,
        defaults,
        kinds,
        run.identity.clone(),
    )
}

fn scope(run: &Run) -> Scope {
    if run.namespaces.is_empty() {
        Scope::Cluster
    } else {
        Scope::Namespaces(run.namespaces.clone())
    }
}
