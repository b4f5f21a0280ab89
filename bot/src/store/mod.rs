//! All SQL beside the inbox's and the outbox's: one file a table. Functions take a connection,
//! return domain types, and leave the transaction to their caller.

mod at_hand;
pub mod audit;
pub mod carts;
pub mod catalog;
pub mod conversations;
pub mod customers;
pub mod desk;
pub mod fences;
pub mod identities;
pub mod imports;
pub mod ledger;
pub mod merges;
pub mod orders;
pub mod payments;
pub mod quotes;
pub mod search;
pub mod settings;
pub mod staff_actions;
pub mod stock;
mod transaction;
pub mod units;
pub mod violations;

use chrono::TimeDelta;

pub use at_hand::{AtHand, Loan};
pub use transaction::begin;

/// How long the answer to a claim may be on its way. What a living bot owns and does not work on is
/// free after it: the answer was lost.
pub const CLAIM_GRACE: TimeDelta = TimeDelta::seconds(5);
