//! The operator as the cluster sees it, against real servers.
//!
//! Nothing runs pods here. What waits for pods is told of them by the test, which writes the
//! status of a Deployment, a StatefulSet or a Job as its controller would.

#![expect(clippy::unwrap_used, reason = "a story stops at the first surprise")]

mod backups;
mod charts;
mod children;
mod cloud_native_pg;
mod cluster;
mod database;
mod fleet;
mod harness;
mod kinds;
mod leaders;
mod orphans;
mod redis;
mod replaced;
mod rights;
mod serving;
mod slow;
