//! Stories told to the sandboxes over HTTP.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on ends here")]

mod browser;
mod midtrans;
mod pages;
mod whatsapp;
