//! The rules a message must keep, checked as Meta checks them.
//!
//! Pure: what needs the world (does the recipient exist, is the window open, is the media there)
//! is checked by [`super::world`]. Lengths are counted in characters (Unicode scalar values).

use serde_json::Value;

use super::interactive;
use super::refusal::Refusal;

/// Longest text body, in characters.
const TEXT_MAX: usize = 4096;
/// Longest caption of an image or document, in characters.
const CAPTION_MAX: usize = 1024;
/// Longest `biz_opaque_callback_data`, in characters.
const OPAQUE_MAX: usize = 512;
/// Longest alphanumeric part of a business-scoped user id.
const BSUID_MAX: usize = 128;
/// A phone number has at most 15 digits (E.164); fewer than 7 reach nobody.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recipient {
    /// `to`, reduced to its digits.
    Phone(String),
    /// `recipient`, a business-scoped user id.
    Bsuid(String),
}

/// A picture or file inside a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MediaRef {
    /// Uploaded before, by its media id.
    Id { id: String, path: &'static str },
    /// To be fetched by Meta.
    Link(String),
}

/// A message that keeps the rules.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) recipient: Recipient,
    /// What the caller wrote in `to` or `recipient`.
    pub(super) input: String,
    pub(super) opaque: Option<String>,
    pub(super) media: Option<MediaRef>,
    /// Templates alone may be sent outside the 24 h window.
    pub(super) is_template: bool,
}

/// Checks a send request.
pub(super) fn check(body: &Value) -> Result<Draft, Refusal> {
    messaging_product(body)?;
    let (recipient, input) = recipient(body)?;
    let opaque = opaque(body)?;
    if let Some(kind) = body.get("recipient_type")
        && kind != "individual"
    {
        return Err(Refusal::invalid("recipient_type must be individual"));
    }
    let kind = match body.get("type") {
        // Meta's documented default.
        None => "text",
        Some(kind) => kind
            .as_str()
            .ok_or_else(|| Refusal::invalid("type must be a string"))?,
    };
    let content = body.get(kind);
    let media = match kind {
        "text" => text(content)?,
        "image" => Some(media(content, "image")?),
        "document" => Some(media(content, "document")?),
        "interactive" => interactive::check(content)?,
        "reaction" => reaction(content)?,
        "template" => template(content)?,
        other => {
            return Err(Refusal::new(
                131_051,
                format!("Message type {other} is not supported"),
            ));
        }
    };
    Ok(Draft {
        recipient,
        input,
        opaque,
        media,
        is_template: kind == "template",
    })
}

/// Checks `messaging_product`, which every call needs.
pub(super) fn messaging_product(body: &Value) -> Result<(), Refusal> {
    match body.get("messaging_product") {
        None => Err(Refusal::parameter(
            "The parameter messaging_product is required.",
        )),
        Some(product) if product == "whatsapp" => Ok(()),
        Some(_) => Err(Refusal::parameter(
            "Param messaging_product must be one of {WHATSAPP}.",
        )),
    }
}

/// A required string inside `parent`, at least one and at most `max` characters long.
pub(super) fn required<'a>(
    parent: &'a Value,
    field: &str,
    path: &str,
    max: usize,
) -> Result<&'a str, Refusal> {
    let value = parent.get(field).ok_or_else(|| Refusal::missing(path))?;
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::parameter(&format!("Param {path} must be a string.")))?;
    if text.trim().is_empty() {
        return Err(Refusal::missing(path));
    }
    if text.chars().count() > max {
        return Err(Refusal::parameter(&format!(
            "Param {path} must be at most {max} characters long."
        )));
    }
    Ok(text)
}

