//! Pictures by link: Meta fetches them itself before it delivers a message.
//!
//! The sandbox calls nothing but loopback addresses. Any other link is shown to the customer as it
//! is, without its picture.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::media::{self, Media};
use super::refusal::Refusal;
use super::shared::Shared;

/// How long a link may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches and stores what `link` points to. Error 131053 when that fails.
pub(super) async fn picture(
    shared: &Shared,
    link: Option<&str>,
) -> Result<Option<Arc<Media>>, Refusal> {
    let Some(link) = link.filter(|link| is_loopback(link)) else {
        return Ok(None);
    };
    let refused = |error: &reqwest::Error| Refusal::new(131_053, format!("{link}: {error}"));
    let response = shared.http.get(link).timeout(FETCH_TIMEOUT).send().await;
    let response = response
        .and_then(reqwest::Response::error_for_status)
        .map_err(|error| refused(&error))?;
    let mime_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_owned();
    let bytes = response.bytes().await.map_err(|error| refused(&error))?;
    media::check(&mime_type, &bytes)?;
    let mut world = shared.world();
    let id = world.ids.media();
    Ok(Some(world.media.put(Media::new(id, mime_type, bytes))))
}

fn is_loopback(link: &str) -> bool {
    let Ok(uri) = link.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
