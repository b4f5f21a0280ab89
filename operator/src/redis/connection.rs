//! One connection to one node, with a bound on everything.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo, RedisConnectionInfo,
};
use anyhow::{Context, Result};

/// Longest wait for one command.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(1);

/// The ACL user under which the operator works.
#[derive(Clone)]
pub struct Credentials {
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Another that may be accepted while one takes the other's place.
    pub other: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Connects to a node of the shop's own cluster.
pub(super) async fn open(
    (ip, port): (IpAddr, u16),
    credentials: &Credentials,
) -> Result<MultiplexedConnection> {
    let Credentials {
        user,
        password,
        other,
    } = credentials;
    let open = async |password: &str| {
        let address = ConnectionAddr::Tcp(ip.to_string(), port);
        let settings = RedisConnectionInfo::default()
            .set_username(user)
            .set_password(password);
        connect(address.into_connection_info()?.set_redis_settings(settings)).await
    };
    match (open(password).await, other) {
        (Err(error), Some(other)) if is_refusal(&error) => open(other).await,
        (opened, _) => opened,
    }
}

/// Whether the user or the password was refused.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    let Some(error) = error.downcast_ref::<::redis::RedisError>() else {
        return false;
    };
    error.kind() == ::redis::ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

/// Whether a certificate was not accepted, or the node speaks no TLS.
pub(super) fn is_mistrust(error: &anyhow::Error) -> bool {
    type Cause = Arc<dyn Error + Send + Sync>;
    let error = error.downcast_ref::<::redis::RedisError>();
    let cause = error.and_then(|error| error.source()?.downcast_ref::<Cause>());
    let io = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    io.and_then(std::io::Error::get_ref)
        .is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

/// Connects wherever `info` says.
pub(super) async fn connect(info: ConnectionInfo) -> Result<MultiplexedConnection> {
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let info = info
        .set_redis_settings(settings)
        .set_tcp_settings(TcpSettings::default().set_nodelay(true));
    // The client's own bounds leave out parts of the handshake, so there is one around it all,
    // and none of its own: each command is bounded by its caller.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let client = Client::open(info)?;
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    tokio::time::timeout(COMMAND_LIMIT, connecting)
        .await
        .context("no answer while connecting")?
        .map_err(Into::into)
}

/// Sends one command and waits for its answer, at most `limit`.
pub(super) async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &::redis::Cmd,
    limit: Duration,
) -> Result<T> {
    tokio::time::timeout(limit, command.query_async(connection))
        .await
        .context("no answer in time")?
        .map_err(Into::into)
}
