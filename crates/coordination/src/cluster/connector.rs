//! Opening one connection to one node.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, ProtocolVersion,
    PushInfo, RedisError, RedisResult,
};
use tokio::sync::mpsc::UnboundedSender;

use super::topology::Address;

/// Calls on one connection that may wait for their reply at once; more wait for their turn.
const CALLS_IN_FLIGHT_MAX: usize = 1_024;

/// Credentials and bounds, the same for every node of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    template: ConnectionInfo,
    connect_timeout: Duration,
    /// Whether the last answer to the credentials was no, so that it is told once and not at
    /// each attempt.
    refused: Arc<AtomicBool>,
    /// The same of the TLS handshake.
    mistrusted: Arc<AtomicBool>,
}

impl Connector {
    pub(crate) fn new(template: ConnectionInfo, connect_timeout: Duration) -> Self {
        Self {
            template,
            connect_timeout,
            refused: Arc::default(),
            mistrusted: Arc::default(),
        }
    }

    /// Connects for commands.
    pub(crate) async fn open(&self, address: &Address) -> RedisResult<MultiplexedConnection> {
        let config = self.config().set_concurrency_limit(CALLS_IN_FLIGHT_MAX);
        self.connect(address, ProtocolVersion::RESP2, config).await
    }

    /// Connects for subscriptions; what is pushed, a disconnection included, goes to `pushes`.
    pub(crate) async fn subscribe(
        &self,
        address: &Address,
        pushes: UnboundedSender<PushInfo>,
    ) -> RedisResult<MultiplexedConnection> {
        let config = self.config().set_push_sender(pushes);
        self.connect(address, ProtocolVersion::RESP3, config).await
    }

    /// Response timeouts are set per call by the callers, so the client's own is off.
    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None)
    }

    /// Every node is reached as the first one named is: with its authorities, if with TLS.
    fn reach(&self, address: &Address) -> ConnectionAddr {
        let (host, port) = (address.host.clone(), address.port);
        match self.template.addr() {
            ConnectionAddr::TcpTls { tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        }
    }

    async fn connect(
        &self,
        address: &Address,
        protocol: ProtocolVersion,
        config: AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let redis = self
            .template
            .redis_settings()
            .clone()
            .set_protocol(protocol);
        let info = self
            .template
            .clone()
            .set_addr(self.reach(address))
            .set_tcp_settings(TcpSettings::default().set_nodelay(true))
            .set_redis_settings(redis);
        let client = Client::open(info)?;
        // The client's own timeout does not cover every step of the handshake (redis-rs #1953).
        // A hung process still accepts connections: only a reply proves that it lives.
        let opening = async {
            let mut connection = client
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            connection
                .send_packed_command(&redis::cmd("PING"))
                .await?
                .extract_error()?;
            Ok(connection)
        };
        match tokio::time::timeout(self.connect_timeout, opening).await {
            Ok(result) => {
                self.note_refusal(address, &result);
                result
            }
            Err(_) => Err(RedisError::from((
                ErrorKind::Io,
                "timed out while connecting",
            ))),
        }
    }

    /// To its callers wrong credentials or certificates are one more way for Redis to be away;
    /// people must be told.
    fn note_refusal<T>(&self, address: &Address, result: &RedisResult<T>) {
        let (refused, mistrusted) = match result {
            Ok(_) => (None, None),
            Err(error) if is_refusal(error) => (Some(error), None),
            Err(error) if is_mistrust(error) => (None, Some(error)),
            Err(_) => return,
        };
        let news = |told: &AtomicBool, now: bool| told.swap(now, Ordering::Relaxed) != now && now;
        if news(&self.refused, refused.is_some()) {
            tracing::error!(node = %address, "redis refuses the user name or password");
        }
        if let Some(error) = mistrusted
            && news(&self.mistrusted, true)
        {
            tracing::error!(node = %address, %error, "no trusted TLS connection to redis");
        } else if mistrusted.is_none() {
            self.mistrusted.store(false, Ordering::Relaxed);
        }
    }
}

/// A certificate not accepted, or a node that speaks no TLS.
fn is_mistrust(error: &RedisError) -> bool {
    let cause = error
        .source()
        .and_then(<dyn Error>::downcast_ref::<Arc<dyn Error + Send + Sync>>);
    let io = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    io.and_then(io::Error::get_ref)
        .is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}
