//! The operator against real servers.

mod cluster;
mod kinds;
mod rights;
