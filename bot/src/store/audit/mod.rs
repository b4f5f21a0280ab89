//! The auditor's questions: one function a rule, each looking for what must not be.
//!
//! Every rule derives anew what a column says, from other rows of one snapshot. A [`Scope`] bounds
//! a look to the newest rows: what is older and cannot change was looked at when it was new.

pub mod ledger;
pub mod orders;
pub mod payments;
pub mod queues;
pub mod stock;

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How far a look goes, and what it measures against.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Rows looked at in each table, the newest first; all where `None`.
    pub rows: Option<i64>,
    /// The time.
    pub now: DateTime<Utc>,
    /// Purchases that a customer may make in one window.
    pub purchases: i64,
    /// The window.
    pub window: Duration,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: an order's number, an account, a product, a row.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
}
