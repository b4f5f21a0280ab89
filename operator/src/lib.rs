//! The operator of Warung: turns each `WhatsAppShop` into a selling shop.

pub mod crds;
pub mod shop;
