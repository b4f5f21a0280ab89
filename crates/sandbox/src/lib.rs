//! Warung's sandbox: the two outside worlds of a shop, played on this machine.
//!
//! [`whatsapp`] plays Meta's Cloud API and its customers' phones, [`midtrans`] plays the payment
//! gateway. Both run inside a test process or as the program `warung-sandbox`, and both are strict:
//! they share no code with the clients they judge.

pub mod clock;
pub mod midtrans;
pub mod serve;
pub mod whatsapp;