/// The picture or file of `content`: exactly one of `id` and `link`, and a short enough caption.
pub(super) fn media(content: Option<&Value>, kind: &'static str) -> Result<MediaRef, Refusal> {
    let content = content.ok_or_else(|| Refusal::missing(kind))?;
    if content.get("caption").is_some() {
        required(
            content,
            "caption",
            &format!("{kind}['caption']"),
            CAPTION_MAX,
        )?;
    }
    match (content.get("id"), content.get("link")) {
        (Some(_), Some(_)) => Err(Refusal::invalid(format!(
            "{kind} must have either an id or a link, not both"
        ))),
        (Some(id), None) => {
            let id = id
                .as_str()
                .ok_or_else(|| Refusal::invalid("media id must be a string"))?;
            Ok(MediaRef::Id {
                id: id.to_owned(),
                path: kind,
            })
        }
        (None, Some(link)) => {
            let link = link.as_str().unwrap_or_default();
            if !is_url(link) {
                return Err(Refusal::invalid(format!(
                    "{kind}['link'] is not a valid URI"
                )));
            }
            Ok(MediaRef::Link(link.to_owned()))
        }
        (None, None) => Err(Refusal::missing(&format!("{kind}['id'] or {kind}['link']"))),
    }
}

/// Whether `link` is an absolute http(s) URL with a host.
pub(super) fn is_url(link: &str) -> bool {
    let absolute = link.starts_with("http://") || link.starts_with("https://");
    let parsed = link.parse::<http::Uri>();
    absolute && parsed.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

/// Whether `id` has the form of a business-scoped user id: two capital letters, a dot (for a
/// parent id `ENT.` follows) and at most 128 letters and digits.
pub(super) fn is_bsuid(id: &str) -> bool {
    let Some((country, rest)) = id.split_once('.') else {
        return false;
    };
    let rest = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=BSUID_MAX).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether `number` is a phone number as `wa_id` writes it: digits only.
pub(super) fn is_phone(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit()) && PHONE_DIGITS.contains(&number.len())
}

fn recipient(body: &Value) -> Result<(Recipient, String), Refusal> {
    // Meta: when both are given, `to` wins.
    if let Some(to) = body.get("to") {
        let to = to
            .as_str()
            .ok_or_else(|| Refusal::parameter("Param to must be a string."))?;
        return Ok((Recipient::Phone(phone(to)?), to.to_owned()));
    }
    let Some(recipient) = body.get("recipient") else {
        return Err(Refusal::parameter("The parameter to is required."));
    };
    match recipient.as_str() {
        Some(id) if is_bsuid(id) => Ok((Recipient::Bsuid(id.to_owned()), id.to_owned())),
        _ => Err(Refusal::invalid(
            "recipient is not a business-scoped user id",
        )),
    }
}

/// Meta takes `+62 812-…` and its like. Anything with letters is refused, never cleaned: the digits
/// of a business-scoped user id would make a stranger's phone number.
fn phone(to: &str) -> Result<String, Refusal> {
    let written_as_phone = to
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')'));
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    if written_as_phone && PHONE_DIGITS.contains(&digits.len()) {
        Ok(digits)
    } else {
        Err(Refusal::invalid("to is not a valid phone number"))
    }
}

fn opaque(body: &Value) -> Result<Option<String>, Refusal> {
    let Some(value) = body.get("biz_opaque_callback_data") else {
        return Ok(None);
    };
    let path = "biz_opaque_callback_data";
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::parameter(&format!("Param {path} must be a string.")))?;
    if text.chars().count() > OPAQUE_MAX {
        return Err(Refusal::parameter(&format!(
            "Param {path} must be at most {OPAQUE_MAX} characters long."
        )));
    }
    Ok(Some(text.to_owned()))
}

fn text(content: Option<&Value>) -> Result<Option<MediaRef>, Refusal> {
    let content = content.ok_or_else(|| Refusal::missing("text"))?;
    required(content, "body", "text['body']", TEXT_MAX)?;
    Ok(None)
}

fn reaction(content: Option<&Value>) -> Result<Option<MediaRef>, Refusal> {
    let content = content.ok_or_else(|| Refusal::missing("reaction"))?;
    required(content, "message_id", "reaction['message_id']", TEXT_MAX)?;
    if content.get("emoji").and_then(Value::as_str).is_none() {
        return Err(Refusal::missing("reaction['emoji']"));
    }
    Ok(None)
}

fn template(content: Option<&Value>) -> Result<Option<MediaRef>, Refusal> {
    let content = content.ok_or_else(|| Refusal::missing("template"))?;
    required(content, "name", "template['name']", 512)?;
    let language = content
        .get("language")
        .ok_or_else(|| Refusal::missing("template['language']"))?;
    required(language, "code", "template['language']['code']", 16)?;
    Ok(None)
}
