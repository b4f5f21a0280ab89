//! Reading a message, step by step.

use crate::conversation::{Command, DecodeError, ParseContext, Parsed};

pub(super) fn read(text: &str, context: &ParseContext<'_>) -> Parsed {
    match Command::decode(text) {
        Ok(Command::Staff(_)) if !context.is_staff => Parsed::Words(String::new()),
        Ok(command) => Parsed::Command(command),
        Err(DecodeError::NotAnId) => Parsed::Words(text.trim().to_owned()),
        Err(error) => Parsed::StaleTap(error),
    }
}
