//! The WhatsApp Cloud API as a shop meets it: signed webhooks coming in, messages going out.
//!
//! - [`signature`] and [`webhook`] take a raw body apart without understanding its items, so that
//!   an ingress can store every item before anything else happens.
//! - [`inbound`] and [`status`] understand one stored item each.
//! - [`reply`] turns an abstract answer (text, choices, picture, link) into exactly one
//!   [`message`] (often an [`interactive`] one) inside every one of the API's [`limits`].
//! - [`client`] sends it; [`error`] says what a sender does about each error code.
//!
//! Nothing here knows the shop's rules, keeps state, or reads the clock or the environment.

pub mod client;
pub mod error;
pub mod inbound;
pub mod interactive;
pub mod limits;
pub mod message;
pub mod reply;
pub mod signature;
pub mod status;
pub mod webhook;

mod text;
