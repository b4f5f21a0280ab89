//! Calls to the Cloud API.
//!
//! A send is not idempotent, so what matters about a failed one is whether the message may have
//! gone out: [`SendError`] keeps "certainly not" and "perhaps" apart.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorBody};
use crate::message::{OutgoingMessage, ReadReceipt};

/// How long a connection may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a whole call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an unused connection is kept. A call that meets a connection just being closed by the
/// other side has an unknown outcome, so this is well below the idle limits of usual servers and
/// load balancers (30 s and more).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;
/// Longest piece of an answer that is quoted in a reason, in characters.
const QUOTE_CHARS: usize = 200;

/// Where and as whom to call.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Such as `https://graph.facebook.com`, without a slash at the end.
    pub base_url: String,
    /// Such as `v26.0`.
    pub version: String,
    /// The business number messages are sent from.
    pub phone_number_id: String,
    /// The bearer token. It shows in no `Debug` form and no error.
    pub token: SecretString,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long a whole call may take.
    pub timeout: Duration,
}

impl ClientConfig {
    /// A configuration with the default time-outs.
    pub fn new(
        base_url: impl Into<String>,
        version: impl Into<String>,
        phone_number_id: impl Into<String>,
        token: SecretString,
    ) -> Self {
        Self {
            base_url: base_url.into(),
            version: version.into(),
            phone_number_id: phone_number_id.into(),
            token,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: CALL_TIMEOUT,
        }
    }
}

/// A client for one business number. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    root: String,
    phone_number_id: String,
    token: SecretString,
}

/// The id of a message (`wamid.…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

/// The id of an uploaded medium; it lives 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaId(pub String);

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The API refused it: nothing was sent. [`ApiError::action`] says what to do.
    #[error(transparent)]
    Api(ApiError),
    /// It may have been sent: the call timed out, the connection was lost, or the answer cannot be
    /// read. A status with the message's callback data would settle it.
    #[error("unknown whether sent: {0}")]
    Unknown(String),
    /// It was certainly not sent: no connection, or something before the API refused it.
    #[error("not sent: {0}")]
    NotSent(String),
}

/// The HTTP client cannot be built from this configuration.
#[derive(Debug, thiserror::Error)]
#[error("whatsapp client cannot be built")]
pub struct BuildError(#[from] reqwest::Error);

impl Client {
    /// A client with connections of its own. Redirects are not followed. The environment's proxy
    /// variables hold, except for a server on this machine.
    ///
    /// TLS uses the process's default `rustls` provider; where none is installed, `ring` becomes
    /// it.
    pub fn new(config: ClientConfig) -> Result<Self, BuildError> {
        // An error here means that the process has chosen a provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        if is_loopback(&config.base_url) {
            http = http.no_proxy();
        }
        let http = http.build()?;
        let root = format!(
            "{}/{}",
            config.base_url.trim_end_matches('/'),
            config.version
        );
        Ok(Self {
            http,
            root,
            phone_number_id: config.phone_number_id,
            token: config.token,
        })
    }

    /// The business number this client sends from.
    pub fn phone_number_id(&self) -> &str {
        &self.phone_number_id
    }

    /// Sends a message.
    pub async fn send(&self, message: &OutgoingMessage) -> Result<MessageId, SendError> {
        self.send_json(message).await
    }

    /// Sends a message that is JSON already, such as one an outbox kept.
    pub async fn send_raw_json(&self, json: impl Into<Bytes>) -> Result<MessageId, SendError> {
        let request = self
            .post("messages")
            .header(CONTENT_TYPE, "application/json")
            .body(reqwest::Body::from(json.into()));
        Self::message_id(&call(request).await?)
    }

    /// Marks a customer's message and those before it as read, and with `typing` shows that an
    /// answer is being written. Losing one does no harm.
    pub async fn mark_read(&self, message_id: &str, typing: bool) -> Result<(), SendError> {
        call(
            self.post("messages")
                .json(&ReadReceipt::new(message_id, typing)),
        )
        .await?;
        Ok(())
    }

    /// Uploads a medium. An upload that may have succeeded is simply repeated: an unused medium
    /// costs nothing and disappears.
    pub async fn upload_media(
        &self,
        bytes: Bytes,
        mime: &str,
        filename: &str,
    ) -> Result<MediaId, SendError> {
        let length = bytes.len() as u64;
        let part = Part::stream_with_length(bytes, length)
            .file_name(filename.to_owned())
            .mime_str(mime)
            .map_err(|error| SendError::NotSent(reason(error)))?;
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", mime.to_owned())
            .part("file", part);
        let answer = call(self.post("media").multipart(form)).await?;
        match serde_json::from_slice::<Uploaded>(&answer) {
            Ok(uploaded) => Ok(MediaId(uploaded.id)),
            Err(_) => Err(SendError::Unknown(format!(
                "no media id in {}",
                quote(&answer)
            ))),
        }
    }

    async fn send_json(&self, body: &impl Serialize) -> Result<MessageId, SendError> {
        Self::message_id(&call(self.post("messages").json(body)).await?)
    }

    fn message_id(answer: &[u8]) -> Result<MessageId, SendError> {
        let accepted: Option<Accepted> = serde_json::from_slice(answer).ok();
        accepted
            .and_then(|accepted| accepted.messages.into_iter().next())
            .map(|message| MessageId(message.id))
            .ok_or_else(|| SendError::Unknown(format!("no message id in {}", quote(answer))))
    }

    fn post(&self, edge: &str) -> RequestBuilder {
        self.http
            .post(format!("{}/{}/{edge}", self.root, self.phone_number_id))
            .bearer_auth(self.token.expose_secret())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("root", &self.root)
            .field("phone_number_id", &self.phone_number_id)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Accepted {
    messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
struct AcceptedMessage {
    id: String,
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
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

/// Makes a call and returns the body of a good answer.
async fn call(request: RequestBuilder) -> Result<Vec<u8>, SendError> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            SendError::NotSent(reason(error))
        } else {
            SendError::Unknown(reason(error))
        }
    })?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = read(response)
        .await
        .map_err(|error| SendError::Unknown(reason(error)))?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(refusal(status, retry_after, &body))
    }
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

/// What an answer other than 2xx means. Without the API's own error body a server error leaves
/// open what happened; any other answer came from something before the API.
fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> SendError {
    if let Ok(ErrorBody { error }) = serde_json::from_slice(body) {
        return SendError::Api(ApiError {
            code: error.code,
            message: error.message,
            details: error.error_data.and_then(|data| data.details),
            http_status: status.as_u16(),
            retry_after,
            trace_id: error.fbtrace_id,
        });
    }
    let told = format!(
        "http {} without an api error: {}",
        status.as_u16(),
        quote(body)
    );
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        SendError::Unknown(told)
    } else {
        SendError::NotSent(told)
    }
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

/// An error and its causes on one line. The address is left out: it is long and always the same.
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

/// The start of a body, for a person to read, with its digits masked: an answer repeats the
/// customer's number.
fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).replace(|c: char| c.is_ascii_digit(), "#");
    crate::text::one_line(&text)
        .chars()
        .take(QUOTE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests;
