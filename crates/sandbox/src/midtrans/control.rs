//! The control API; its table is in the module documentation of [`super`].

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{Call, Fault};
use super::forge::Forgery;
use super::handle;
use super::life::{self, Refused};
use super::method::Method;
use super::payment::Payment;
use super::shared::Shared;
use super::snap;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/health", get(health))
        .route("/payments", get(payments))
        .route("/payments/{id}", get(payment))
        .route("/snap/{order_id}", get(snap_page))
        .route("/choose/{order_id}", post(choose))
        .route("/pay-number", post(pay_number))
        .route("/resend/{id}", post(resend))
        .route("/forge/{id}", post(forge))
        .route("/book", get(book))
        .route("/notifications", get(notifications))
        .route("/faults", get(struck).post(arm).delete(clear))
        .route("/clock", post(clock))
        .route("/{step}/{id}", post(step))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Status(_) | Self::Page => StatusCode::CONFLICT,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn payments(State(shared): State<Arc<Shared>>) -> Json<Vec<Payment>> {
    Json(shared.world().payments().to_vec())
}

async fn payment(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Payment>, Refused> {
    let payment = shared.world().find(&id).cloned();
    payment.map(Json).ok_or(Refused::Unknown)
}

async fn snap_page(
    State(shared): State<Arc<Shared>>,
    Path(order_id): Path<String>,
) -> Result<Json<snap::Session>, Refused> {
    let session = handle::find_snap(&shared, &order_id);
    session.map(Json).ok_or(Refused::Unknown)
}

#[derive(Debug, Deserialize)]
struct Choice {
    method: Method,
}

async fn choose(
    State(shared): State<Arc<Shared>>,
    Path(order_id): Path<String>,
    Json(choice): Json<Choice>,
) -> Result<Json<Payment>, Refused> {
    let session = handle::find_snap(&shared, &order_id).ok_or(Refused::Unknown)?;
    snap::choose(&shared, &session.token, choice.method).map(Json)
}

async fn step(
    State(shared): State<Arc<Shared>>,
    Path((step, id)): Path<(String, String)>,
) -> Result<Json<Payment>, Refused> {
    let moved = match step.as_str() {
        "pay" => handle::pay(&shared, &id),
        "fail" => life::fail(&shared, &id),
        "expire" => life::expire(&shared, &id),
        "reverse" => life::reverse(&shared, &id),
        "pay-late" => life::pay_late(&shared, &id),
        _ => Err(Refused::Unknown),
    };
    moved.map(Json)
}

#[derive(Debug, Deserialize)]
struct Number {
    number: String,
}

async fn pay_number(
    State(shared): State<Arc<Shared>>,
    Json(typed): Json<Number>,
) -> Result<Json<Payment>, Refused> {
    handle::pay_number(&shared, &typed.number).map(Json)
}

async fn resend(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    handle::resend(&shared, &id).map(done)
}

#[derive(Debug, Deserialize)]
struct Forge {
    forgery: Forgery,
}

async fn forge(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(wish): Json<Forge>,
) -> Result<Json<Value>, Refused> {
    handle::forge(&shared, &id, wish.forgery).map(done)
}

async fn book(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.world().book()).into_response()
}

async fn notifications(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.post.log()).into_response()
}

async fn struck(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.faults.struck()).into_response()
}

#[derive(Debug, Deserialize)]
struct Arm {
    fault: Fault,
    call: Option<Call>,
    next: Option<u32>,
    per_mille: Option<u32>,
}

async fn arm(State(shared): State<Arc<Shared>>, Json(wish): Json<Arm>) -> Json<Value> {
    if let Some(per_mille) = wish.per_mille {
        shared.faults.chance(wish.fault, wish.call, per_mille);
    }
    if let Some(count) = wish.next {
        shared.faults.arm(wish.fault, wish.call, count);
    }
    done(())
}

async fn clear(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.faults.clear();
    done(())
}

#[derive(Debug, Deserialize)]
struct Advance {
    advance_seconds: i64,
}

async fn clock(State(shared): State<Arc<Shared>>, Json(wish): Json<Advance>) -> Response {
    let Some(step) = TimeDelta::try_seconds(wish.advance_seconds) else {
        let body = json!({ "error": "the step is too large" });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    handle::advance(&shared, step);
    Json(json!({ "now": shared.now() })).into_response()
}

fn done(_: ()) -> Json<Value> {
    Json(json!({}))
}
