//! What is said of a shop: types of conditions, their reasons, and how they are merged.
//!
//! A condition is `True`, `False` or `Unknown`; its reason is a word that programs may rely on,
//! its message a sentence that names what to do. docs/conditions.md lists them all.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Longest message that the API server takes, in bytes.
const MESSAGE_LIMIT: usize = 32_768;

/// Declares an enum whose variants are written as they are named, with their descriptions.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is written in a condition.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it means.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a condition of a `WhatsAppShop` is about, in the order in which a shop comes to be.
    ConditionType {
        /// Customers are served, be it by an earlier manifest.
        Ready,
        /// What runs is what the manifest asks for.
        UpToDate,
        /// The manifest makes sense beyond what the API server checks by itself.
        ManifestValid,
        /// Every Secret that the manifest names, or that the shop was served with, exists and has its keys.
        SecretsFound,
        /// Every object of the shop is in the cluster as it is wanted.
        ObjectsApplied,
        /// PostgreSQL answers, with the roles and rights that the shop needs.
        DatabaseReady,
        /// The database has the tables of the bot's image.
        MigrationsApplied,
        /// The Redis Cluster serves all its slots.
        RedisReady,
        /// Every primary of Redis has a replica that is in step.
        RedisDataSafe,
        /// Enough bots are available.
        BotAvailable,
        /// The last backup was written whole.
        BackupHealthy,
        /// A recent backup was restored and found whole.
        BackupVerified,
        /// The operator leaves the shop alone (`spec.paused`).
        Paused,
    }
}

