//! What goes wrong: each fault is done, lasts, and is undone within [`strike`].

mod bots;
mod midtrans;
mod network;
mod postgres;
mod redis;
mod whatsapp;

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;

use crate::bed::Bed;

/// Points at which a bot is killed, between each two commits and calls.
pub(crate) const CRASH_POINTS: [&str; 20] = [
    "ingest.received",
    "ingest.statuses",
    "ingest.stored",
    "inbox.claimed",
    "turn.worked",
    "turn.before_commit",
    "turn.closed",
    "purchase.charged",
    "purchase.locked",
    "purchase.fenced",
    "outbox.claimed",
    "send.before",
    "send.after",
    "send.marked",
    "payment.claimed",
    "payment.asked",
    "payment.before_commit",
    "payment.concluded",
    "notification.kept",
    "lock.before_commit",
];

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    BotKilled,
    BotCrashes(&'static str),
    BotFrozen,
    BotFrozenWithLock,
    RollingRestart,
    RedisKilled,
    RedisHangs,
    RedisFailover,
    RedisSlotsMove,
    RedisDown,
    RedisFlushed,
    RedisResets,
    RedisLosesVotes,
    RedisLostLock,
    RedisCutFromBots,
    RedisCutFromPeers,
    /// Connections fall silent and stay so.
    RedisConnectionsSilent,
    /// Primaries stand still by turns.
    RedisBlinks,
    RedisClockShifted,
    PostgresRestarted,
    PostgresKilled,
    PostgresHangs,
    PostgresBackendsKilled,
    PostgresStatementsTimeOut,
    PostgresCutMidCommit,
    PostgresDiskFull,
    MidtransSlow,
    MidtransErrors,
    MidtransInFlight,
    MidtransAnswersLost,
    MidtransRepeats,
    MidtransReorders,
    MidtransForged,
    MidtransReverses,
    WhatsAppErrors,
    WhatsAppLimits,
    WhatsAppPairLimits,
    WhatsAppAnswersLost,
    WhatsAppRepeats,
    WhatsAppReorders,
    WhatsAppForged,
    WhatsAppThousand,
    /// Redis forgets while a customer buys as fast as possible.
    RedisFlushedAgainAndAgain,
}

impl Fault {
    /// What it is called.
    pub(crate) fn name(self) -> String {
        if let Self::BotCrashes(point) = self {
            return format!("bot-crashes-at {point}");
        }
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_uppercase() && !name.is_empty() && !name.ends_with("whats") {
                name.push('-');
            }
            name.extend(c.to_lowercase());
        }
        name
    }

    /// What it strikes: `bot`, `redis`, `postgres`, `midtrans`, `whatsapp`.
    pub(crate) fn part(self) -> String {
        let name = self.name();
        let part = name.split('-').next().unwrap_or_default();
        // Bots are what is restarted.
        part.replace("rolling", "bot")
    }

    /// Whether Redis may forget locks on more than one primary in it, so that two holders at once are
    /// no surprise; the fence is there for that.
    pub(crate) fn loses_locks(self) -> bool {
        matches!(
            self,
            Self::RedisDown | Self::RedisFlushed | Self::RedisFlushedAgainAndAgain
        )
    }

    /// Whether a reply that was sent before may be sent again in it.
    pub(crate) fn repeats_replies(self) -> bool {
        matches!(
            self,
            Self::BotKilled
                | Self::BotCrashes(_)
                | Self::BotFrozen
                | Self::BotFrozenWithLock
                | Self::RollingRestart
                | Self::PostgresRestarted
                | Self::PostgresKilled
                | Self::PostgresHangs
                | Self::PostgresBackendsKilled
                | Self::PostgresStatementsTimeOut
                | Self::PostgresCutMidCommit
                | Self::PostgresDiskFull
                | Self::WhatsAppAnswersLost
                | Self::WhatsAppErrors
        )
    }

    /// Whether it needs a network and mounts of our own.
    pub(crate) fn needs_isolation(self) -> bool {
        matches!(
            self,
            Self::RedisCutFromBots
                | Self::RedisCutFromPeers
                | Self::RedisConnectionsSilent
                | Self::PostgresDiskFull
        )
    }

    /// Whether the bots must get their locks to stand on three masters in spite of it.
    pub(crate) fn leaves_three_votes(self) -> bool {
        matches!(self, Self::RedisConnectionsSilent | Self::RedisBlinks)
    }
}

/// Does it, lets it last and undoes it. Returns what happened.
pub(crate) async fn strike(bed: &Bed, fault: Fault, dice: &mut StdRng) -> Result<String> {
    use Fault as F;
    match fault {
        F::BotKilled => bots::killed(bed, dice),
        F::BotCrashes(point) => bots::crashes(bed, dice, point).await,
        F::BotFrozen => bots::frozen(bed, dice).await,
        F::BotFrozenWithLock => bots::frozen_with_lock(bed, dice).await,
        F::RollingRestart => bots::rolling_restart(bed).await,
        F::RedisKilled => redis::killed(bed, dice).await,
        F::RedisHangs => redis::hangs(bed, dice).await,
        F::RedisFailover => redis::failover(bed, dice).await,
        F::RedisSlotsMove => redis::slots_move(bed, dice).await,
        F::RedisDown => redis::down(bed).await,
        F::RedisFlushed => redis::flushed(bed).await,
        F::RedisFlushedAgainAndAgain => redis::flushed_again_and_again(bed).await,
        F::RedisResets => redis::resets(bed).await,
        F::RedisLosesVotes => redis::loses_votes(bed, dice).await,
        F::RedisLostLock => redis::lost_lock(bed, dice).await,
        F::RedisCutFromBots => network::redis_from_bots(bed, dice).await,
        F::RedisCutFromPeers => network::redis_from_peers(bed, dice).await,
        F::RedisConnectionsSilent => network::redis_connections(bed, dice).await,
        F::RedisBlinks => redis::blinks(bed, dice).await,
        F::RedisClockShifted => redis::clock_shifted(bed, dice).await,
        F::PostgresRestarted => postgres::restarted(bed).await,
        F::PostgresKilled => postgres::killed(bed).await,
        F::PostgresHangs => postgres::hangs(bed).await,
        F::PostgresBackendsKilled => postgres::backends_killed(bed).await,
        F::PostgresStatementsTimeOut => postgres::statements_time_out(bed).await,
        F::PostgresCutMidCommit => postgres::cut_mid_commit(bed).await,
        F::PostgresDiskFull => postgres::disk_full(bed).await,
        F::MidtransSlow
        | F::MidtransErrors
        | F::MidtransInFlight
        | F::MidtransAnswersLost
        | F::MidtransRepeats
        | F::MidtransReorders
        | F::MidtransForged
        | F::MidtransReverses => midtrans::misbehaves(bed, fault).await,
        F::WhatsAppThousand => whatsapp::a_thousand(bed).await,
        F::WhatsAppErrors
        | F::WhatsAppLimits
        | F::WhatsAppPairLimits
        | F::WhatsAppAnswersLost
        | F::WhatsAppRepeats
        | F::WhatsAppReorders
        | F::WhatsAppForged => whatsapp::misbehaves(bed, fault).await,
    }
}

/// Lets a fault last.
async fn lasts(span: Duration) {
    tokio::time::sleep(span).await;
}
