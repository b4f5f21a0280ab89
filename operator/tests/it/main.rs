//! The operator against real servers.

mod charts;
mod cluster;
mod database;
mod kinds;
mod rights;