words! {
    /// Why a condition is as it is.
    Reason {
        /// Nobody has looked yet.
        Pending,
        /// Customers are served.
        Serving,
        /// Customers are served by PostgreSQL alone, slower: the Redis Cluster is down.
        ServingWithoutRedis,
        /// Customers are served as before: what the manifest asks for now is not reached.
        ServingAsBefore,
        /// The manifest makes sense.
        Valid,
        /// The manifest asks for something that cannot be; the message says what to change.
        Invalid,
        /// Everything that was looked for is there.
        Found,
        /// A Secret that the manifest names, or that the shop was served with, does not exist.
        SecretMissing,
        /// A Secret that the manifest names lacks a key.
        KeyMissing,
        /// The value of a key of a Secret is not what it should be.
        ValueInvalid,
        /// Every object is as it is wanted.
        Applied,
        /// An object of that name exists and is not the shop's; it is left alone.
        NameTaken,
        /// The API server refuses an object; the message has its reason.
        Refused,
        /// The operator has no right to do it: its Role lacks a rule.
        Forbidden,
        /// A ResourceQuota of the namespace forbids it.
        QuotaExceeded,
        /// An old object is still being deleted.
        WaitingForDeletion,
        /// A store answers and has what is needed.
        Connected,
        /// A store has been started and does not answer yet.
        Starting,
        /// A store cannot be reached.
        Unreachable,
        /// A store refuses the password.
        AuthenticationFailed,
        /// A store is of a version that is too old.
        VersionTooOld,
        /// The role lacks rights in the database.
        RightsMissing,
        /// The database that a URL names does not exist on its server.
        DatabaseMissing,
        /// The server takes no more connections.
        TooManyConnections,
        /// The server offers no TLS, or a certificate that is not trusted.
        TlsFailed,
        /// The server is a standby that takes no writes.
        ReadOnly,
        /// Another database has taken the place of the shop's; a ShopRestore, or a person's word, is needed.
        DatabaseReplaced,
        /// Another operator that the manifest asks for is not installed.
        OperatorMissing,
        /// Something else must be ready first; the message says what.
        Waiting,
        /// The tables are those of the image.
        Migrated,
        /// A migration runs.
        Migrating,
        /// A migration failed; bots of the former image go on.
        MigrationFailed,
        /// The Redis Cluster serves all its slots.
        Formed,
        /// The Redis Cluster is being formed.
        Forming,
        /// Nodes of the Redis Cluster are being brought back together.
        Healing,
        /// Slots move between shards.
        Resharding,
        /// Pods are replaced one after the other.
        Rolling,
        /// Pods must be replaced, but data would be lost: a primary has no replica in step.
        RollBlocked,
        /// Slots of the Redis Cluster have no owner.
        SlotsMissing,
        /// Keys were lost with their volumes; somebody must say that they may be given up.
        DataLost,
        /// A node holds slots that others own as well: two clusters, or an old volume.
        SplitCluster,
        /// A node of Redis without slots holds keys.
        StrayKeys,
        /// The other shards have no memory for the keys of the shard that is to go.
        MemoryTooSmall,
        /// Not a Redis Cluster: the node runs alone.
        NotACluster,
        /// Fewer than three primaries.
        TooFewPrimaries,
        /// Every primary has a replica in step.
        Synced,
        /// A primary has no replica in step.
        Unsynced,
        /// The manifest asks for no replicas.
        NoReplicas,
        /// All bots that are wanted are available.
        Available,
        /// Fewer bots are available than needed.
        Unavailable,
        /// An image cannot be fetched.
        ImageUnavailable,
        /// A container keeps ending.
        Crashing,
        /// A pod fits on no node.
        Unschedulable,
        /// No bots are wanted.
        ScaledToZero,
        /// A restore holds the shop; its bots are stopped.
        Restoring,
        /// The last backup was written whole.
        Succeeded,
        /// The last try failed; the message has its reason.
        Failed,
        /// None has been made yet.
        NeverRan,
        /// The manifest does not ask for it.
        NotConfigured,
        /// The manifest suspends it.
        Suspended,
        /// A recent backup was restored and found whole.
        Verified,
        /// The newest proof is too old.
        Stale,
        /// A backup was restored and found broken.
        VerificationFailed,
        /// A Job runs.
        Running,
        /// A Job cannot start; the message says what is in the way.
        Hindered,
        /// The backup was written whole, its manifest last.
        Written,
        /// The backup was found at the destination by a verification; nobody recorded how it was made.
        FoundAtDestination,
        /// A Job took longer than `backup.deadline` allows.
        DeadlineExceeded,
        /// A Job ended and its pod was gone before its report was read.
        ReportLost,
        /// A Job was deleted before it ended.
        JobGone,
        /// The backup is being restored into a throwaway PostgreSQL.
        Verifying,
        /// The WhatsAppShop that is named does not exist.
        ShopNotFound,
        /// There is no such backup.
        BackupNotFound,
        /// The backup was not written whole.
        BackupNotComplete,
        /// The bots are asked to stop; the message says what still runs.
        StoppingBots,
        /// The bots have not stopped in time; nothing was touched.
        BotsDidNotStop,
        /// No bot runs.
        BotsStopped,
        /// The data is back.
        Restored,
        /// Nobody knows how the restore ended: its report was lost.
        OutcomeUnknown,
        /// The bots may run again.
        Released,
        /// `spec.paused` is set.
        AskedToPause,
        /// The operator works for the shop.
        Working,
        /// It cannot be known while the shop is paused or something else is missing.
        NotLooked,
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}

impl Truth {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::True, Self::False, Self::Unknown];

    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What was found out about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it holds.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// A sentence that names what to do. It must be the same as long as nothing changes.
    pub message: String,
}

/// What was found out about a shop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    findings: BTreeMap<ConditionType, Finding>,
}

impl Conditions {
    /// Every condition `Unknown`: a shop that was never looked at.
    pub fn unknown() -> Self {
        let mut conditions = Self::default();
        for kind in ConditionType::ALL {
            let message = "the operator has not looked yet";
            conditions.set(*kind, Truth::Unknown, Reason::Pending, message);
        }
        conditions
    }

    /// Sets a condition. A later finding about the same replaces an earlier one.
    pub fn set(
        &mut self,
        kind: ConditionType,
        truth: impl Into<Truth>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        let mut message = message.into();
        while message.len() > MESSAGE_LIMIT {
            message.pop();
        }
        let truth = truth.into();
        let finding = Finding {
            truth,
            reason,
            message,
        };
        self.findings.insert(kind, finding);
    }

    /// What was found out about one condition.
    pub fn get(&self, kind: ConditionType) -> Option<&Finding> {
        self.findings.get(&kind)
    }

