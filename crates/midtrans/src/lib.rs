//! Midtrans as a shop meets it: payments asked for, read, ended and paid back, and its signed
//! notifications.
//!
//! - [`core`] charges by one payment method and reads, cancels, expires and refunds payments.
//! - [`snap`] makes hosted payment pages.
//! - [`notification`] reads and filters what Midtrans posts; only a status read through [`core`]
//!   says whether a payment is paid.
//! - [`client`] makes the calls, and tells apart a call that certainly had no effect from one that
//!   perhaps had.
//!
//! Nothing here knows the shop's rules, keeps state, or reads the clock or the environment.

pub mod amount;
pub mod client;
pub mod core;
pub mod instructions;
pub mod notification;
pub mod order_id;
pub mod request;
pub mod snap;
pub mod transaction;

mod answer;
