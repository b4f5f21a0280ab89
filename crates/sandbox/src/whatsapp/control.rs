//! The control API: everything a test can do by the library, over HTTP and JSON.
//!
//! | Call under `/control` | Body → answer |
//! |---|---|
//! | `GET /state` | → `{shop, now, waiting, webhooks[], faults[], customers[], …}`, the first 50 |
//! | `POST /customers` | `{wa_id, name?, bsuid?, username?, hides_number?}` → the customer |
//! | `POST /customers/{wa_id}/says` | `{text, reply_to?}` → `{wamid}` |
//! | `POST /customers/{wa_id}/taps` | `{option, wamid?}` (title or id; the last message) → `{wamid}` |
//! | `POST /customers/{wa_id}/sends` | a message's content, `{type, …}` → `{wamid}` |
//! | `POST /customers/{wa_id}/sends-again` | `{wamid}` → `{}` |
//! | `POST /customers/{wa_id}/reads` | → `{}` |
//! | `POST /customers/{wa_id}/window` | `{hours_ago}` since the customer wrote → `{}` |
//! | `POST /customers/{wa_id}/changes-number` | `{wa_id}` → `{}` |
//! | `POST /customers/{wa_id}/changes-user-id` | → `{user_id}` |
//! | `GET /customers/{wa_id}/inbox` | → the shop's messages, as far as they are kept |
//! | `GET /customers/{wa_id}/received` | → how many the shop has sent so far |
//! | `GET /customers/{wa_id}/next-reply?wait_ms=` | → the next message; 408 after silence |
//! | `GET /faults`, `POST /faults`, `DELETE /faults` | an [`Arming`] → all armed |
//! | `GET /book` | → the [`Book`](super::Book) |
//! | `GET /webhooks`, `POST /webhooks` | `[address]` → `[address]` |
//! | `POST /webhooks/verify` | → `{failed: [address]}` |
//! | `POST /deliver` | `[item]`, one raw webhook → `{http_status}` |
//! | `POST /post-raw` | `{body, signature?}` → `{http_status}` |
//! | `POST /clock` | `{advance_ms}` → `{now}` |
//! | `POST /reset` | → `{}` |
//! | `GET /events` | server-sent events: bubble, tick, seen, typing, state |
//! | `GET /media/{id}` | → the file |
//!
//! A surprise (no such customer, message or option) is a 409 with `{error}`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_stream::wrappers::BroadcastStream;

use super::customer::{Customer, Surprise};
use super::faults::Arming;
use super::received::Bubble;
use super::shared::{Event, Shared};
use super::world::Profile;
use super::{graph, rules, sandbox};

/// Longest wait of `next-reply`, in milliseconds.
const WAIT_MAX_MS: u64 = 60_000;
/// Customers in one answer of `state`, so that a bench does not choke a page left open.
const CUSTOMERS_SHOWN: usize = 50;
/// Longest step of a clock that makes sense, in hours.
const HOURS_MAX: i64 = 24 * 365;

type Answer = Result<Json<Value>, Surprise>;

#[derive(Deserialize)]
struct NewCustomer {
    wa_id: String,
    #[serde(default)]
    name: String,
    bsuid: Option<String>,
    username: Option<String>,
    #[serde(default)]
    hides_number: bool,
}

#[derive(Deserialize)]
struct Says {
    text: String,
    reply_to: Option<String>,
}

#[derive(Deserialize)]
struct Taps {
    option: String,
    wamid: Option<String>,
}

#[derive(Deserialize)]
struct Again {
    wamid: String,
}

#[derive(Deserialize)]
struct Window {
    hours_ago: i64,
}

#[derive(Deserialize)]
struct NewNumber {
    wa_id: String,
}

