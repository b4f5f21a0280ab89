//! What Meta and Midtrans tell us.

pub(super) mod midtrans;
pub(super) mod told;
pub(super) mod whatsapp;

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::Ingress;

/// From the first to the last byte of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The unit of the budgets in bytes.
const BUDGET_UNIT_BYTES: usize = 4_096;
/// Largest small body in bytes. Nearly all webhooks are; a stranger who fills the other budget does
/// not keep them out.
const SMALL_BODY_BYTES: usize = 64 * 1_024;
/// Memory that small bodies on their way in may take together, in units: 16 MiB.
const SMALL_UNITS: usize = 4_096;
/// Memory that the others may take together, in units: 48 MiB.
const LARGE_UNITS: usize = 12_288;

static SMALL: Semaphore = Semaphore::const_new(SMALL_UNITS);
static LARGE: Semaphore = Semaphore::const_new(LARGE_UNITS);

/// A body within its bounds, and its shares of what is bounded while it is worked on.
struct Received<'i> {
    bytes: Vec<u8>,
    _memory: Option<SemaphorePermit<'static>>,
    _work: SemaphorePermit<'i>,
}

/// Why a body was not taken: the status and the reason to answer.
type Untaken = (StatusCode, &'static str);

const TOO_LARGE: Untaken = (StatusCode::PAYLOAD_TOO_LARGE, "body is too large");

/// Reads a body of at most `limit` bytes. Only what has come is counted, whatever length a client
/// says: one that announces much and sends little keeps nobody else out. A share of the webhooks
/// that are worked on at once is taken when it is all there.
///
/// # Errors
/// The status and the reason to answer.
async fn read<'i>(
    ingress: &'i Ingress,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Received<'i>, Untaken> {
    let length = headers
        .get(axum::http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(TOO_LARGE);
    }
    let gathered = tokio::time::timeout(BODY_TIMEOUT, gather(body, limit)).await;
    let too_long = (StatusCode::REQUEST_TIMEOUT, "body took too long");
    let (bytes, memory) = gathered.map_err(|_| too_long)??;
    let Ok(work) = ingress.permits.try_acquire() else {
        ingress.app.metrics.shed.with_label_values(&["busy"]).inc();
        return Err((StatusCode::SERVICE_UNAVAILABLE, "too many webhooks at once"));
    };
    Ok(Received {
        bytes,
        _memory: memory,
        _work: work,
    })
}

async fn gather(
    mut body: Body,
    limit: usize,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'static>>), Untaken> {
    let broke_off = (StatusCode::BAD_REQUEST, "body broke off");
    let (mut bytes, mut share) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        // What is no data are trailers, which say nothing here.
        let Ok(data) = frame.map_err(|_| broke_off)?.into_data() else {
            continue;
        };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(TOO_LARGE);
        }
        if length > bytes.capacity() {
            let room = length.max(2 * bytes.capacity()).max(BUDGET_UNIT_BYTES);
            let room = room.min(limit.max(length));
            share = Some(claim(share, room)?);
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, share))
}

/// A share for so many bytes, in place of the one held so far.
fn claim(
    held: Option<SemaphorePermit<'static>>,
    bytes: usize,
) -> Result<SemaphorePermit<'static>, Untaken> {
    let budget = if bytes > SMALL_BODY_BYTES {
        &LARGE
    } else {
        &SMALL
    };
    let units = u32::try_from(bytes.div_ceil(BUDGET_UNIT_BYTES)).unwrap_or(u32::MAX);
    // Given back first: a body that grows needs no room beside its own.
    drop(held);
    let full = (StatusCode::SERVICE_UNAVAILABLE, "too many bodies at once");
    budget.try_acquire_many(units).map_err(|_| full)
}

/// The trace that the sender wants continued (W3C Trace Context).
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
}
