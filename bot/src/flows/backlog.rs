//! What a customer is told after an outage.

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub fn summary(_turn: &mut Turn<'_>) -> Answer {
    Answer::view(warung_whatsapp::reply::Reply::default())
}
