//! The Snap API: pages on which the payer chooses how to pay.
//!
//! A page has no payment until a method is chosen; until then `/v2/{order_id}/status` answers 404.
//! A page that runs out sends nothing.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::call;
use super::fault::Call;
use super::life::{self, Refused};
use super::method::Method;
use super::payment::{Details, Payment, Status};
use super::request::{self, SnapPage};
use super::shared::Shared;
use super::world::{NewPayment, World};

/// One Snap page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Its token, a UUID.
    pub token: String,
    /// The shop's id.
    pub order_id: String,
    /// Rupiah.
    pub amount: i64,
    /// The methods it offers.
    pub methods: Vec<Method>,
    /// When the page stops working.
    pub page_expires_at: DateTime<Utc>,
    /// When its payments end; by the method's default if absent.
    pub payments_expire_at: Option<DateTime<Utc>>,
    /// Where the payer is sent afterwards.
    pub finish_url: Option<String>,
    /// Called off by the shop, or replaced by a newer page of the same order.
    pub is_closed: bool,
    /// What the shop said about the order.
    pub details: Details,
}

/// What the payer can do on a page.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Choose a method, for the first time or again after a refusal.
    Choose {
        /// A payment on this page was refused.
        again: bool,
    },
    /// Deal with this payment.
    Payment(Box<Payment>),
    /// Nothing any more.
    Closed,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/snap/v1/transactions", post(create))
        .route("/snap/v1/transactions/{token}/cancel", post(cancel))
}

/// Where a page stands.
pub(super) fn stage(world: &World, session: &Session, now: DateTime<Utc>) -> Stage {
    let payment = world
        .attempts(&session.order_id)
        .filter(|payment| payment.snap_token.as_deref() == Some(&session.token))
        .last();
    match payment {
        // After a refusal the payer may choose again, while the page lives.
        Some(payment) if payment.status != Status::Deny || payment.settled_at.is_some() => {
            Stage::Payment(Box::new(payment.clone()))
        }
        _ if session.is_closed || session.page_expires_at <= now => Stage::Closed,
        refused => Stage::Choose {
            again: refused.is_some(),
        },
    }
}

/// The payer chooses a method on a page.
pub(super) fn choose(
    shared: &Arc<Shared>,
    token: &str,
    method: Method,
) -> Result<Payment, Refused> {
    let now = shared.now();
    let session = {
        let world = shared.world();
        let session = world.sessions.get(token).ok_or(Refused::Unknown)?;
        if !session.methods.contains(&method)
            || !matches!(stage(&world, session, now), Stage::Choose { .. })
        {
            return Err(Refused::Page);
        }
        session.clone()
    };
    let new = NewPayment {
        order_id: session.order_id,
        method,
        amount: session.amount,
        created_at: now,
        expires_at: session
            .payments_expire_at
            .unwrap_or_else(|| now + method.default_expiry()),
        snap_token: Some(session.token),
        details: session.details,
    };
    life::begin(shared, new).map_err(|life::OrderIdTaken| Refused::Page)
}

async fn create(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    call::snap(&shared, Call::SnapCreate, &headers, || {
        let Ok(body) = serde_json::from_slice::<Value>(&body) else {
            return call::snap_error(400, "request body is not valid JSON");
        };
        match request::snap_page(&body, shared.now()) {
            Ok(page) => open(&shared, page),
            Err(faults) => call::snap_errors(400, &faults),
        }
    })
    .await
}

fn open(shared: &Shared, page: SnapPage) -> Response {
    let mut world = shared.world();
    if !world.is_order_id_free(&page.order.id) {
        return call::snap_error(400, "transaction_details.order_id has already been taken");
    }
    let token = world.uuid();
    let session = Session {
        token: token.clone(),
        order_id: page.order.id,
        amount: page.order.amount,
        methods: page.methods,
        page_expires_at: page.page_expires_at,
        payments_expire_at: page.payments_expire_at,
        finish_url: page.finish_url,
        is_closed: false,
        details: page.order.details,
    };
    let older = world
        .live_session
        .insert(session.order_id.clone(), token.clone());
    if let Some(older) = older.and_then(|older| world.sessions.get_mut(&older)) {
        older.is_closed = true;
    }
    world.sessions.insert(token.clone(), session);
    drop(world);
    shared.changed();
    let redirect_url = format!("{}/snap/v4/redirection/{token}", shared.base);
    let body = json!({ "token": token, "redirect_url": redirect_url });
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    call::snap(&shared, Call::SnapCancel, &headers, || {
        close(&shared, &token)
    })
    .await
}

fn close(shared: &Shared, token: &str) -> Response {
    let now = shared.now();
    let mut world = shared.world();
    let Some(session) = world.sessions.get(token) else {
        return call::snap_error(404, "token not found");
    };
    if session.is_closed {
        return call::snap_error(400, "token already canceled");
    }
    if matches!(stage(&world, session, now), Stage::Payment(_)) {
        return call::snap_error(400, "Transaction is on progress");
    }
    if let Some(session) = world.sessions.get_mut(token) {
        session.is_closed = true;
    }
    drop(world);
    shared.changed();
    let canceled_at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    Json(json!({ "canceled_at": canceled_at })).into_response()
}
