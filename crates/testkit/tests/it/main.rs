//! The testkit against real servers: what tests of the other rooms lean on.

mod orphans;
mod postgres;
mod redis_cluster;
mod stores;
