//! The payer's pages: the list of bills, one bill, and the live events behind both.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio_stream::wrappers::WatchStream;

use super::handle;
use super::life::{self, Refused};
use super::payment::{Payment, Status};
use super::shared::Shared;
use super::snap::{self, Stage};
use super::view::View;
use super::words::{Language, Words, rupiah};

/// How many bills of a kind the list shows, newest first.
const LISTED_MAX: usize = 50;

/// What any page may be asked.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    pub(super) lang: Option<Language>,
    /// A number or a QR code's text to look up.
    number: Option<String>,
}

/// A line of the list.
#[derive(Debug)]
struct Bill {
    href: String,
    order_id: String,
    method: &'static str,
    amount: String,
    status: &'static str,
    status_text: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "midtrans/list.html")]
struct ListPage {
    shop: String,
    lang: &'static str,
    words: &'static Words,
    alert: Option<&'static str>,
    /// What was looked for, shown again.
    number: String,
    waiting: Vec<Bill>,
    undecided: Vec<Bill>,
    done: Vec<Bill>,
}

#[derive(Debug, Template)]
#[template(path = "midtrans/pay.html")]
struct PayPage {
    shop: String,
    lang: &'static str,
    words: &'static Words,
    alert: Option<&'static str>,
    bill: View,
    finish_url: Option<String>,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(list))
        .route("/find", get(find))
        .route("/events", get(events))
        .route("/pay/{order_id}", get(pay_page))
        .route("/pay/{order_id}/{step}", post(act).get(back))
}

/// A rendered page that no browser keeps, since every moment may change it.
pub(super) fn show(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render a page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What a payer's button does.
pub(super) fn step(shared: &Arc<Shared>, id: &str, step: &str) -> Result<(), Refused> {
    match step {
        "pay" => life::pay(shared, id).map(drop),
        "fail" => life::fail(shared, id).map(drop),
        "expire" => life::expire(shared, id).map(drop),
        "pay-late" => life::pay_late(shared, id).map(drop),
        "reverse" => life::reverse(shared, id).map(drop),
        "resend" => handle::resend(shared, id),
        _ => Err(Refused::Unknown),
    }
}

/// The page of one payment, whether made by Core or on a Snap page.
pub(super) fn show_payment(
    shared: &Shared,
    payment: &Payment,
    language: Language,
    base: String,
    finish_url: Option<String>,
    refused: bool,
) -> Response {
    let words = language.words();
    let page = PayPage {
        shop: shared.config.shop_name.clone(),
        lang: language.code(),
        words,
        alert: refused.then_some(words.refused),
        bill: View::new(shared, payment, language, base),
        finish_url,
    };
    let status = if refused {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    show(status, &page)
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    show(StatusCode::OK, &list_page(&shared, language, None))
}

async fn find(
    State(shared): State<Arc<Shared>>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    let number = ask.number.unwrap_or_default();
    let found = {
        let world = shared.world();
        let found = world
            .find_by_number(&number)
            .or_else(|| world.find(number.trim()));
        found.map(|payment| payment.order_id.clone())
    };
    let Some(order_id) = found else {
        let page = list_page(&shared, language, Some(number));
        return show(StatusCode::NOT_FOUND, &page);
    };
    Redirect::to(&format!("/pay/{order_id}?lang={}", language.code())).into_response()
}

async fn pay_page(
    State(shared): State<Arc<Shared>>,
    Path(order_id): Path<String>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    let payment = shared.world().find(&order_id).cloned();
    payment.map_or_else(
        || {
            let page = list_page(&shared, language, Some(order_id.clone()));
            show(StatusCode::NOT_FOUND, &page)
        },
        |payment| {
            let base = format!("/pay/{}", payment.order_id);
            show_payment(&shared, &payment, language, base, None, false)
        },
    )
}

async fn act(
    State(shared): State<Arc<Shared>>,
    Path((order_id, name)): Path<(String, String)>,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let language = Language::of(ask.lang, &headers);
    let done = step(&shared, &order_id, &name);
    let payment = shared.world().find(&order_id).cloned();
    let Some(payment) = payment else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let base = format!("/pay/{}", payment.order_id);
    match done {
        Ok(()) => Redirect::to(&format!("{base}?lang={}", language.code())).into_response(),
        Err(_) => show_payment(&shared, &payment, language, base, None, true),
    }
}

/// A button's page, loaded again: the bill.
async fn back(Path((order_id, _)): Path<(String, String)>, Query(ask): Query<Ask>) -> Redirect {
    Redirect::to(&with_language(format!("/pay/{order_id}"), ask.lang))
}

/// The address of a page in the language that was asked for, if any was.
pub(super) fn with_language(page: String, language: Option<Language>) -> String {
    match language {
        Some(language) => format!("{page}?lang={}", language.code()),
        None => page,
    }
}

async fn events(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = WatchStream::new(shared.changes.subscribe())
        .map(|count| Ok(Event::default().data(count.to_string())))
        .take_until(shared.stopping.clone().cancelled_owned());
    Sse::new(changes).keep_alive(KeepAlive::default())
}

fn list_page(shared: &Shared, language: Language, missed: Option<String>) -> ListPage {
    let words = language.words();
    let now = shared.now();
    let world = shared.world();
    let bills = |waits: bool| -> Vec<Bill> {
        let payments = world.payments().iter().rev();
        payments
            .filter(|payment| (payment.status == Status::Pending) == waits)
            .take(LISTED_MAX)
            .map(|payment| bill(payment, language))
            .collect()
    };
    let mut open: Vec<_> = world
        .sessions
        .values()
        .filter(|session| matches!(snap::stage(&world, session, now), Stage::Choose { .. }))
        .collect();
    open.sort_by_key(|session| std::cmp::Reverse(session.page_expires_at));
    let undecided = open.into_iter().take(LISTED_MAX).map(|session| Bill {
        href: format!("/snap/v4/redirection/{}", session.token),
        order_id: session.order_id.clone(),
        method: "Snap",
        amount: rupiah(session.amount),
        status: "choose",
        status_text: words.choose,
    });
    ListPage {
        shop: shared.config.shop_name.clone(),
        lang: language.code(),
        words,
        alert: missed.is_some().then_some(words.not_found),
        number: missed.unwrap_or_default(),
        undecided: undecided.collect(),
        waiting: bills(true),
        done: bills(false),
    }
}

fn bill(payment: &Payment, language: Language) -> Bill {
    Bill {
        href: format!("/pay/{}", payment.order_id),
        order_id: payment.order_id.clone(),
        method: payment.method.label(),
        amount: rupiah(payment.amount),
        status: payment.status.name(),
        status_text: language.status(payment.status, payment.settled_at.is_some()),
    }
}
