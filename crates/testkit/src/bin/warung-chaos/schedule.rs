//! Which faults, in which order.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::faults::{CRASH_POINTS, Fault};
use crate::mutation::Mutation;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// What every change must stand.
    Short,
    /// Everything once, and some of it in pairs.
    Full,
}

/// One step: a fault, or two at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) first: Fault,
    pub(crate) second: Option<Fault>,
}

use Fault as F;

/// The faults with bars of their own, and those that found most.
const SHORT: [Fault; 17] = [
    F::BotKilled,
    F::BotCrashes("turn.closed"),
    F::BotCrashes("purchase.locked"),
    F::BotCrashes("send.after"),
    F::BotCrashes("payment.asked"),
    F::BotFrozen,
    F::RollingRestart,
    F::RedisKilled,
    F::RedisHangs,
    F::RedisFlushed,
    F::RedisLosesVotes,
    F::PostgresKilled,
    F::PostgresBackendsKilled,
    F::PostgresCutMidCommit,
    F::RedisClockShifted,
    F::MidtransForged,
    F::WhatsAppThousand,
];

const SINGLE: [Fault; 42] = [
    F::BotKilled,
    F::BotFrozen,
    F::BotFrozenWithLock,
    F::RollingRestart,
    F::RedisKilled,
    F::RedisHangs,
    F::RedisFailover,
    F::RedisSlotsMove,
    F::RedisDown,
    F::RedisFlushed,
    F::RedisResets,
    F::RedisLosesVotes,
    F::RedisLostLock,
    F::RedisCutFromBots,
    F::RedisCutFromPeers,
    F::RedisConnectionsSilent,
    F::RedisBlinks,
    F::RedisClockShifted,
    F::PostgresRestarted,
    F::PostgresKilled,
    F::PostgresHangs,
    F::PostgresBackendsKilled,
    F::PostgresStatementsTimeOut,
    F::PostgresCutMidCommit,
    F::PostgresDiskFull,
    F::MidtransSlow,
    F::MidtransErrors,
    F::MidtransInFlight,
    F::MidtransAnswersLost,
    F::MidtransRepeats,
    F::MidtransReorders,
    F::MidtransForged,
    F::MidtransReverses,
    F::WhatsAppErrors,
    F::WhatsAppLimits,
    F::WhatsAppPairLimits,
    F::WhatsAppAnswersLost,
    F::WhatsAppRepeats,
    F::WhatsAppReorders,
    F::WhatsAppForged,
    F::WhatsAppThousand,
    F::RedisFlushedAgainAndAgain,
];

/// What happens together. One of a pair may last while the other comes and goes.
const PAIRS: [(Fault, Fault); 8] = [
    (F::RedisHangs, F::BotKilled),
    (F::MidtransAnswersLost, F::BotCrashes("payment.asked")),
    (F::WhatsAppAnswersLost, F::BotCrashes("send.after")),
    (F::WhatsAppRepeats, F::PostgresKilled),
    (F::RedisDown, F::BotCrashes("purchase.fenced")),
    (F::RedisKilled, F::PostgresBackendsKilled),
    (F::MidtransErrors, F::RollingRestart),
    (F::BotFrozen, F::RedisFailover),
];

/// Further pairs of a whole run, which the seed draws.
const DRAWN_PAIRS: usize = 3;

/// The steps of a run, in an order that the seed decides.
pub(crate) fn steps(length: Length, isolated: bool, dice: &mut StdRng) -> Vec<Step> {
    let mut faults: Vec<Fault> = match length {
        Length::Short => SHORT.to_vec(),
        Length::Full => {
            let points = CRASH_POINTS.map(Fault::BotCrashes);
            SINGLE.iter().chain(&points).copied().collect()
        }
    };
    faults.retain(|fault| isolated || !fault.needs_isolation());
    let mut steps: Vec<Step> = faults.iter().copied().map(alone).collect();
    if length == Length::Full {
        let drawn = (0..DRAWN_PAIRS).filter_map(|_| draw(&faults, dice));
        let pairs = PAIRS.into_iter().chain(drawn);
        steps.extend(pairs.map(|(first, second)| Step {
            first,
            second: Some(second),
        }));
    }
    steps.shuffle(dice);
    steps
}

/// Two faults of different parts, which do not undo each other.
fn draw(faults: &[Fault], dice: &mut StdRng) -> Option<(Fault, Fault)> {
    let first = *faults.choose(dice)?;
    let others: Vec<Fault> = (faults.iter().copied())
        .filter(|other| other.part() != first.part())
        .collect();
    Some((first, *others.choose(dice)?))
}

/// The steps that show a missing guard.
pub(crate) fn against(mutation: Mutation) -> Vec<Step> {
    let (fault, times) = match mutation {
        Mutation::Fence | Mutation::LockNonce => (F::BotFrozenWithLock, 4),
        Mutation::Message => (F::WhatsAppThousand, 1),
        Mutation::OutboxClaim => (F::WhatsAppRepeats, 4),
        // Customers who tap twice are enough.
        Mutation::Quote => (F::BotKilled, 3),
        Mutation::Fill => (F::RedisBlinks, 2),
        Mutation::Status => (F::MidtransForged, 3),
        Mutation::Watchdog => (F::RedisConnectionsSilent, 2),
        Mutation::Count => (F::RedisFlushedAgainAndAgain, 2),
        // The rush at the end is enough.
        Mutation::Stock => return Vec::new(),
    };
    let faults = vec![fault; times];
    faults.into_iter().map(alone).collect()
}

fn alone(fault: Fault) -> Step {
    Step {
        first: fault,
        second: None,
    }
}

impl Step {
    pub(crate) fn name(self) -> String {
        match self.second {
            None => self.first.name(),
            Some(second) => format!("{} + {}", self.first.name(), second.name()),
        }
    }

    pub(crate) fn faults(self) -> impl Iterator<Item = Fault> {
        [Some(self.first), self.second].into_iter().flatten()
    }
}
