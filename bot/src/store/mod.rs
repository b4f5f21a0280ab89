//! All SQL beside the inbox's and the outbox's: one file a table. Functions take a connection,
//! return domain types, and leave the transaction to their caller.

pub mod conversations;
pub mod customers;
pub mod payments;
pub mod settings;