    /// Whether a condition is known to hold.
    pub fn holds(&self, kind: ConditionType) -> bool {
        self.get(kind)
            .is_some_and(|found| found.truth == Truth::True)
    }

    /// Takes over the findings of another; they replace those that are here.
    pub fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
    }

    /// All findings, in the order of their types.
    pub fn iter(&self) -> impl Iterator<Item = (ConditionType, &Finding)> {
        self.findings.iter().map(|(kind, found)| (*kind, found))
    }

    /// As they go into a status. A condition that is as it was keeps its time of transition; those
    /// that nobody looked at now keep what was said of them and of which generation it was said,
    /// and those never looked at are `Unknown`.
    pub fn into_status(
        self,
        before: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Vec<Condition> {
        let told = Self::of_status(before);
        let kept = |kind| self.get(kind).is_none() && told.get(kind).is_some();
        let mut all = Self::unknown();
        all.merge(told.clone());
        all.merge(self.clone());
        let written = |kind: ConditionType, found: &Finding| {
            let old = before.iter().find(|old| old.type_ == kind.as_str());
            let same = old.filter(|old| old.status == found.truth.as_str());
            Condition {
                type_: kind.as_str().to_owned(),
                status: found.truth.as_str().to_owned(),
                reason: found.reason.as_str().to_owned(),
                message: found.message.clone(),
                observed_generation: match old {
                    Some(old) if kept(kind) => old.observed_generation,
                    _ => generation,
                },
                last_transition_time: same.map_or(Time(whole_second(now)), |old| {
                    old.last_transition_time.clone()
                }),
            }
        };
        all.iter()
            .map(|(kind, found)| written(kind, found))
            .collect()
    }

    /// What a status says. Words of another version of the operator are left out.
    pub fn of_status(conditions: &[Condition]) -> Self {
        let mut all = Self::default();
        for condition in conditions {
            let kind = ConditionType::ALL
                .iter()
                .find(|kind| kind.as_str() == condition.type_);
            let reason = Reason::ALL
                .iter()
                .find(|reason| reason.as_str() == condition.reason);
            let truth = match condition.status.as_str() {
                "True" => Truth::True,
                "False" => Truth::False,
                _ => Truth::Unknown,
            };
            if let (Some(kind), Some(reason)) = (kind, reason) {
                all.set(*kind, truth, *reason, condition.message.as_str());
            }
        }
        all
    }
}

/// The API server keeps whole seconds; a finer time would differ from what is read back.
pub(crate) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let mut first = Conditions::default();
        first.set(ConditionType::Ready, false, Reason::Starting, "wait");
        let first = first.into_status(&[], Some(1), at(10));
        let mut second = Conditions::default();
        second.set(ConditionType::Ready, false, Reason::Unreachable, "still");
        second.set(ConditionType::Paused, false, Reason::Working, "");
        let second = second.into_status(&first, Some(2), at(20));
        let of = |list: &[Condition], kind: &str| -> (String, i64, Option<i64>) {
            let found = list.iter().find(|c| c.type_ == kind).unwrap();
            let time = found.last_transition_time.0.as_second();
            (found.reason.clone(), time, found.observed_generation)
        };
        assert_eq!(of(&second, "Ready"), ("Unreachable".into(), 10, Some(2)));
        assert_eq!(of(&second, "Paused"), ("Working".into(), 20, Some(2)));
        // Nobody looked at it since.
        assert_eq!(of(&second, "RedisReady"), ("Pending".into(), 10, Some(1)));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut all = Conditions::unknown();
        all.set(
            ConditionType::RedisReady,
            true,
            Reason::Formed,
            "16384 slots",
        );
        let written = all.clone().into_status(&[], None, at(0));
        assert_eq!(Conditions::of_status(&written), all);
    }

    #[test]
    fn every_word_is_described() {
        for reason in Reason::ALL {
            assert!(reason.describe().ends_with('.'), "{reason}");
        }
        assert_eq!(
            ConditionType::Ready.describe(),
            "Customers are served, be it by an earlier manifest."
        );
    }
}
