//! Payments at Midtrans, from the charge to the books.