#[derive(Deserialize)]
struct Patience {
    wait_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Raw {
    body: String,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Step {
    advance_ms: i64,
}

/// The routes, to be nested under `/control`.
pub(super) fn router() -> Router<Arc<Shared>> {
    let customer = Router::new()
        .route("/says", post(says))
        .route("/taps", post(taps))
        .route("/sends", post(sends))
        .route("/sends-again", post(sends_again))
        .route("/reads", post(reads))
        .route("/window", post(window))
        .route("/changes-number", post(changes_number))
        .route("/changes-user-id", post(changes_user_id))
        .route("/inbox", get(inbox))
        .route("/received", get(received))
        .route("/next-reply", get(next_reply));
    Router::new()
        .route("/state", get(state))
        .route("/customers", post(put_customer))
        .nest("/customers/{wa_id}", customer)
        .route("/faults", get(faults).post(arm).delete(disarm))
        .route("/book", get(book))
        .route("/webhooks", get(webhooks).post(set_webhooks))
        .route("/webhooks/verify", post(verify_webhooks))
        .route("/deliver", post(deliver))
        .route("/post-raw", post(post_raw))
        .route("/clock", post(clock))
        .route("/reset", post(reset))
        .route("/events", get(events))
        .route("/media/{id}", get(media))
}

impl IntoResponse for Surprise {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Silence(_) => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::CONFLICT,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

async fn state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let now = shared.clock.now();
    let world = shared.world();
    Json(json!({
        "shop": shared.config.shop_name,
        "display_phone_number": shared.config.display_phone_number,
        "phone_number_id": shared.config.phone_number_id,
        "auto_read": shared.config.auto_read,
        "now": now.timestamp_millis(),
        "waiting": shared.courier.waiting(),
        "webhooks": *shared.webhooks(),
        "faults": shared.faults.armed(),
        "customers": world
            .phones
            .iter()
            .take(CUSTOMERS_SHOWN)
            .map(|phone| phone.to_json(now))
            .collect::<Vec<_>>(),
        "customers_total": world.phones.len(),
    }))
}

async fn put_customer(State(shared): State<Arc<Shared>>, Json(new): Json<NewCustomer>) -> Answer {
    checked(&new.wa_id)?;
    let mut profile = Profile::new(&new.wa_id, &new.name, &shared.config.phone_number_id);
    profile.bsuid = new.bsuid.or(profile.bsuid);
    profile.username = new.username;
    profile.hides_number = new.hides_number;
    let answer = json!(profile);
    shared.world().put_profile(profile);
    shared.tell(|| Event::State);
    Ok(Json(answer))
}

/// The customer in the path, created if need be.
fn customer(shared: &Arc<Shared>, number: &str) -> Result<Customer, Surprise> {
    if shared.world().phone(number).is_none() {
        checked(number)?;
        shared.world().customer(number, number);
        shared.tell(|| Event::State);
    }
    Ok(Customer::new(Arc::clone(shared), number))
}

fn checked(number: &str) -> Result<(), Surprise> {
    if rules::is_phone(number) {
        Ok(())
    } else {
        Err(Surprise::NoSuchCustomer(number.to_owned()))
    }
}

async fn says(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(body): Json<Says>,
) -> Answer {
    let customer = customer(&shared, &number)?;
    let wamid = match body.reply_to {
        Some(wamid) => customer.replies_to(&wamid, &body.text).await,
        None => customer.says(&body.text).await,
    };
    Ok(Json(json!({"wamid": wamid})))
}

async fn taps(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(body): Json<Taps>,
) -> Answer {
    let customer = customer(&shared, &number)?;
    let wamid = match body.wamid {
        Some(wamid) => customer.taps_in(&wamid, &body.option).await?,
        None => customer.taps(&body.option).await?,
    };
    Ok(Json(json!({"wamid": wamid})))
}

async fn sends(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(content): Json<Map<String, Value>>,
) -> Answer {
    let wamid = customer(&shared, &number)?.sends(content.into()).await;
    Ok(Json(json!({"wamid": wamid})))
}

async fn sends_again(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(body): Json<Again>,
) -> Answer {
    customer(&shared, &number)?.sends_again(&body.wamid).await?;
    Ok(Json(json!({})))
}

async fn reads(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Answer {
    customer(&shared, &number)?.reads();
    Ok(Json(json!({})))
}

async fn window(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(body): Json<Window>,
) -> Answer {
    let hours = body.hours_ago.clamp(0, HOURS_MAX);
    customer(&shared, &number)?.last_wrote(TimeDelta::hours(hours));
    Ok(Json(json!({})))
}

async fn changes_number(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Json(body): Json<NewNumber>,
) -> Answer {
    customer(&shared, &number)?
        .changes_number(&body.wa_id)
        .await?;
    Ok(Json(json!({})))
}

async fn changes_user_id(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Answer {
    let user_id = customer(&shared, &number)?.changes_user_id().await?;
    Ok(Json(json!({"user_id": user_id})))
}

async fn inbox(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Answer {
    let inbox = customer(&shared, &number)?.inbox().into_iter();
    Ok(Json(
        inbox
            .map(|received| Bubble::Received(received).to_json())
            .collect(),
    ))
}

async fn received(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Answer {
    Ok(Json(json!(customer(&shared, &number)?.received())))
}

async fn next_reply(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    Query(patience): Query<Patience>,
) -> Answer {
    let wait = Duration::from_millis(patience.wait_ms.unwrap_or(0).min(WAIT_MAX_MS));
    let received = customer(&shared, &number)?.next_reply(wait).await?;
    Ok(Json(Bubble::Received(received).to_json()))
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!(shared.faults.armed()))
}

async fn arm(State(shared): State<Arc<Shared>>, Json(arming): Json<Arming>) -> Json<Value> {
    shared.faults.arm(arming);
    shared.tell(|| Event::State);
    Json(json!(shared.faults.armed()))
}

async fn disarm(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.faults.clear();
    shared.tell(|| Event::State);
    Json(json!([]))
}

async fn book(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let book = shared.world().book.clone();
    Json(json!(book))
}

async fn webhooks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!(*shared.webhooks()))
}

async fn set_webhooks(
    State(shared): State<Arc<Shared>>,
    Json(urls): Json<Vec<String>>,
) -> Json<Value> {
    shared.set_webhooks(urls);
    Json(json!(*shared.webhooks()))
}

async fn verify_webhooks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"failed": sandbox::verify_webhooks(&shared).await}))
}

