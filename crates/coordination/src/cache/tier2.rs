//! The tier of the fleet, in Redis.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::{Cmd, Value};

use crate::Unavailable;
use crate::cluster::{Cluster, millis, slot::slot_of};
use crate::config::CacheOptions;
use crate::metrics::Command;
use crate::script::Script;

static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../lua/now_ms.lua"),
        include_str!("../lua/cache_read.lua")
    ))
});
static FILL: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../lua/cache_fill.lua")));
static INVALIDATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../lua/now_ms.lua"),
        include_str!("../lua/cache_invalidate.lua")
    ))
});
/// A lease is given back like a lock: only by the one who holds it.
static GIVE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../lua/lock_release.lua")));

/// How long one bot may take to reload a value for the whole fleet.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// How long a floor is kept: longer than any load or cached value can live.
const FLOOR_LIFE: Duration = Duration::from_hours(48);
/// How eagerly values are reloaded before they are due (the beta of `XFetch`; above 1 is more eager).
const EARLINESS: f64 = 1.0;

/// What Redis knows about a value.
pub(super) struct Found {
    pub(super) stored: Option<Stored>,
    /// Set when this caller is to reload it.
    pub(super) lease: Option<Lease>,
    /// Older than the soft time to live.
    pub(super) is_stale: bool,
    pub(super) floor: u64,
    pub(super) floor_raised_ago: Duration,
}

/// A stored value: `version:took:payload`.
pub(super) struct Stored {
    bytes: Vec<u8>,
    payload_at: usize,
    pub(super) version: u64,
}

impl Stored {
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let first = bytes.iter().position(|byte| *byte == b':')?;
        let version = std::str::from_utf8(&bytes[..first]).ok()?.parse().ok()?;
        let second = bytes[first + 1..].iter().position(|byte| *byte == b':')?;
        Some(Self {
            payload_at: first + second + 2,
            bytes,
            version,
        })
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }
}

/// The right to reload one value for the fleet.
#[derive(Clone, Copy)]
pub(super) struct Lease(u64);

/// The keys of one cached value; all in the slot of its tag.
pub(super) struct Keys {
    value: String,
    floor: String,
    lease: String,
    slot: u16,
}

pub(super) struct Tier2 {
    cluster: Arc<Cluster>,
    options: CacheOptions,
}

impl Tier2 {
    pub(super) fn new(cluster: Arc<Cluster>, options: CacheOptions) -> Self {
        Self { cluster, options }
    }

    pub(super) fn keys(&self, tag: &str, key: &str) -> Keys {
        let base = self.base(tag);
        let floor = format!("{base}floor");
        Keys {
            slot: slot_of(floor.as_bytes()),
            value: format!("{base}value:{key}"),
            lease: format!("{base}lease:{key}"),
            floor,
        }
    }

    pub(super) async fn read(&self, keys: &Keys) -> Result<Found, Unavailable> {
        let lease: u64 = rand::random();
        // Optimal early expiry (Vattani, Chierichetti, Lowenstein: `XFetch`).
        let earliness = -EARLINESS * rand::random_range(f64::MIN_POSITIVE..1.0).ln();
        let reply = self
            .eval(Command::CacheRead, &READ, keys, |cmd| {
                cmd.arg(millis(self.options.soft_ttl))
                    .arg(millis(self.options.hard_ttl))
                    .arg(lease)
                    .arg(millis(LEASE))
                    .arg(earliness);
            })
            .await?;
        self.found(reply, Lease(lease)).ok_or(Unavailable)
    }

    /// Stores a value; false when it is older than what the tag allows by now.
    pub(super) async fn fill(
        &self,
        keys: &Keys,
        version: u64,
        took: Duration,
        payload: &[u8],
        lease: Option<Lease>,
    ) -> Result<bool, Unavailable> {
        let lease = lease.map_or(0, |lease| lease.0);
        let reply = self
            .eval(Command::CacheFill, &FILL, keys, |cmd| {
                cmd.arg(version)
                    .arg(millis(took))
                    .arg(payload)
                    .arg(millis(self.options.hard_ttl))
                    .arg(lease);
            })
            .await?;
        Ok(reply == Value::Int(1))
    }

    /// Lets another reload, because this load failed.
    pub(super) async fn give_back(&self, keys: &Keys, lease: Lease) {
        let limit = self.cluster.timeouts.response;
        let give_back =
            self.cluster
                .eval(Command::CacheFill, keys.slot, &GIVE_BACK, limit, |cmd| {
                    cmd.arg(1).arg(&keys.lease).arg(lease.0);
                });
        // A lease that cannot be given back expires.
        let _ = give_back.await;
    }

    /// Raises a tag's floor; the time (ms of the server's clock) at which it was raised.
    pub(super) async fn invalidate(&self, tag: &str, version: u64) -> Result<u64, Unavailable> {
        let floor = format!("{}floor", self.base(tag));
        let limit = self.cluster.timeouts.response;
        let slot = slot_of(floor.as_bytes());
        let reply = self
            .cluster
            .eval(Command::CacheInvalidate, slot, &INVALIDATE, limit, |cmd| {
                cmd.arg(1).arg(&floor).arg(version).arg(millis(FLOOR_LIFE));
            })
            .await
            .map_err(|_| Unavailable)?;
        match reply {
            Value::Int(raised) => Ok(u64::try_from(raised).unwrap_or(0)),
            _ => Err(Unavailable),
        }
    }

    fn base(&self, tag: &str) -> String {
        let prefix = &self.cluster.prefix;
        format!("{prefix}cache:{{{prefix}{tag}}}:")
    }

    async fn eval(
        &self,
        command: Command,
        script: &Script,
        keys: &Keys,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, Unavailable> {
        let limit = self.cluster.timeouts.response;
        self.cluster
            .eval(command, keys.slot, script, limit, |cmd| {
                cmd.arg(3)
                    .arg(&keys.value)
                    .arg(&keys.floor)
                    .arg(&keys.lease);
                arguments(cmd);
            })
            .await
            .map_err(|_| Unavailable)
    }

    fn found(&self, reply: Value, lease: Lease) -> Option<Found> {
        let Value::Array(fields) = reply else {
            return None;
        };
        let [
            stored,
            Value::Int(age),
            Value::Int(leased),
            Value::BulkString(floor),
            Value::Int(ago),
        ] = <[Value; 5]>::try_from(fields).ok()?
        else {
            return None;
        };
        let stored = match stored {
            Value::BulkString(bytes) => Stored::parse(bytes),
            _ => None,
        };
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        Some(Found {
            stored,
            lease: (leased == 1).then_some(lease),
            is_stale: age >= self.options.soft_ttl,
            floor: std::str::from_utf8(&floor).ok()?.parse().ok()?,
            floor_raised_ago: Duration::from_millis(u64::try_from(ago).unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_value_keeps_the_colons_of_its_payload() {
        let stored = Stored::parse(b"12:34:{\"a\":1}".to_vec()).unwrap();
        assert_eq!(
            (stored.version, stored.payload()),
            (12, b"{\"a\":1}".as_slice())
        );
        assert!(Stored::parse(b"12".to_vec()).is_none());
        assert!(Stored::parse(b"x:1:".to_vec()).is_none());
        assert_eq!(Stored::parse(b"1:2:".to_vec()).unwrap().payload(), b"");
    }
}
