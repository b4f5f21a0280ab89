//! Stories over a real six-node Redis Cluster.

mod cache;
mod faults;
mod harness;
mod hints;
mod lock;
mod pace;
mod rate_limit;
mod scripts;
mod session;
