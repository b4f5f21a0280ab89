//! The Graph API's common ground (versions, tokens, refusals) and its media endpoints.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::media::{self, DOCUMENT_MAX_BYTES, Media};
use super::refusal::Refusal;
use super::rules;
use super::send;
use super::shared::Shared;

/// Largest body of a send request, in bytes.
const SEND_MAX_BYTES: usize = 256 * 1024;
/// Room for the multipart frame around the largest document, in bytes.
const FRAME_MAX_BYTES: usize = 64 * 1024;

/// The routes that Meta serves.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            "/{version}/{phone_number_id}/messages",
            post(send::messages).layer(DefaultBodyLimit::max(SEND_MAX_BYTES)),
        )
        .route(
            "/{version}/{phone_number_id}/media",
            post(upload).layer(DefaultBodyLimit::max(DOCUMENT_MAX_BYTES + FRAME_MAX_BYTES)),
        )
        .route("/{version}/{media_id}", get(describe).delete(remove))
        .route("/media/{media_id}", get(download))
}

/// Checks the version in the path and the bearer token.
pub(super) fn authorize(
    shared: &Shared,
    version: &str,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let numbers = version
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !numbers.is_some_and(|(major, minor)| is_number(major) && is_number(minor)) {
        return Err(Refusal::parameter(&format!(
            "Unknown path components: /{version}"
        )));
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if bool::from(
        token
            .as_bytes()
            .ct_eq(shared.config.access_token.as_bytes()),
    ) {
        Ok(())
    } else {
        Err(Refusal::token())
    }
}

/// Checks that the phone number id is the shop's.
pub(super) fn own_number(shared: &Shared, phone_number_id: &str) -> Result<(), Refusal> {
    if phone_number_id == shared.config.phone_number_id {
        Ok(())
    } else {
        Err(Refusal::unknown_object(phone_number_id))
    }
}

/// Answers with a refusal.
pub(super) fn refuse(shared: &Shared, refusal: &Refusal) -> Response {
    let trace = shared.world().ids.trace();
    refusal.response(&trace)
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let checked =
        authorize(&shared, &version, &headers).and_then(|()| own_number(&shared, &phone_number_id));
    let uploaded = match checked {
        Ok(()) => read_form(form).await,
        Err(refusal) => Err(refusal),
    };
    match uploaded {
        Ok((mime_type, bytes)) => {
            let mut world = shared.world();
            let id = world.ids.media();
            world.media.put(Media::new(id.clone(), mime_type, bytes));
            Json(json!({"id": id})).into_response()
        }
        Err(refusal) => refuse(&shared, &refusal),
    }
}

/// The type and bytes of the uploaded file. `type` wins over the part's own content type.
async fn read_form(
    form: Result<Multipart, MultipartRejection>,
) -> Result<(String, Bytes), Refusal> {
    let unreadable = |_| Refusal::parameter("The request body is not multipart/form-data.");
    let mut form = form.map_err(unreadable)?;
    let mut product = Value::Null;
    let mut mime_type = None;
    let mut file = None;
    loop {
        let field = form.next_field().await;
        let field = field.map_err(|error| Refusal::new(131_053, error.body_text()))?;
        let Some(field) = field else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let part_type = field.content_type().map(str::to_owned);
        let bytes = field.bytes().await;
        let bytes = bytes.map_err(|error| Refusal::new(131_053, error.body_text()))?;
        match name.as_str() {
            "messaging_product" => product = json!(String::from_utf8_lossy(&bytes)),
            "type" => mime_type = Some(String::from_utf8_lossy(&bytes).into_owned()),
            "file" => file = Some((part_type, bytes)),
            _ => {}
        }
    }
    let fields = if product.is_null() {
        json!({})
    } else {
        json!({"messaging_product": product})
    };
    rules::messaging_product(&fields)?;
    let (part_type, bytes) =
        file.ok_or_else(|| Refusal::parameter("The parameter file is required."))?;
    let mime_type = mime_type.or(part_type);
    let mime_type =
        mime_type.ok_or_else(|| Refusal::parameter("The parameter type is required."))?;
    media::check(&mime_type, &bytes)?;
    Ok((mime_type, bytes))
}

async fn describe(
    State(shared): State<Arc<Shared>>,
    Path((version, media_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = authorize(&shared, &version, &headers) {
        return refuse(&shared, &refusal);
    }
    let media = shared.world().media.get(&media_id);
    match media {
        Some(media) => Json(json!({
            "messaging_product": "whatsapp",
            "id": media.id,
            "url": format!("{}/media/{}", shared.base_url, media.id),
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": media.bytes.len(),
        }))
        .into_response(),
        None => refuse(&shared, &Refusal::unknown_object(&media_id)),
    }
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((version, media_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = authorize(&shared, &version, &headers) {
        return refuse(&shared, &refusal);
    }
    let removed = shared.world().media.remove(&media_id);
    if removed {
        Json(json!({"success": true})).into_response()
    } else {
        refuse(&shared, &Refusal::unknown_object(&media_id))
    }
}

/// The address that `describe` gave; Meta wants the token here too.
async fn download(
    State(shared): State<Arc<Shared>>,
    Path(media_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = authorize(&shared, "v0.0", &headers) {
        return refuse(&shared, &refusal);
    }
    file(&shared, &media_id)
}

/// The bytes of a stored file.
pub(super) fn file(shared: &Shared, media_id: &str) -> Response {
    let media = shared.world().media.get(media_id);
    match media {
        Some(media) => {
            let headers = [(header::CONTENT_TYPE, media.mime_type.clone())];
            (headers, media.bytes.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
