//! Commands to single nodes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(2);

pub(super) async fn connect(url: &str, authority: Option<&Path>) -> Result<MultiplexedConnection> {
    let client = match authority {
        None => redis::Client::open(url)?,
        Some(authority) => {
            let certificates = redis::TlsCertificates {
                client_tls: None,
                root_cert: Some(fs::read(authority)?),
            };
            redis::Client::build_with_tls(url, certificates)?
        }
    };
    let connecting = client.get_multiplexed_async_connection();
    Ok(tokio::time::timeout(COMMAND_LIMIT, connecting)
        .await
        .context("redis does not answer")??)
}

pub(super) async fn ask<T: redis::FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> Result<T> {
    let answering = command.query_async(connection);
    Ok(tokio::time::timeout(COMMAND_LIMIT, answering)
        .await
        .context("redis does not answer")??)
}

pub(super) async fn cluster(connection: &mut MultiplexedConnection, words: &[&str]) -> Result<()> {
    let command = redis::cmd("CLUSTER").arg(words).to_owned();
    ask::<()>(connection, &command)
        .await
        .with_context(|| format!("CLUSTER {}", words.join(" ")))
}
