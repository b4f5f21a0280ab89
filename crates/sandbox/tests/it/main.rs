//! Stories told to the sandboxes over HTTP.

mod browser;
mod midtrans;
mod pages;
mod whatsapp;
