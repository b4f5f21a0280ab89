//! The rules of interactive messages: reply buttons, lists and links.
//!
//! Meta: body 1024 (its list page says 4096, its `OpenAPI` file 1024; the stricter one is played),
//! header and footer 60, at most three buttons, at most ten rows over all sections.

use std::collections::HashSet;

use serde_json::Value;

use super::refusal::Refusal;
use super::rules::{MediaRef, is_url, media};

/// Longest body, in characters.
const BODY_MAX: usize = 1024;
/// Longest text header or footer, in characters.
const HEADER_MAX: usize = 60;
/// Most reply buttons.
const BUTTONS_MAX: usize = 3;
/// Longest button title, list opener or link label, in characters.
const LABEL_MAX: usize = 20;
/// Longest button id, in characters.
const BUTTON_ID_MAX: usize = 256;
/// Most sections of a list.
const SECTIONS_MAX: usize = 10;
/// Most rows of a list, over all its sections.
const ROWS_MAX: usize = 10;
/// Longest section or row title, in characters.
const ROW_TITLE_MAX: usize = 24;
/// Longest row description, in characters.
const ROW_DESCRIPTION_MAX: usize = 72;
/// Longest row id, in characters.
const ROW_ID_MAX: usize = 200;

/// Checks the `interactive` object of a message and returns its header's picture, if any.
pub(super) fn check(content: Option<&Value>) -> Result<Option<MediaRef>, Refusal> {
    let content = content.ok_or_else(|| Refusal::missing("interactive"))?;
    let kind = content
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::missing("interactive['type']"))?;
    text_part(content, "body", BODY_MAX)?.ok_or_else(|| Refusal::missing("interactive['body']"))?;
    text_part(content, "footer", HEADER_MAX)?;
    let picture = header(content, kind)?;
    let action = content
        .get("action")
        .ok_or_else(|| Refusal::missing("interactive['action']"))?;
    match kind {
        "button" => buttons(action)?,
        "list" => list(action)?,
        "cta_url" => link(action)?,
        other => {
            return Err(Refusal::invalid(format!(
                "interactive type {other} is not supported"
            )));
        }
    }
    Ok(picture)
}

fn text_part<'a>(content: &'a Value, part: &str, max: usize) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = content.get(part) else {
        return Ok(None);
    };
    let path = format!("interactive['{part}']['text']");
    let text = value
        .get("text")
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::missing(&path))?;
    sized(text, part, max)?;
    Ok(Some(text))
}

fn header(content: &Value, kind: &str) -> Result<Option<MediaRef>, Refusal> {
    let Some(header) = content.get("header") else {
        return Ok(None);
    };
    let path = "interactive['header']['type']";
    match header
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::missing(path))?
    {
        "text" => {
            let text = header.get("text").and_then(Value::as_str);
            let text = text.ok_or_else(|| Refusal::missing("interactive['header']['text']"))?;
            sized(text, "header", HEADER_MAX)?;
            Ok(None)
        }
        _ if kind == "list" => Err(Refusal::invalid("list header must be of type text")),
        "image" => Ok(Some(media(header.get("image"), "image")?)),
        "document" => Ok(Some(media(header.get("document"), "document")?)),
        other => Err(Refusal::invalid(format!(
            "header type {other} is not supported"
        ))),
    }
}

fn buttons(action: &Value) -> Result<(), Refusal> {
    let path = "interactive['action']['buttons']";
    let buttons = action
        .get("buttons")
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::missing(path))?;
    if buttons.is_empty() || buttons.len() > BUTTONS_MAX {
        return Err(Refusal::invalid(format!(
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {BUTTONS_MAX}"
        )));
    }
    let mut ids = HashSet::new();
    let mut titles = HashSet::new();
    for (index, button) in buttons.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if button.get("type").and_then(Value::as_str) != Some("reply") {
            return Err(Refusal::invalid(format!("{path}['type'] must be reply")));
        }
        let reply = button
            .get("reply")
            .ok_or_else(|| Refusal::missing(&format!("{path}['reply']")))?;
        let title = string(reply, "title", &format!("{path}['reply']"))?;
        let id = string(reply, "id", &format!("{path}['reply']"))?;
        sized(title, "Button title", LABEL_MAX)?;
        sized(id, "Button id", BUTTON_ID_MAX)?;
        if !ids.insert(id) {
            return Err(Refusal::invalid(format!("Duplicated button id: {id}")));
        }
        if !titles.insert(title) {
            return Err(Refusal::invalid(format!(
                "Duplicated button title: {title}"
            )));
        }
    }
    Ok(())
}

