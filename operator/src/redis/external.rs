//! Looks whether somebody else's Redis will do.

use std::collections::BTreeSet;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates, Value};

use super::connection::{self, COMMAND_LIMIT, Credentials, is_mistrust, is_refusal};
use super::parse::{self, Info, Line};
use super::slots::{SLOTS, SlotSet};

/// Primaries that a lock needs: it is held on three of them.
pub const PRIMARIES_MIN: usize = 3;
/// Longest look at a whole cluster.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// A cluster that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Primaries with slots.
    pub primaries: usize,
    /// Primaries without a replica that has not failed.
    pub bare_primaries: usize,
}

/// Why a cluster will not do. Each message says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No address is given, or one is none.
    #[error("{0} is not an address: write redis://host:port, or rediss://host:port for TLS")]
    Address(String),
    /// The authority is none, or is for nothing.
    #[error("the authority of redis.external.caSecretRef cannot be used: {0}")]
    Authority(String),
    /// The certificate is not accepted, or there is no TLS.
    #[error("{0}")]
    Untrusted(String),
    /// Nobody answers.
    #[error("none of the addresses answers: {0}")]
    Unreachable(String),
    /// User or password is wrong.
    #[error("{0} refuses the user or the password")]
    Refused(String),
    /// A single server.
    #[error("{0} is not a Redis Cluster: start it with cluster-enabled yes")]
    NotACluster(String),
    /// Slots without a primary.
    #[error("{0} of 16384 slots are served: repair the cluster")]
    SlotsMissing(usize),
    /// Too few primaries.
    #[error("the cluster has {0} primaries, and locks need 3 at least: add primaries")]
    TooFewPrimaries(usize),
    /// A primary cannot be reached where the cluster says that it is.
    #[error("the cluster sends us to {0}, where nobody answers: announce reachable addresses")]
    PrimaryUnreachable(String),
}

/// Looks at a cluster through the first of `urls` that answers; takes 10 s at most.
/// `credentials`, if given, count for more than what the addresses say. Of certificates only those
/// of `authority` (PEM) are accepted, or of public authorities where none is given.
pub async fn verify(
    urls: &[String],
    credentials: Option<&Credentials>,
    authority: Option<&str>,
) -> Result<External, Unfit> {
    let late = || Unfit::Unreachable(format!("no answer within {} s", LOOK_LIMIT.as_secs()));
    tokio::time::timeout(LOOK_LIMIT, look(urls, credentials, authority))
        .await
        .unwrap_or_else(|_| Err(late()))
}

async fn look(
    urls: &[String],
    credentials: Option<&Credentials>,
    authority: Option<&str>,
) -> Result<External, Unfit> {
    let mut seeds = Vec::new();
    for url in urls {
        let seed = seed(url, credentials)?;
        seeds.push(match authority {
            Some(authority) => trusting(seed, authority)?,
            None => seed,
        });
    }
    let mut last = "no address is given".to_owned();
    for seed in &seeds {
        match connection::connect(seed.clone()).await {
            Ok(connection) => return judge(seed, connection).await,
            Err(error) if is_refusal(&error) => return Err(Unfit::Refused(name(seed))),
            Err(error) if is_mistrust(&error) => {
                return Err(Unfit::Untrusted(format!("{}: {error:#}", name(seed))));
            }
            Err(error) => last = format!("{}: {error:#}", name(seed)),
        }
    }
    Err(Unfit::Unreachable(last))
}

fn seed(url: &str, credentials: Option<&Credentials>) -> Result<ConnectionInfo, Unfit> {
    // The address may hold a password, which a condition must not show.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let info = url.into_connection_info();
    let info = info.map_err(|_| Unfit::Address(shown.to_owned()))?;
    // `#insecure` would look at no certificate at all.
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(Unfit::Address(shown.to_owned()));
    }
    let Some(credentials) = credentials else {
        return Ok(info);
    };
    let mut settings = info
        .redis_settings()
        .clone()
        .set_password(&credentials.password);
    if !credentials.user.is_empty() {
        settings = settings.set_username(&credentials.user);
    }
    Ok(info.set_redis_settings(settings))
}

fn trusting(seed: ConnectionInfo, authority: &str) -> Result<ConnectionInfo, Unfit> {
    if !matches!(seed.addr(), ConnectionAddr::TcpTls { .. }) {
        let message = format!("{} speaks no TLS: write rediss://", name(&seed));
        return Err(Unfit::Authority(message));
    }
    // Without one the client would start and then trust nobody.
    if crate::pem::certificates(authority).is_empty() {
        let message = "it holds no certificate in PEM".to_owned();
        return Err(Unfit::Authority(message));
    }
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority.as_bytes().to_vec()),
    };
    let client = Client::build_with_tls(seed, certificates);
    let client = client.map_err(|error| Unfit::Authority(error.to_string()))?;
    Ok(client.get_connection_info().clone())
}

fn name(seed: &ConnectionInfo) -> String {
    seed.addr().to_string()
}