async fn deliver(State(shared): State<Arc<Shared>>, Json(items): Json<Vec<Value>>) -> Json<Value> {
    Json(json!({"http_status": sandbox::deliver(&shared, &items).await}))
}

async fn post_raw(State(shared): State<Arc<Shared>>, Json(raw): Json<Raw>) -> Json<Value> {
    Json(json!({"http_status": shared.post(&raw.body, raw.signature.as_deref()).await}))
}

async fn clock(State(shared): State<Arc<Shared>>, Json(step): Json<Step>) -> Json<Value> {
    let most = HOURS_MAX * 3_600_000;
    shared
        .clock
        .advance(TimeDelta::milliseconds(step.advance_ms.clamp(-most, most)));
    shared.tell(|| Event::State);
    Json(json!({"now": shared.clock.now()}))
}

async fn reset(State(shared): State<Arc<Shared>>) -> Json<Value> {
    sandbox::reset(&shared);
    Json(json!({}))
}

async fn events(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>> {
    let stopping = shared.stopping.clone();
    let events = BroadcastStream::new(shared.events.subscribe());
    let stream = events
        .map(|event| {
            // Whoever lags behind has missed something and starts from the state again.
            let event = event.unwrap_or(Event::State);
            Ok(axum::response::sse::Event::default().data(json!(event).to_string()))
        })
        .take_until(stopping.cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn media(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    graph::file(&shared, &id)
}
