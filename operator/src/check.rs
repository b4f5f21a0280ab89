//! `warung-operator check URL`: asks an address over HTTP and says whether it answered 200.
//!
//! `helm test` runs it, because the image has neither a shell nor curl.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long one question may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How often it is asked; a Service needs a moment to know its pods.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest answer that is looked at, in bytes.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Asks until the answer is 200.
///
/// # Errors
/// What the last try ran into.
pub async fn run(url: &str) -> Result<()> {
    for _ in 1..TRIES {
        if ask(url).await.is_ok() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    ask(url).await
}

/// Asks once.
///
/// # Errors
/// When the address is no `http://host:port/path`, nobody answers, or the answer is not 200.
pub async fn ask(url: &str) -> Result<()> {
    let rest = url
        .strip_prefix("http://")
        .context("the address must begin with http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let question = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = timeout(ANSWER_LIMIT, exchange(host, &question));
    let answer = answer
        .await
        .with_context(|| format!("{url} does not answer"))??;
    let head = answer.lines().next().unwrap_or_default();
    let well = head.split_whitespace().nth(1) == Some("200");
    ensure!(well, "{url} answers: {answer}");
    Ok(())
}

async fn exchange(host: &str, question: &str) -> Result<String> {
    let mut stream = TcpStream::connect(host)
        .await
        .with_context(|| format!("connect to {host}"))?;
    stream.write_all(question.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn only_200_is_well() {
        let routes = Router::new()
            .route("/readyz", get(async || "ready"))
            .route("/busy", get(async || StatusCode::SERVICE_UNAVAILABLE));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, routes).await });
        assert!(ask(&format!("http://{address}/readyz")).await.is_ok());
        let refused = ask(&format!("http://{address}/busy")).await.unwrap_err();
        assert!(refused.to_string().contains("503"), "{refused}");
        server.abort();
        let _ = server.await;
        assert!(ask(&format!("http://{address}/readyz")).await.is_err());
        assert!(ask("https://example.com/").await.is_err());
    }
}
