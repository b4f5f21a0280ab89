//! Real stores for tests, the demo and the benchmark: a private PostgreSQL, a private six-node
//! Redis Cluster, a real Kubernetes, and child processes that die with whoever started them.

pub mod bot;
pub mod console;
mod eventually;
pub mod kubernetes;
pub mod phone;
pub mod ports;
mod postgres;
pub mod process;
pub mod purchase;
mod redis_cluster;
mod stores;

pub use eventually::{Outcome, eventually};
pub use postgres::{Postgres, PostgresOptions, StopMode, Wire};
pub use redis_cluster::{RedisCluster, RedisOptions};
pub use stores::{Stores, stores};
