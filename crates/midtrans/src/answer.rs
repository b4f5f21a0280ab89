//! What an answer means. The body beats HTTP: the Core API often says 200 over a body whose
//! `status_code` is 404, 406 or 412.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::client::CallError;

/// Longest piece of an answer quoted in a reason, in characters.
const QUOTE_CHARS: usize = 200;

/// An answer that was received whole.
pub(crate) struct Answer {
    /// The body's own code where it has one, else the HTTP status.
    pub(crate) code: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
    http: StatusCode,
    retry_after: Option<Duration>,
    outline: Option<Outline>,
}

/// The fields every answer of Midtrans has some of.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    status_code: Option<String>,
    #[serde(default)]
    status_message: Option<String>,
    #[serde(default)]
    validation_messages: Option<Vec<String>>,
    #[serde(default)]
    error_messages: Option<Vec<String>>,
    #[serde(default)]
    transaction_status: Option<String>,
}

impl Answer {
    pub(crate) fn new(http: StatusCode, retry_after: Option<Duration>, body: Vec<u8>) -> Self {
        let outline: Option<Outline> = serde_json::from_slice(&body).ok();
        let told = outline
            .as_ref()
            .and_then(|outline| outline.status_code.as_deref());
        let code = told
            .and_then(|code| code.parse().ok())
            .unwrap_or(http.as_u16());
        Self {
            code,
            body,
            http,
            retry_after,
            outline,
        }
    }

    /// Whether it tells of a transaction.
    pub(crate) fn has_transaction(&self) -> bool {
        self.outline
            .as_ref()
            .is_some_and(|outline| outline.transaction_status.is_some())
    }

    /// What Midtrans says about it, in English or Indonesian.
    pub(crate) fn messages(&self) -> Vec<String> {
        let Some(outline) = &self.outline else {
            return Vec::new();
        };
        let mut messages: Vec<String> = outline.status_message.iter().cloned().collect();
        messages.extend(outline.validation_messages.iter().flatten().cloned());
        messages.extend(outline.error_messages.iter().flatten().cloned());
        messages
    }

    /// The error this answer is, once it is known not to be the one hoped for.
    pub(crate) fn into_error(self) -> CallError {
        if self.http == StatusCode::ACCEPTED && !self.has_transaction() {
            return CallError::Unknown("the same call is still in flight".to_owned());
        }
        match self.code {
            401 => return CallError::Unauthorized,
            429 => {
                return CallError::RateLimited {
                    retry_after: self.retry_after,
                };
            }
            // A good code is no error, but neither is it the answer that was hoped for.
            200 | 201 | 408 | 500.. => return CallError::Unknown(self.told()),
            _ => {}
        }
        if self.http.is_server_error() {
            return CallError::Unknown(self.told());
        }
        if !self.is_midtrans() {
            return if self.http.is_success() {
                CallError::Unknown(self.told())
            } else {
                CallError::NotSent(self.told())
            };
        }
        match self.code {
            404 => CallError::NotFound,
            406 => CallError::Duplicate,
            412 => CallError::CannotModify,
            status_code => CallError::Rejected {
                status_code,
                messages: self.messages(),
            },
        }
    }

    /// An answer that should have been good but cannot be read: what was asked for may be done.
    pub(crate) fn unreadable(&self, what: &str) -> CallError {
        CallError::Unknown(format!("answer without {what}: {}", self.told()))
    }

    /// Whether the body is Midtrans's own rather than that of something in between.
    fn is_midtrans(&self) -> bool {
        self.outline.as_ref().is_some_and(|outline| {
            outline.status_code.is_some() || outline.error_messages.is_some()
        })
    }

    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(QUOTE_CHARS)
            .collect();
        format!("http {} code {}: {start}", self.http.as_u16(), self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(http: u16, body: &str) -> CallError {
        let http = StatusCode::from_u16(http).unwrap();
        Answer::new(http, None, body.as_bytes().to_vec()).into_error()
    }

    #[test]
    fn the_bodys_code_beats_the_http_status() {
        assert_eq!(error(200, r#"{"status_code":"404"}"#), CallError::NotFound);
        assert_eq!(error(200, r#"{"status_code":"406"}"#), CallError::Duplicate);
        assert_eq!(
            error(200, r#"{"status_code":"412"}"#),
            CallError::CannotModify
        );
        assert_eq!(
            error(200, r#"{"status_code":"401"}"#),
            CallError::Unauthorized
        );
        assert_eq!(
            error(200, r#"{"status_code":"429"}"#),
            CallError::RateLimited { retry_after: None }
        );
    }

    #[test]
    fn a_refusal_keeps_what_midtrans_says() {
        let body = r#"{"status_code":"400","status_message":"One or more parameters invalid.",
            "validation_messages":["gross_amount is not equal to the sum of item_details"]}"#;
        assert_eq!(
            error(400, body),
            CallError::Rejected {
                status_code: 400,
                messages: vec![
                    "One or more parameters invalid.".to_owned(),
                    "gross_amount is not equal to the sum of item_details".to_owned(),
                ],
            }
        );
    }

    #[test]
    fn server_errors_and_calls_in_flight_leave_open_what_happened() {
        for (http, body) in [
            (500, ""),
            (502, "<html>bad gateway</html>"),
            (200, r#"{"status_code":"503"}"#),
            (503, r#"{"status_code":"406"}"#),
            (202, ""),
            (200, "half an ans"),
            (201, r#"{"status_code":"201"}"#),
            (408, ""),
        ] {
            assert!(
                matches!(error(http, body), CallError::Unknown(_)),
                "{http} {body}"
            );
        }
    }

    #[test]
    fn something_before_midtrans_that_refuses_means_nothing_was_sent() {
        assert!(matches!(
            error(404, "<html>no such host</html>"),
            CallError::NotSent(_)
        ));
        assert!(matches!(error(302, ""), CallError::NotSent(_)));
        assert_eq!(error(429, ""), CallError::RateLimited { retry_after: None });
    }

    #[test]
    fn a_denied_charge_is_no_call_in_flight() {
        let body = r#"{"status_code":"202","transaction_status":"deny","status_message":"Deny"}"#;
        assert_eq!(
            error(202, body),
            CallError::Rejected {
                status_code: 202,
                messages: vec!["Deny".to_owned()]
            }
        );
    }
}
