//! The few requests that the testkit itself makes to an API server, as plain JSON.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Certificate, Identity, Method, StatusCode};
use serde_json::Value;

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Time to reach the server.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// The API server said no.
#[derive(Debug)]
pub struct Refused {
    /// Status of HTTP.
    pub status: StatusCode,
    /// The message of the returned `Status`, or the body.
    pub message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status, self.message)
    }
}

impl std::error::Error for Refused {}

/// A client of the API server that speaks as the administrator.
#[derive(Clone, Debug)]
pub struct Rest {
    client: reqwest::Client,
    url: String,
}

impl Rest {
    pub(super) fn new(url: String, ca: &str, certificate: &str, key: &str) -> Result<Self> {
        // Someone may have installed a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(REQUEST_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .tls_certs_only([Certificate::from_pem(ca.as_bytes())?])
            .identity(Identity::from_pem(
                format!("{certificate}{key}").as_bytes(),
            )?)
            .build()?;
        Ok(Self { client, url })
    }

    /// Reads a path, such as `/api/v1/namespaces/default`.
    ///
    /// # Errors
    /// [`Refused`] when the server answers otherwise than by success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.request(Method::GET, path, None).await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// As [`Rest::get`].
    pub async fn post(&self, path: &str, object: &Value) -> Result<Value> {
        self.request(Method::POST, path, Some(object)).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// As [`Rest::get`].
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.request(Method::DELETE, path, None).await
    }

    /// Whether `/readyz` says so.
    pub(super) async fn is_ready(&self) -> Result<()> {
        let request = self.client.get(format!("{}/readyz", self.url));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context("ask the API server")?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text)?);
        }
        let message = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|status| Some(status.get("message")?.as_str()?.to_owned()))
            .unwrap_or(text);
        Err(Refused { status, message }.into())
    }
}
