//! From money to goods.
