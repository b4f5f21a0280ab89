//! The shop's two sharded channels: hints, and floors of the cache.
//!
//! Both are in one slot, so one connection to one master carries them. It is apart from the
//! command connections: a subscriber must never wait behind commands. Messages can be lost
//! between a disconnection and the next subscription, so both ends of such a gap flush the
//! process's cache tier and the end of it hints at everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::Unavailable;
use crate::cache::Tier1;
use crate::cluster::topology::Address;
use crate::cluster::{Cluster, millis, slot::slot_of};
use crate::hints::{Board, HintSet};
use crate::metrics::Command;

/// First and longest wait between two attempts to subscribe.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_millis(500);
/// How often the subscription is checked: by a ping, and for a slot that moved.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Pings in a row without an answer that end a subscription.
const SILENT_PINGS_MAX: u32 = 2;

/// The channels and the way to publish on them.
pub(crate) struct Bus {
    cluster: Arc<Cluster>,
    hints: String,
    floors: String,
    slot: u16,
    /// Tells this process's messages from the others'.
    origin: String,
    subscribed: AtomicBool,
}

impl Bus {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Self {
        let base = format!("{0}bus:{{{0}bus}}:", cluster.prefix);
        Self {
            slot: slot_of(base.as_bytes()),
            hints: format!("{base}hints"),
            floors: format!("{base}floors"),
            origin: format!("{:016x}", rand::random::<u64>()),
            subscribed: AtomicBool::new(false),
            cluster,
        }
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscribed.load(Ordering::Relaxed)
    }

    pub(crate) async fn publish_hints(&self, bits: u64) -> Result<(), Unavailable> {
        self.publish(&self.hints, format!("{} {bits:x}", self.origin))
            .await
    }

    pub(crate) async fn publish_floor(
        &self,
        tag: &str,
        version: u64,
        raised_ms: u64,
    ) -> Result<(), Unavailable> {
        self.publish(&self.floors, format!("{version} {raised_ms} {tag}"))
            .await
    }

    async fn publish(&self, channel: &str, message: String) -> Result<(), Unavailable> {
        let mut cmd = redis::cmd("SPUBLISH");
        cmd.arg(channel).arg(message);
        let published = self.cluster.call(Command::Publish, self.slot, &cmd).await;
        published.map(drop).map_err(|_| Unavailable)
    }
}

/// Listens for ever, over whatever connection there is.
pub(crate) async fn listen(bus: Arc<Bus>, tier1: Arc<Tier1>, board: Arc<Board>) {
    let ears = Ears { bus, tier1, board };
    let mut wait = RETRY_MIN;
    loop {
        if let Some(subscription) = ears.subscribe().await {
            wait = RETRY_MIN;
            ears.hear(subscription).await;
            ears.bus.subscribed.store(false, Ordering::Relaxed);
            ears.tier1.flush();
        }
        tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
        wait = RETRY_MAX.min(wait * 2);
    }
}

struct Subscription {
    connection: MultiplexedConnection,
    pushes: UnboundedReceiver<PushInfo>,
    address: Address,
}

struct Ears {
    bus: Arc<Bus>,
    tier1: Arc<Tier1>,
    board: Arc<Board>,
}

impl Ears {
    async fn subscribe(&self) -> Option<Subscription> {
        let cluster = &self.bus.cluster;
        let address = cluster.address_of(self.bus.slot)?;
        let (sender, pushes) = mpsc::unbounded_channel();
        let mut connection = cluster.connector.subscribe(&address, sender).await.ok()?;
        for channel in [&self.bus.hints, &self.bus.floors] {
            let mut cmd = redis::cmd("SSUBSCRIBE");
            cmd.arg(channel);
            let reply = self.ask(&mut connection, &cmd).await?;
            if matches!(reply, Value::ServerError(_)) {
                return None;
            }
        }
        self.bus.subscribed.store(true, Ordering::Relaxed);
        self.tier1.flush();
        self.board.deliver(HintSet::ALL.bits());
        Some(Subscription {
            connection,
            pushes,
            address,
        })
    }

    /// Hears until the connection is lost or useless.
    async fn hear(&self, mut subscription: Subscription) {
        let mut silent = 0;
        let mut check = tokio::time::interval(CHECK_EVERY);
        check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                push = subscription.pushes.recv() => match push {
                    Some(push) if self.obey(&push) => {}
                    _ => return,
                },
                _ = check.tick() => {
                    let owner = self.bus.cluster.address_of(self.bus.slot);
                    if owner.is_some_and(|owner| owner != subscription.address) {
                        return;
                    }
                    let ping = redis::cmd("PING");
                    silent = match self.ask(&mut subscription.connection, &ping).await {
                        Some(_) => 0,
                        None => silent + 1,
                    };
                    if silent == SILENT_PINGS_MAX {
                        return;
                    }
                }
            }
        }
    }

    async fn ask(&self, connection: &mut MultiplexedConnection, cmd: &redis::Cmd) -> Option<Value> {
        let limit = self.bus.cluster.timeouts.response;
        let asking = connection.send_packed_command(cmd);
        tokio::time::timeout(limit, asking).await.ok()?.ok()
    }

    /// Acts on a push; false when it ends the subscription.
    fn obey(&self, push: &PushInfo) -> bool {
        match push.kind {
            PushKind::SMessage => {
                if let [Value::BulkString(channel), Value::BulkString(message)] =
                    push.data.as_slice()
                    && let Ok(message) = std::str::from_utf8(message)
                {
                    self.obey_message(channel, message);
                }
                true
            }
            // The server ends a sharded subscription when the slot moves away.
            PushKind::Disconnection | PushKind::SUnsubscribe => false,
            _ => true,
        }
    }

    fn obey_message(&self, channel: &[u8], message: &str) {
        if channel == self.bus.hints.as_bytes() {
            if let Some((origin, bits)) = message.split_once(' ')
                && origin != self.bus.origin
                && let Ok(bits) = u64::from_str_radix(bits, 16)
            {
                self.board.deliver(bits);
            }
        } else if let Some((version, raised_ms, tag)) = parse_floor(message) {
            let now_ms = SystemTime::UNIX_EPOCH.elapsed().map_or(0, millis);
            let ago = Duration::from_millis(now_ms.saturating_sub(raised_ms));
            self.tier1.learn(tag, version, ago);
        }
    }
}

/// Reads `version raised_ms tag`.
fn parse_floor(message: &str) -> Option<(u64, u64, &str)> {
    let (version, rest) = message.split_once(' ')?;
    let (raised_ms, tag) = rest.split_once(' ')?;
    Some((version.parse().ok()?, raised_ms.parse().ok()?, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_message_keeps_the_spaces_of_its_tag() {
        assert_eq!(
            parse_floor("42 1700 produk kopi"),
            Some((42, 1700, "produk kopi"))
        );
        assert_eq!(parse_floor("x 1700 produk"), None);
        assert_eq!(parse_floor("42"), None);
    }
}
