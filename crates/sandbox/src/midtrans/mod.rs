//! Midtrans, as its Snap and Core APIs behave.
