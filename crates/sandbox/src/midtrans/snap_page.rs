//! Snap's hosted page, where the payer chooses a method and pays.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use super::answer::status_code;
use super::method::Method;
use super::page::{Ask, show, show_payment, step, with_language};
use super::payment::{Payment, Status};
use super::shared::Shared;
use super::snap::{self, Session, Stage};
use super::words::{Language, Words, rupiah};

#[derive(Debug, Template)]
#[template(path = "midtrans/snap.html")]
struct SnapPage {
    shop: String,
    lang: &'static str,
    words: &'static Words,
    alert: Option<&'static str>,
    order_id: String,
    amount: String,
    /// Name, quantity and sum.
    items: Vec<(String, i64, String)>,
    /// Snap's name and the payer's; empty when the page is closed.
    methods: Vec<(&'static str, &'static str)>,
    base: String,
    finish_url: Option<String>,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/snap/v4/redirection/{token}", get(view))
        .route(
            "/snap/v4/redirection/{token}/choose/{method}",
            post(choose).get(back),
        )
        .route("/snap/v4/redirection/{token}/{step}", post(act).get(back))
}

/// A button's page, loaded again: the payment page.
async fn back(Path((token, _)): Path<(String, String)>, Query(ask): Query<Ask>) -> Redirect {
    let page = format!("/snap/v4/redirection/{token}");
    Redirect::to(&with_language(page, ask.lang))
}

async fn view(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    show_page(&shared, &token, Language::of(ask.lang, &headers), false)
}

async fn choose(
    State(shared): State<Arc<Shared>>,
    Path((token, method)): Path<(String, String)>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    let chosen = method
        .parse::<Method>()
        .is_ok_and(|method| snap::choose(&shared, &token, method).is_ok());
    after(&shared, &token, language, chosen)
}

async fn act(
    State(shared): State<Arc<Shared>>,
    Path((token, name)): Path<(String, String)>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    let payment = find(&shared, &token).and_then(|(_, stage)| match stage {
        Stage::Payment(payment) => Some(payment.transaction_id),
        Stage::Choose { .. } | Stage::Closed => None,
    });
    let done = payment.is_some_and(|id| step(&shared, &id, &name).is_ok());
    after(&shared, &token, language, done)
}

fn after(shared: &Shared, token: &str, language: Language, done: bool) -> Response {
    if !done {
        return show_page(shared, token, language, true);
    }
    let lang = language.code();
    Redirect::to(&format!("/snap/v4/redirection/{token}?lang={lang}")).into_response()
}

fn find(shared: &Shared, token: &str) -> Option<(Session, Stage)> {
    let world = shared.world();
    let session = world.sessions.get(token)?;
    let stage = snap::stage(&world, session, shared.now());
    Some((session.clone(), stage))
}

fn show_page(shared: &Shared, token: &str, language: Language, refused: bool) -> Response {
    let Some((session, stage)) = find(shared, token) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let base = format!("/snap/v4/redirection/{token}");
    match stage {
        Stage::Payment(payment) => {
            let finish = finish_url(&session, &payment);
            show_payment(shared, &payment, language, base, finish, refused)
        }
        Stage::Choose { again } => {
            let words = language.words();
            let alert = if refused {
                Some(words.refused)
            } else {
                again.then_some(words.denied)
            };
            let page = choice(shared, &session, language, base, alert);
            show(StatusCode::OK, &page)
        }
        Stage::Closed => {
            let closed = language.words().closed;
            let page = SnapPage {
                methods: Vec::new(),
                ..choice(shared, &session, language, base, Some(closed))
            };
            show(StatusCode::GONE, &page)
        }
    }
}

fn choice(
    shared: &Shared,
    session: &Session,
    language: Language,
    base: String,
    alert: Option<&'static str>,
) -> SnapPage {
    let words = language.words();
    let items = session.details.items.iter();
    let methods = session.methods.iter();
    SnapPage {
        shop: shared.config.shop_name.clone(),
        lang: language.code(),
        words,
        alert,
        order_id: session.order_id.clone(),
        amount: rupiah(session.amount),
        items: items
            .map(|(name, price, quantity)| {
                (
                    name.clone(),
                    *quantity,
                    rupiah(price.saturating_mul(*quantity)),
                )
            })
            .collect(),
        methods: methods.map(|it| (it.name(), it.label())).collect(),
        base,
        finish_url: session.finish_url.clone(),
    }
}

/// Where Snap sends the payer once there is nothing left to do, with its three parameters.
fn finish_url(session: &Session, payment: &Payment) -> Option<String> {
    if payment.status == Status::Pending {
        return None;
    }
    let mut url = reqwest::Url::parse(session.finish_url.as_deref()?).ok()?;
    url.query_pairs_mut()
        .append_pair("order_id", &payment.order_id)
        .append_pair("status_code", &status_code(payment.status).to_string())
        .append_pair("transaction_status", payment.status.name());
    Some(url.into())
}
