//! The client whose calls are in [`crate::core`] and [`crate::snap`], and how they fail.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::answer::Answer;
use crate::request::InvalidRequest;

/// How long a connection may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a whole call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an unused connection is kept. A call that meets a connection just being closed by the
/// other side has an unknown outcome, so this is well below the idle limits of usual servers and
/// load balancers (30 s and more).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes; one that is longer cannot be understood anyway.
const ANSWER_BYTES: usize = 256 * 1024;

/// Where and as whom to call.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Such as `https://app.midtrans.com`: what comes before `/snap/v1`.
    pub snap_url: String,
    /// Such as `https://api.midtrans.com`: what comes before `/v2`.
    pub api_url: String,
    /// The server key. It shows in no `Debug` form and no error.
    pub server_key: SecretString,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long a whole call may take.
    pub timeout: Duration,
}

impl ClientConfig {
    /// A configuration with the default time-outs.
    pub fn new(
        snap_url: impl Into<String>,
        api_url: impl Into<String>,
        server_key: SecretString,
    ) -> Self {
        Self {
            snap_url: snap_url.into(),
            api_url: api_url.into(),
            server_key,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: CALL_TIMEOUT,
        }
    }
}

/// A client for one merchant. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    snap_url: String,
    api_url: String,
    server_key: SecretString,
}

/// Why a call did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It certainly had no effect: no connection, or something before Midtrans refused it.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have had its effect: the call timed out, its answer was lost or cannot be read, the
    /// server failed, or the same call is still in flight. Read the status before anything else.
    #[error("unknown whether done: {0}")]
    Unknown(String),
    /// Midtrans refused it.
    #[error("refused with {status_code}: {}", messages.join("; "))]
    Rejected {
        /// Midtrans's code.
        status_code: u16,
        /// Why, for people.
        messages: Vec<String>,
    },
    /// There is no such transaction (404). Of a Snap page that only says that no method was
    /// chosen yet.
    #[error("no such transaction")]
    NotFound,
    /// The order id or refund key was used before (406; 400 at Snap): read it.
    #[error("used before")]
    Duplicate,
    /// The transaction's state does not allow it (412): read it again.
    #[error("the transaction's state does not allow it")]
    CannotModify,
    /// Too many calls (429).
    #[error("too many calls")]
    RateLimited {
        /// When to call again, where Midtrans says so.
        retry_after: Option<Duration>,
    },
    /// The server key is wrong (401): stop and call a person.
    #[error("server key refused")]
    Unauthorized,
    /// The request is wrong and was not sent.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
}

/// The HTTP client cannot be built from this configuration.
#[derive(Debug, thiserror::Error)]
#[error("midtrans client cannot be built")]
pub struct BuildError(#[from] reqwest::Error);

impl Client {
    /// A client with connections of its own. Redirects are not followed. The environment's proxy
    /// variables hold, except for a server on this machine.
    ///
    /// TLS uses the process's default `rustls` provider; where none is installed, `ring` becomes
    /// it. TLS 1.2 stays enabled, which is all some of Midtrans's hosts speak.
    pub fn new(config: ClientConfig) -> Result<Self, BuildError> {
        // An error here means that the process has chosen a provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        if is_loopback(&config.snap_url) && is_loopback(&config.api_url) {
            http = http.no_proxy();
        }
        let http = http.build()?;
        Ok(Self {
            http,
            snap_url: config.snap_url.trim_end_matches('/').to_owned(),
            api_url: config.api_url.trim_end_matches('/').to_owned(),
            server_key: config.server_key,
        })
    }

    pub(crate) fn core(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, format!("{}/v2/{path}", self.api_url))
    }

    pub(crate) fn snap(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, format!("{}/snap/v1/{path}", self.snap_url))
    }

    fn request(&self, method: Method, url: String) -> RequestBuilder {
        self.http
            .request(method, url)
            .basic_auth(self.server_key.expose_secret(), Some(""))
            .header(ACCEPT, "application/json")
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("snap_url", &self.snap_url)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

/// Whether an address is on this machine, where a proxy named by the environment only harms.
fn is_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes a call. Any answer received whole is returned; what it means is the caller's to say.
pub(crate) async fn call(request: RequestBuilder) -> Result<Answer, CallError> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            CallError::NotSent(reason(error))
        } else {
            CallError::Unknown(reason(error))
        }
    })?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = read(response)
        .await
        .map_err(|error| CallError::Unknown(reason(error)))?;
    Ok(Answer::new(status, retry_after, body))
}

async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ANSWER_BYTES {
            break;
        }
    }
    Ok(body)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error and its causes on one line, without the address, which names the order.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
