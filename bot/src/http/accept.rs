//! The accept loop: axum's own `serve` sets no time-outs, so a client that sends one byte a minute
//! would hold a connection for ever.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, GracefulShutdown},
};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    crowd::{Awaited, Crowd, Entrance, Place},
    patience::Patience,
};
use crate::metrics::Metrics;

/// Open connections; beyond, a new one takes the place of the one that has kept us waiting the
/// longest.
const MAX_CONNECTIONS: usize = 4_096;
/// From the first byte wanted to the last header received; bounds an idle connection too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Files that all but clients need: stores, calls to WhatsApp and Midtrans.
const OTHER_FILES: u64 = 512;
/// Pause after the system had no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long requests under way may take to end once the process stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A bound listener.
pub struct Server {
    listener: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Binds.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("LISTEN_ADDR {address} cannot be bound"))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Serves until told to stop, then lets requests under way end.
    pub async fn serve(self, router: Router, metrics: Metrics, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let crowd = Crowd::new(room());
        loop {
            let (stream, _) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let place = match crowd.enter() {
                Entrance::Free(place) => place,
                Entrance::InsteadOf(place) => {
                    turned_away(&metrics, "longest_wait");
                    place
                }
                Entrance::Full => {
                    turned_away(&metrics, "connections");
                    continue;
                }
            };
            let served = connection(stream, router.clone(), &place);
            tokio::spawn(attend(graceful.watch(served), place, metrics.clone()));
        }
        drop(self.listener);
        let _ = timeout(DRAIN, graceful.shutdown()).await;
    }
}

/// How many connections there is room for: the bound, or what the system lets a process open.
fn room() -> usize {
    let wanted = MAX_CONNECTIONS as u64 + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    // Many runtimes start programs with 1,024 and let them have more for the asking.
    if limit.current.is_some_and(|files| files < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        // Refused, the old limit holds, and the room is what it leaves.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
    let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(MAX_CONNECTIONS);
    room.clamp(1, MAX_CONNECTIONS)
}

/// One connection with its bounds. What ends its client's part tells its place.
fn connection(
    stream: TcpStream,
    router: Router,
    place: &Arc<Place>,
) -> impl GracefulConnection<Error = hyper::Error> + use<> {
    let _ = stream.set_nodelay(true);
    let place = Arc::clone(place);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (router, place) = (router.clone(), Arc::clone(&place));
        async move {
            let body = |body| axum::body::Body::new(Awaited::new(body, Arc::clone(&place)));
            let answer = router.oneshot(request.map(body)).await;
            place.waits();
            answer
        }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patience::new(stream, WRITE_TIMEOUT)), service)
}

/// Sees a connection to its end, or to where another takes its place.
async fn attend(
    connection: impl Future<Output = hyper::Result<()>>,
    place: Arc<Place>,
    metrics: Metrics,
) {
    metrics.connections.inc();
    let ended = tokio::select! {
        ended = connection => ended,
        () = place.lost.cancelled() => Ok(()),
    };
    metrics.connections.dec();
    // A client that breaks off is no fault of ours; one that we break off with is counted.
    if let Err(error) = ended
        && let Some(reason) = reason(&error)
    {
        turned_away(&metrics, reason);
    }
}

/// Why we broke off.
fn reason(error: &hyper::Error) -> Option<&'static str> {
    let source = std::error::Error::source(error);
    let kind = source.and_then(|source| source.downcast_ref::<io::Error>());
    match kind.map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => return Some("slow_reader"),
        Some(_) => return None,
        None => {}
    }
    if error.is_timeout() {
        Some("slow_head")
    } else if error.is_parse_too_large() {
        Some("large_head")
    } else if error.is_parse() {
        Some("malformed_head")
    } else {
        None
    }
}

fn turned_away(metrics: &Metrics, reason: &str) {
    metrics.shed.with_label_values(&[reason]).inc();
}
