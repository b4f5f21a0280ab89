//! The pure rules of a shop: money, catalogue, cart and quote, the order and payment machines, and
//! the language customers talk to the shop in.
//!
//! Nothing here does I/O, reads a clock or draws a random number: the current time and random
//! bytes are arguments. A test over `cargo metadata` keeps it so.

pub mod cart;
pub mod catalog;
pub mod clock;
pub mod conversation;
pub mod identity;
pub mod language;
pub mod money;
pub mod order;
pub mod order_number;
pub mod payment;
pub mod polling;
pub mod provider;
pub mod quote;
pub mod role;
pub mod settlement;
pub mod shipping;
pub mod tracking;
