//! Splitting a message into words.