fn list(action: &Value) -> Result<(), Refusal> {
    sized(
        string(action, "button", "interactive['action']")?,
        "List button",
        LABEL_MAX,
    )?;
    let path = "interactive['action']['sections']";
    let sections = action
        .get("sections")
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::missing(path))?;
    if sections.is_empty() || sections.len() > SECTIONS_MAX {
        return Err(Refusal::invalid(format!(
            "Invalid sections count. Min allowed sections: 1, Max allowed sections: {SECTIONS_MAX}"
        )));
    }
    let mut ids = HashSet::new();
    let mut count = 0;
    for (index, section) in sections.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if sections.len() > 1 || section.get("title").is_some() {
            sized(
                string(section, "title", &path)?,
                "Section title",
                ROW_TITLE_MAX,
            )?;
        }
        let rows = section.get("rows").and_then(Value::as_array);
        let rows = rows.ok_or_else(|| Refusal::missing(&format!("{path}['rows']")))?;
        if rows.is_empty() {
            return Err(Refusal::invalid("Section must have at least one row"));
        }
        count += rows.len();
        for (index, row) in rows.iter().enumerate() {
            let id = list_row(row, &format!("{path}['rows'][{index}]"))?;
            if !ids.insert(id) {
                return Err(Refusal::invalid(format!("Duplicated row id: {id}")));
            }
        }
    }
    if count > ROWS_MAX {
        return Err(Refusal::invalid(format!(
            "Total row count exceed max allowed count: {ROWS_MAX}"
        )));
    }
    Ok(())
}

fn list_row<'a>(row: &'a Value, path: &str) -> Result<&'a str, Refusal> {
    let id = string(row, "id", path)?;
    sized(id, "Row id", ROW_ID_MAX)?;
    sized(string(row, "title", path)?, "Row title", ROW_TITLE_MAX)?;
    // Meta refuses an empty description, but a row may do without one.
    if row.get("description").is_some() {
        sized(
            string(row, "description", path)?,
            "Row description",
            ROW_DESCRIPTION_MAX,
        )?;
    }
    Ok(id)
}

fn link(action: &Value) -> Result<(), Refusal> {
    if action.get("name").and_then(Value::as_str) != Some("cta_url") {
        return Err(Refusal::invalid(
            "interactive['action']['name'] must be cta_url",
        ));
    }
    let path = "interactive['action']['parameters']";
    let parameters = action
        .get("parameters")
        .ok_or_else(|| Refusal::missing(path))?;
    sized(
        string(parameters, "display_text", path)?,
        "Display text",
        LABEL_MAX,
    )?;
    if is_url(string(parameters, "url", path)?) {
        Ok(())
    } else {
        Err(Refusal::invalid(format!(
            "{path}['url'] is not a valid URI"
        )))
    }
}

fn string<'a>(parent: &'a Value, field: &str, path: &str) -> Result<&'a str, Refusal> {
    let value = parent
        .get(field)
        .ok_or_else(|| Refusal::missing(&format!("{path}['{field}']")))?;
    value
        .as_str()
        .ok_or_else(|| Refusal::invalid(format!("{path}['{field}'] must be a string")))
}

fn sized(text: &str, what: &str, max: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > max {
        return Err(Refusal::invalid(format!(
            "{what} length invalid. Min length: 1, Max length: {max}"
        )));
    }
    Ok(())
}
