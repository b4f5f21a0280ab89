//! Messages that are not understood.

use warung_domain::conversation::{CommandName, Problem};

use crate::worker::turn::{Answer, Turn};

/// Stub.
pub fn malformed(_turn: &mut Turn<'_>, _command: CommandName, _problem: &Problem) -> Answer {
    Answer::view(warung_whatsapp::reply::Reply::default())
}

/// Stub.
pub fn stale_tap(_turn: &mut Turn<'_>) -> Answer {
    Answer::view(warung_whatsapp::reply::Reply::default())
}

/// Stub.
pub fn out_of_range(_turn: &mut Turn<'_>, _options: usize) -> Answer {
    Answer::view(warung_whatsapp::reply::Reply::default())
}

/// Stub.
pub fn unreadable(_turn: &mut Turn<'_>) -> Option<Answer> {
    None
}
