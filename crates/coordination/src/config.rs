//! What a [`Coordination`](crate::Coordination) is told at its start.

use std::time::Duration;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

/// Longest prefix accepted, in bytes. It is part of every key, so it must stay short.
const PREFIX_MAX_BYTES: usize = 128;

/// A start configuration that cannot work, whatever the cluster does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No node was named.
    #[error("no redis node is named")]
    NoNodes,
    /// A node is not a `redis://host:port` or `rediss://host:port` URL.
    #[error("not a redis node url: {0}")]
    Node(String),
    /// Some nodes are named with TLS and some without.
    #[error("redis:// and rediss:// are mixed: all nodes are reached with TLS or none")]
    Mixed,
    /// An authority is given and no connection would use it.
    #[error("a certificate authority is given, yet the nodes are not rediss:// urls")]
    NoTls,
    /// What should be certificates is not.
    #[error("not a certificate authority in PEM: {0}")]
    Authority(String),
    /// The prefix is empty, too long, or holds a brace, which would take over the hash tags.
    #[error("a key prefix must have 1 to 128 bytes and no brace or control character")]
    Prefix,
}

/// Where the cluster is and how long anything may take.
///
/// ```
/// use warung_coordination::Config;
///
/// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
/// let config = Config::parse(nodes, "warung:toko-sari:")?;
/// assert_eq!(config.timeouts.vote.as_millis(), 50);
/// assert!(Config::parse(nodes, "warung:{toko}:").is_err());
/// # Ok::<(), warung_coordination::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) prefix: String,
    /// Bounds on waiting.
    pub timeouts: Timeouts,
    /// Sizes and lifetimes of the two cache tiers.
    pub cache: CacheOptions,
}

impl Config {
    /// Checks the node URLs (`redis://[user:password@]host:port`, `rediss://…` for TLS) and the
    /// prefix that every key and channel will start with, such as `warung:toko-sari:`.
    ///
    /// With TLS a node must show a certificate for the host by which the cluster knows it, of an
    /// authority that the system trusts or that [`Config::trusting`] names.
    ///
    /// The nodes are only the first ones asked; the rest of the cluster is learned from them.
    pub fn parse<S: AsRef<str>>(
        nodes: impl IntoIterator<Item = S>,
        prefix: &str,
    ) -> Result<Self, ConfigError> {
        let nodes = nodes
            .into_iter()
            .map(|node| parse_node(node.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(ConfigError::NoNodes);
        }
        if nodes.iter().any(has_tls) && !nodes.iter().all(has_tls) {
            return Err(ConfigError::Mixed);
        }
        let bad = |c: char| matches!(c, '{' | '}') || c.is_control();
        if prefix.is_empty() || prefix.len() > PREFIX_MAX_BYTES || prefix.contains(bad) {
            return Err(ConfigError::Prefix);
        }
        Ok(Self {
            nodes,
            prefix: prefix.to_owned(),
            timeouts: Timeouts::default(),
            cache: CacheOptions::default(),
        })
    }

    /// Trusts these certificate authorities (PEM) and no others for the nodes' certificates.
    ///
    /// ```
    /// use warung_coordination::{Config, ConfigError};
    ///
    /// let open = Config::parse(["redis://10.0.0.1:6379"], "warung:toko-sari:")?;
    /// assert_eq!(open.trusting("").unwrap_err(), ConfigError::NoTls);
    /// let closed = Config::parse(["rediss://10.0.0.1:6379"], "warung:toko-sari:")?;
    /// assert!(matches!(closed.trusting("").unwrap_err(), ConfigError::Authority(_)));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn trusting(mut self, authorities: &str) -> Result<Self, ConfigError> {
        if !self.nodes.iter().all(has_tls) {
            return Err(ConfigError::NoTls);
        }
        // Without one the client would start and then trust nobody.
        if !authorities.contains("-----BEGIN CERTIFICATE-----") {
            return Err(ConfigError::Authority("it holds no certificate".to_owned()));
        }
        for node in &mut self.nodes {
            let certificates = TlsCertificates {
                client_tls: None,
                root_cert: Some(authorities.as_bytes().to_vec()),
            };
            let client = Client::build_with_tls(node.clone(), certificates)
                .map_err(|error| ConfigError::Authority(error.to_string()))?;
            *node = client.get_connection_info().clone();
        }
        Ok(self)
    }
}

fn has_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}

/// A URL may hold a password, so a refused one is named without its user part.
fn parse_node(url: &str) -> Result<ConnectionInfo, ConfigError> {
    let url = url.trim();
    let shown = || {
        url.rsplit_once('@')
            .map_or(url, |(_, host)| host)
            .to_owned()
    };
    let info = url
        .into_connection_info()
        .map_err(|_| ConfigError::Node(shown()))?;
    match info.addr() {
        // `#insecure` would look at no certificate at all.
        ConnectionAddr::Tcp(..)
        | ConnectionAddr::TcpTls {
            insecure: false, ..
        } => Ok(info),
        _ => Err(ConfigError::Node(shown())),
    }
}

/// Bounds on waiting for the cluster.
///
/// ```
/// use std::time::Duration;
/// use warung_coordination::Timeouts;
///
/// let patient = Timeouts { response: Duration::from_millis(400), ..Timeouts::default() };
/// assert_eq!(patient.connect, Timeouts::default().connect);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Longest wait for one call, its redirects and retries included.
    pub response: Duration,
    /// Longest wait for one master's vote on a lock; far below any lock's time to live.
    pub vote: Duration,
    /// Longest wait for a connection and its handshake.
    pub connect: Duration,
    /// How often the slot map is read again while all is well.
    pub topology_every: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            response: Duration::from_millis(200),
            vote: Duration::from_millis(50),
            connect: Duration::from_millis(200),
            topology_every: Duration::from_secs(1),
        }
    }
}

/// Sizes and lifetimes of the two cache tiers.
///
/// ```
/// use warung_coordination::CacheOptions;
///
/// let small = CacheOptions { l1_max_bytes: 1024 * 1024, ..CacheOptions::default() };
/// assert!(small.soft_ttl < small.hard_ttl);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheOptions {
    /// Longest life of a value in this process; the true one is 50 to 100 % of it, so that a
    /// fleet does not reload at one moment. Also the worst staleness when an invalidation is lost.
    pub l1_ttl: Duration,
    /// Bytes (of encoded values) that this process keeps at most.
    pub l1_max_bytes: u64,
    /// Age at which a value in Redis is loaded again, by one caller in the whole fleet.
    pub soft_ttl: Duration,
    /// Age at which a value leaves Redis; between the two it is served while it is reloaded.
    pub hard_ttl: Duration,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            l1_ttl: Duration::from_secs(2),
            l1_max_bytes: 16 * 1024 * 1024,
            soft_ttl: Duration::from_mins(1),
            hard_ttl: Duration::from_mins(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_node_is_shown_without_its_password() {
        let error = Config::parse(["http://shop:secret@10.0.0.1:80"], "w:").unwrap_err();
        assert_eq!(error, ConfigError::Node("10.0.0.1:80".to_owned()));
    }

    #[test]
    fn nodes_and_prefix_are_required() {
        let nobody: [&str; 0] = [];
        assert_eq!(
            Config::parse(nobody, "w:").unwrap_err(),
            ConfigError::NoNodes
        );
        let node = ["redis://127.0.0.1:7000"];
        assert_eq!(Config::parse(node, "").unwrap_err(), ConfigError::Prefix);
        assert_eq!(
            Config::parse(node, "a\nb").unwrap_err(),
            ConfigError::Prefix
        );
    }
}
