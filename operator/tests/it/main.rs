//! The operator against real servers.

mod cluster;
mod database;
mod kinds;
mod rights;