async fn judge(
    seed: &ConnectionInfo,
    mut connection: MultiplexedConnection,
) -> Result<External, Unfit> {
    let broken = |error: String| Unfit::Unreachable(format!("{}: {error}", name(seed)));
    let question = ::redis::cmd("INFO").arg("cluster").to_owned();
    let info: anyhow::Result<String> =
        connection::ask(&mut connection, &question, COMMAND_LIMIT).await;
    let info = match info {
        Ok(info) => info,
        Err(error) if is_refusal(&error) => return Err(Unfit::Refused(name(seed))),
        Err(error) => return Err(broken(format!("{error:#}"))),
    };
    if Info::new(&info).number("cluster_enabled") != Ok(1) {
        return Err(Unfit::NotACluster(name(seed)));
    }
    let question = ::redis::cmd("CLUSTER").arg("NODES").to_owned();
    let nodes: anyhow::Result<String> =
        connection::ask(&mut connection, &question, COMMAND_LIMIT).await;
    let nodes = nodes.map_err(|error| broken(format!("{error:#}")))?;
    let nodes = parse::nodes(&nodes).map_err(|error| broken(error.to_string()))?;
    let found = count(&nodes)?;
    let question = ::redis::cmd("CLUSTER").arg("SLOTS").to_owned();
    let announced: anyhow::Result<Vec<Vec<Value>>> =
        connection::ask(&mut connection, &question, COMMAND_LIMIT).await;
    let announced = announced.map_err(|error| broken(format!("{error:#}")))?;
    let primaries: BTreeSet<_> = announced
        .iter()
        .filter_map(|row| place(row.get(2)?))
        .collect();
    for (host, port) in primaries {
        reach(seed, &host, port).await?;
    }
    Ok(found)
}

/// Where a row of `CLUSTER SLOTS` sends a client; no host stands for the one that was asked.
fn place(node: &Value) -> Option<(String, u16)> {
    let Value::Array(node) = node else {
        return None;
    };
    let host: Option<String> = ::redis::from_redis_value_ref(node.first()?).ok()?;
    let port: u16 = ::redis::from_redis_value_ref(node.get(1)?).ok()?;
    let host = host.unwrap_or_default();
    (!host.is_empty()).then_some((host, port))
}

fn serves(line: &Line) -> bool {
    line.primary && !line.fail && !line.slots.is_empty()
}

fn count(nodes: &[Line]) -> Result<External, Unfit> {
    let primaries: Vec<&Line> = nodes.iter().filter(|line| serves(line)).collect();
    let slots: SlotSet = primaries.iter().flat_map(|p| p.slots.iter()).collect();
    if slots.len() < usize::from(SLOTS) {
        return Err(Unfit::SlotsMissing(slots.len()));
    }
    if primaries.len() < PRIMARIES_MIN {
        return Err(Unfit::TooFewPrimaries(primaries.len()));
    }
    let followed: BTreeSet<_> = nodes
        .iter()
        .filter(|line| !line.fail)
        .filter_map(|line| line.follows.as_ref())
        .collect();
    let bare = primaries
        .iter()
        .filter(|p| !followed.contains(&p.id))
        .count();
    Ok(External {
        primaries: primaries.len(),
        bare_primaries: bare,
    })
}

async fn reach(seed: &ConnectionInfo, host: &str, port: u16) -> Result<(), Unfit> {
    let address = match seed.addr() {
        ConnectionAddr::TcpTls { tls_params, .. } => ConnectionAddr::TcpTls {
            host: host.to_owned(),
            port,
            insecure: false,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host.to_owned(), port),
    };
    let info = seed.clone().set_addr(address);
    let reached = async {
        let mut connection = connection::connect(info).await?;
        connection::ask::<()>(&mut connection, &::redis::cmd("PING"), COMMAND_LIMIT).await
    };
    let place = format!("{host}:{port}");
    reached.await.map_err(|error| {
        if is_mistrust(&error) {
            Unfit::Untrusted(format!("the cluster sends us to {place}: {error:#}"))
        } else {
            Unfit::PrimaryUnreachable(place)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(digit: char, flags: &str, follows: Option<char>, slots: &str) -> String {
        let id: String = std::iter::repeat_n(digit, 40).collect();
        let follows = follows.map_or("-".to_owned(), |d| std::iter::repeat_n(d, 40).collect());
        format!("{id} 10.0.0.1:6379@16379 {flags} {follows} 0 0 1 connected {slots}\n")
    }

    #[test]
    fn slots_and_primaries_are_counted() {
        let a = line('a', "myself,master", None, "0-5000");
        let b = line('b', "master", None, "5001-10000");
        let c = line('c', "master", None, "10001-16383");
        let d = line('d', "slave", Some('a'), "");
        let nodes = |text: String| parse::nodes(&text).unwrap();
        let found = count(&nodes(format!("{a}{b}{c}{d}"))).unwrap();
        assert_eq!((found.primaries, found.bare_primaries), (3, 2));
        let failed = c.replace(" master", " master,fail");
        let missing = count(&nodes(format!("{a}{b}{failed}{d}")));
        assert_eq!(missing, Err(Unfit::SlotsMissing(10_001)));
        let two = b.replace("5001-10000", "5001-16383");
        let few = count(&nodes(format!("{a}{two}{d}")));
        assert_eq!(few, Err(Unfit::TooFewPrimaries(2)));
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let blind = "rediss://user:rahasia@redis.example:6379/#insecure";
        let problem = seed(blind, None).unwrap_err();
        assert!(!problem.to_string().contains("rahasia"));
        assert!(seed("redis.example", None).is_err());
    }
}
