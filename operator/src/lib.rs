//! The operator of Warung: turns each `WhatsAppShop` into a selling shop.

pub mod arguments;
pub mod backup;
pub mod check;
pub mod conditions;
pub mod context;
pub mod controller;
pub mod crds;
pub mod database;
pub mod fence;
pub mod jobs;
pub mod kinds;
pub mod lanes;
pub mod lease;
pub mod live;
pub mod metrics;
pub mod pem;
pub mod queue;
pub mod redis;
pub mod restore;
pub mod server;
pub mod shop;
pub mod telemetry;
