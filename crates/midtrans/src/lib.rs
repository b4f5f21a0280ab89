//! midtrans
