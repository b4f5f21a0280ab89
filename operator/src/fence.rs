//! The client of the API server: every request has an end, and only a leader writes.
//!
//! The check stands below everything else in the client, so that no code can forget it, and a
//! write that was not sent in time is given up rather than sent later.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service};

use crate::lease::Leadership;

/// How long a write may take. Shorter than what lies between the end of a leader's trust and the
/// taking of its Lease by another (5 s), so that no write of an old leader arrives after that.
const WRITE: Duration = Duration::from_secs(4);
/// How long the head of an answer to a read may take; a watch answers at once as well.
const READ: Duration = Duration::from_secs(15);
/// How long a connection may be silent while an answer is awaited. The API server sends a bookmark
/// to every watch each minute, so that a longer silence means that nobody is there.
const SILENCE: Duration = Duration::from_secs(90);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// A client that may write only while `leadership` holds.
///
/// # Errors
/// When the configuration names certificates or tokens that cannot be read.
pub fn fenced(config: Config, leadership: Leadership) -> kube::Result<Client> {
    build(config, Some(leadership))
}

/// A client for the Lease itself.
///
/// # Errors
/// As [`fenced`].
pub fn unfenced(config: Config) -> kube::Result<Client> {
    build(config, None)
}

fn build(mut config: Config, leadership: Option<Leadership>) -> kube::Result<Client> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.write_timeout = Some(READ);
    // A retry below the fence would write without asking it again.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&FenceLayer { leadership }).build())
}

struct FenceLayer {
    leadership: Option<Leadership>,
}

impl<S> Layer<S> for FenceLayer {
    type Service = Fence<S>;

    fn layer(&self, inner: S) -> Fence<S> {
        Fence {
            inner,
            leadership: self.leadership.clone(),
        }
    }
}

struct Fence<S> {
    inner: S,
    leadership: Option<Leadership>,
}

impl<S, B> Service<Request<Body>> for Fence<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let writes = request.method() != Method::GET;
        if let (true, Some(leadership)) = (writes, &self.leadership)
            && let Err(lost) = leadership.check()
        {
            return Box::pin(std::future::ready(Err(lost.into())));
        }
        let limit = if writes { WRITE } else { READ };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = tokio::time::timeout(limit, answer).await;
            answer.map_err(BoxError::from)?.map_err(Into::into)
        })
    }
}
