//! Stories told to the sandboxes over HTTP.

mod midtrans;
mod whatsapp;
