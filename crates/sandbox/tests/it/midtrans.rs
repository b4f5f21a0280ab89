//! Stories of the Midtrans sandbox.
