//! The accept loop: axum's own `serve` sets no time-outs, so a client that sends one byte a minute
//! would hold a connection for ever.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::patience::Patience;
use crate::metrics::Metrics;

/// Open connections; beyond, a new one is closed at once.
const MAX_CONNECTIONS: usize = 4_096;
/// From the first byte wanted to the last header received; bounds an idle connection too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
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
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
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
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                metrics.shed.with_label_values(&["connections"]).inc();
                continue;
            };
            let _ = stream.set_nodelay(true);
            let router = router.clone();
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                router.clone().oneshot(request.map(axum::body::Body::new))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(MAX_HEAD_BYTES)
                .max_headers(MAX_HEADERS)
                .serve_connection(TokioIo::new(Patience::new(stream, WRITE_TIMEOUT)), service);
            let connection = graceful.watch(connection);
            let open = metrics.connections.clone();
            open.inc();
            tokio::spawn(async move {
                let _permit = permit;
                // A client that breaks off is no fault of ours.
                let _ = connection.await;
                open.dec();
            });
        }
        drop(self.listener);
        let _ = timeout(DRAIN, graceful.shutdown()).await;
    }
}
