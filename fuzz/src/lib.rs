//! What strangers may send, and what must hold whatever they send. Each target is a plain function
//! that panics when it does not hold; it calls what the bot itself calls, and nothing is stored or
//! fetched.

pub mod catalogue;
pub mod command;
pub mod configuration;
pub mod notification;
pub mod webhook;
