//! `POST /{version}/{phone_number_id}/messages`: sending, read receipts and typing indicators.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::envelope;
use super::faults::Fault;
use super::fetch;
use super::graph;
use super::received::Tick;
use super::refusal::Refusal;
use super::rules::{self, Draft, MediaRef};
use super::shared::{Event, Observed, Shared};
use super::world::OnItsWay;

/// How long an answer that never comes keeps its connection open.
const HANG_MAX: Duration = Duration::from_mins(2);

/// The send API.
pub(super) async fn messages(
    State(shared): State<Arc<Shared>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at = Instant::now();
    let checked = graph::authorize(&shared, &version, &headers)
        .and_then(|()| graph::own_number(&shared, &phone_number_id))
        .and_then(|()| parse(&body));
    let body = match checked {
        Ok(body) => body,
        Err(refusal) => return graph::refuse(&shared, &refusal),
    };
    if body.get("status").is_some() {
        return match receipt(&shared, &body) {
            Ok(()) => Json(json!({"success": true})).into_response(),
            Err(refusal) => graph::refuse(&shared, &refusal),
        };
    }
    match rules::check(&body) {
        Ok(draft) => send(&shared, draft, body, at).await,
        Err(refusal) => graph::refuse(&shared, &refusal),
    }
}

async fn send(shared: &Arc<Shared>, draft: Draft, body: Value, at: Instant) -> Response {
    let customer = shared.world().resolve(&draft.recipient).unwrap_or_default();
    let fault = shared.faults.of_send(&customer);
    let refusal = match fault {
        Some(Fault::ServerError) => Some(Refusal::new(131_000, "Something went wrong")),
        Some(Fault::RateLimit) => Some(Refusal::new(130_429, "Throughput has been reached.")),
        Some(Fault::PairLimit) => Some(Refusal::new(131_056, "Too many to the same customer.")),
        Some(Fault::Error(code)) => Some(Refusal::new(code, "This error was armed.")),
        Some(Fault::TimeoutBefore) => return hang(shared).await,
        _ => None,
    };
    if let Some(refusal) = refusal {
        return graph::refuse(shared, &refusal);
    }
    let link = match &draft.media {
        Some(MediaRef::Link(link)) => Some(link.clone()),
        _ => None,
    };
    let now = shared.clock.now();
    let accepted = shared
        .world()
        .accept(draft, body, now, shared.config.late_refusals);
    let (message, mut failure) = match accepted {
        Ok(accepted) => accepted,
        Err(refusal) => return graph::refuse(shared, &refusal),
    };
    if let Some(Fault::Failed(code)) = fault {
        failure = Some(Refusal::new(code, "This failure was armed."));
    }
    observe(shared, &message, at);
    let answer = answer(shared, &message);
    go_out(shared, message, failure, link);
    if fault == Some(Fault::TimeoutAfter) {
        return hang(shared).await;
    }
    Json(answer).into_response()
}

/// What follows from acceptance: the statuses and the message's arrival.
fn go_out(shared: &Arc<Shared>, message: OnItsWay, failure: Option<Refusal>, link: Option<String>) {
    if let Some(refusal) = failure {
        shared.report(&message, "failed", Some(&refusal));
        return;
    }
    shared.report(&message, "sent", None);
    let delay = shared.config.status_delay;
    if link.is_none() && delay.is_zero() {
        shared.deliver(&message);
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        let mut message = message;
        match fetch::picture(&shared, link.as_deref()).await {
            Ok(media) => message.media = message.media.or(media),
            Err(refusal) => return shared.report(&message, "failed", Some(&refusal)),
        }
        shared.deliver(&message);
    });
}

fn observe(shared: &Shared, message: &OnItsWay, at: Instant) {
    if shared.observed.receiver_count() > 0 {
        // An error says that the last observer has just gone.
        let _ = shared.observed.send(Observed {
            wa_id: message.customer.clone(),
            wamid: message.wamid.clone(),
            at,
            opaque: message.opaque.clone(),
            payload: Arc::clone(&message.payload),
        });
    }
}

fn answer(shared: &Shared, message: &OnItsWay) -> Value {
    let world = shared.world();
    let mut contact = world.phone(&message.customer).map_or_else(
        || json!({"wa_id": message.customer}),
        |phone| envelope::contact(&phone.profile),
    );
    if let Some(fields) = contact.as_object_mut() {
        fields.remove("profile");
    }
    contact["input"] = json!(message.input);
    json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{"id": message.wamid}],
    })
}

/// A read receipt, perhaps with a typing indicator.
fn receipt(shared: &Shared, body: &Value) -> Result<(), Refusal> {
    rules::messaging_product(body)?;
    if body["status"] != "read" {
        return Err(Refusal::invalid("status must be read"));
    }
    let wamid = body
        .get("message_id")
        .ok_or_else(|| Refusal::missing("message_id"))?;
    let wamid = wamid
        .as_str()
        .ok_or_else(|| Refusal::invalid("message_id must be a string"))?;
    let typing = match body.get("typing_indicator") {
        None => false,
        Some(indicator) if indicator["type"] == "text" => true,
        Some(_) => return Err(Refusal::invalid("typing_indicator['type'] must be text")),
    };
    let moved = {
        let mut world = shared.world();
        world.note(|book| &mut book.receipts, wamid.to_owned());
        world.tick(wamid, Tick::Read, true)
    };
    let Some((customer, wamids)) = moved else {
        return Err(Refusal::invalid(
            "message_id is not a message this number received",
        ));
    };
    if !wamids.is_empty() {
        let customer = customer.clone();
        shared.tell(|| Event::Tick {
            customer,
            wamids,
            tick: Tick::Read,
        });
    }
    if typing {
        shared.tell(|| Event::Typing { customer });
    }
    Ok(())
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) | Err(_) => Err(Refusal::parameter("The request body is not a JSON object.")),
    }
}

/// Never answers, as far as the caller's patience goes.
async fn hang(shared: &Shared) -> Response {
    tokio::select! {
        () = tokio::time::sleep(HANG_MAX) => {}
        () = shared.stopping.cancelled() => {}
    }
    StatusCode::GATEWAY_TIMEOUT.into_response()
}
