//! What Meta answers when it refuses: its error body, its codes and their HTTP status.
//!
//! Callers are told to branch on `error.code`; titles and statuses follow Meta's page "Error codes"
//! of the Cloud API.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One refusal of the Graph API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Meta's error code, such as 131009.
    pub code: u32,
    message: String,
    details: Option<String>,
    subcode: Option<u32>,
}

impl Refusal {
    /// A refusal with the code's own title and `details` on what was wrong.
    pub fn new(code: u32, details: impl Into<String>) -> Self {
        let message = format!("(#{code}) {}", title(code));
        Self {
            code,
            message,
            details: Some(details.into()),
            subcode: None,
        }
    }

    /// Error 100 as the Graph API words it: the message itself says what is wrong.
    pub fn parameter(message: &str) -> Self {
        let message = format!("(#100) {message}");
        Self {
            code: 100,
            message,
            details: None,
            subcode: None,
        }
    }

    /// Error 131008: a required parameter is missing. `path` is written as Meta writes it,
    /// `text['body']`.
    pub fn missing(path: &str) -> Self {
        Self::new(131_008, format!("The parameter {path} is required."))
    }

    /// Error 131009: a parameter's value is not valid.
    pub fn invalid(details: impl Into<String>) -> Self {
        Self::new(131_009, details)
    }

    /// Error 190: the bearer token is missing or not ours.
    pub fn token() -> Self {
        let message = "Invalid OAuth access token - Cannot parse access token".to_owned();
        Self {
            code: 190,
            message,
            details: None,
            subcode: None,
        }
    }

    /// Error 100, subcode 33: no such object, here an unknown phone number or media id.
    pub fn unknown_object(id: &str) -> Self {
        let message = format!(
            "Unsupported post request. Object with ID '{id}' does not exist, cannot be loaded due \
             to missing permissions, or does not support this operation"
        );
        Self {
            code: 100,
            message,
            details: None,
            subcode: Some(33),
        }
    }

    /// Meta's HTTP status for the code. An unlisted code is a 400.
    pub fn status(&self) -> StatusCode {
        match self.code {
            0 | 190 => StatusCode::UNAUTHORIZED,
            10 | 200..=299 | 368 | 131_005 | 131_031 | 130_497 => StatusCode::FORBIDDEN,
            4 | 80_007 | 130_429 | 131_048 | 131_056 | 133_016 => StatusCode::TOO_MANY_REQUESTS,
            3 | 131_000 | 131_016 | 131_057 => StatusCode::INTERNAL_SERVER_ERROR,
            2 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The error body, `{"error":{…}}`. `trace` makes its `fbtrace_id`.
    pub fn body(&self, trace: &str) -> Value {
        let kind = if self.subcode.is_some() {
            "GraphMethodException"
        } else {
            "OAuthException"
        };
        let mut error = json!({
            "message": self.message, "type": kind, "code": self.code, "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if let Some(details) = &self.details {
            error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        json!({"error": error})
    }

    /// The same refusal as a `failed` status reports it, in its `errors[]`.
    pub fn in_status(&self) -> Value {
        let title = title(self.code);
        json!({
            "code": self.code, "title": title, "message": title,
            "error_data": {"details": self.details.as_deref().unwrap_or(title)},
        })
    }

    /// The refusal as an HTTP response.
    pub fn response(&self, trace: &str) -> Response {
        (self.status(), Json(self.body(trace))).into_response()
    }
}

fn title(code: u32) -> &'static str {
    match code {
        0 => "AuthException",
        1 => "API Unknown",
        2 => "API Service",
        4 => "API Too Many Calls",
        10 => "Permission Denied",
        100 => "Invalid parameter",
        190 => "Access token has expired",
        200..=299 => "API Permission",
        368 => "Temporarily blocked for policies violations",
        80_007 => "Rate limit issues",
        130_429 => "Rate limit hit",
        130_472 => "User's number is part of an experiment",
        130_497 => "Business account is restricted from messaging users in this country",
        131_000 => "Something went wrong",
        131_005 => "Access denied",
        131_008 => "Required parameter is missing",
        131_009 => "Parameter value is not valid",
        131_016 => "Service unavailable",
        131_021 => "Recipient cannot be sender",
        131_026 => "Message undeliverable",
        131_031 => "Account has been locked",
        131_042 => "Business eligibility payment issue",
        131_047 => "Re-engagement message",
        131_048 => "Spam rate limit hit",
        131_049 => "Message failed to send to maintain a healthy ecosystem",
        131_050 => "User has stopped receiving marketing messages",
        131_051 => "Unsupported message type",
        131_052 => "Media download error",
        131_053 => "Media upload error",
        131_056 => "(Business Account, Consumer Account) pair rate limit hit",
        131_057 => "Account in maintenance mode",
        131_062 => "Business-scoped user ids are not supported for this message",
        _ => "Unknown error",
    }
}
