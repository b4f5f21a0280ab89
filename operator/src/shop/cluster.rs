//! The shop's Redis Cluster: looked at, kept in order, told about.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Preconditions};
use serde_json::Value;
use tracing::{info, warn};

use super::names::{Names, SHARD};
use super::rotation::Passwords;
use super::{Credentials, Defaults, Found, Progress, Validated, status, stuck};
use crate::conditions::{ConditionType, Conditions, Reason, Truth};
use crate::context::Context;
use crate::crds::{
    ManagedRedis, RedisShardStatus, RedisStatus, SecretKeyRef, WhatsAppShop, WhatsAppShopStatus,
};
use crate::redis::external::{External, Unfit};
use crate::redis::{self, Desired, Memory, Plan, Report, SLOTS, Size, Verdict, config};

/// Port of the nodes.
const PORT: u16 = 6379;
/// How long one look at a shop goes on changing its Redis Cluster before it sees to the rest.
const ROUND: Duration = Duration::from_secs(10);

/// What came of a look at Redis.
#[derive(Default)]
pub struct Looked {
    /// `RedisReady` and `RedisDataSafe`.
    pub conditions: Conditions,
    /// When to look again, where that is soon.
    pub again: Option<Duration>,
}

/// Looks at a Redis Cluster that somebody else runs.
pub async fn external(shop: &Validated, found: &Found) -> Looked {
    let mut looked = Looked::default();
    let text = |reference: &SecretKeyRef| {
        let secret = found.secrets.get(&reference.name)?.as_ref()?;
        std::str::from_utf8(secret.get(&reference.key)?).ok()
    };
    let wanted = shop.spec.redis.external.as_ref();
    let value = wanted.and_then(|wanted| text(&wanted.secret_ref));
    let reference = wanted.and_then(|wanted| wanted.ca_secret_ref.as_ref());
    let authority = reference.map(|reference| text(reference).unwrap_or_default());
    // `SecretsFound` says so where it is missing; nobody can look then.
    let Some(value) = value else {
        return looked;
    };
    let urls: Vec<String> = value.split(',').map(|url| url.trim().to_owned()).collect();
    let (ready, safe) = (ConditionType::RedisReady, ConditionType::RedisDataSafe);
    match redis::external::verify(&urls, None, authority).await {
        Ok(External {
            primaries,
            bare_primaries,
        }) => {
            let message = format!("{primaries} primaries serve all {SLOTS} slots");
            looked.conditions.set(ready, true, Reason::Formed, message);
            if bare_primaries == 0 {
                let message = "every primary has a replica";
                looked.conditions.set(safe, true, Reason::Synced, message);
            } else {
                let message = format!("{bare_primaries} primaries have no replica");
                looked
                    .conditions
                    .set(safe, false, Reason::Unsynced, message);
            }
        }
        Err(unfit) => {
            let reason = reason_of_unfit(&unfit);
            let message = unfit.to_string();
            looked.conditions.set(ready, false, reason, message);
        }
    }
    looked
}

fn reason_of_unfit(unfit: &Unfit) -> Reason {
    match unfit {
        Unfit::Address(_) | Unfit::Authority(_) => Reason::ValueInvalid,
        Unfit::Untrusted(_) => Reason::TlsFailed,
        Unfit::Unreachable(_) | Unfit::PrimaryUnreachable(_) => Reason::Unreachable,
        Unfit::Refused(_) => Reason::AuthenticationFailed,
        Unfit::NotACluster(_) => Reason::NotACluster,
        Unfit::SlotsMissing(_) => Reason::SlotsMissing,
        Unfit::TooFewPrimaries(_) => Reason::TooFewPrimaries,
    }
}

/// Keeps the managed Redis Cluster in order: looks, decides, acts, and again while there is
/// something to do. What must be remembered is written into the shop's status before anything is
/// done.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub async fn managed(
    ctx: &Context,
    shop: &mut WhatsAppShop,
    wanted: &Wanted,
    found: &Found,
    progress: &mut Progress,
) -> Result<Looked> {
    let Wanted { desired, passwords } = wanted;
    let other = passwords.previous.as_ref().or(passwords.next.as_ref());
    let login = login(&passwords.used, other);
    let began = Instant::now();
    loop {
        let listed = status::pods(ctx, shop, "redis").await;
        let listed = listed.context("read the pods of Redis")?;
        let pods: Vec<_> = listed
            .iter()
            .filter_map(|pod| node_of(pod, found))
            .collect();
        let seen = redis::observe(&pods, &login).await;
        let memory = memory_of(shop);
        let plan = redis::plan(desired, &seen, memory, Timestamp::now());
        let answered = seen.iter().any(|one| one.view.is_ok());
        remember(ctx, shop, &plan).await?;
        let lead = || ctx.leadership.check().map_err(anyhow::Error::from);
        if let Err(error) = redis::act(&plan.steps, &login, &lead).await {
            // The next pass looks again and decides anew.
            ctx.leadership.check()?;
            warn!(error = format!("{error:#}"), "a change of Redis failed");
        }
        delete(ctx, shop, &plan).await?;
        let pause = plan.verdict.pause();
        let acting = matches!(plan.verdict, Verdict::Acting(_));
        if acting && began.elapsed() < ROUND {
            tokio::time::sleep(pause.unwrap_or_default()).await;
            continue;
        }
        if let Some(next) = &passwords.next {
            progress.redis_accepts_next = redis::accepted(&pods, &self::login(next, None)).await;
        }
        progress.redis_empty_shards = plan.report.empty_shards.iter().copied().collect();
        let shrinkable = plan.report.shards.iter().filter(|shard| shard.shrinkable);
        progress.redis_shrinkable = shrinkable.map(|shard| shard.shard).collect();
        let mut conditions = conditions(&plan.report);
        name_what_hinders(&mut conditions, &listed, Timestamp::now());
        return Ok(Looked {
            conditions,
            // Where no node answers nothing can be done: its pods tell when they change.
            again: pause.filter(|_| answered),
        });
    }
}

fn login(password: &str, other: Option<&String>) -> redis::Credentials {
    redis::Credentials {
        user: config::USER.to_owned(),
        password: password.to_owned(),
        other: other.cloned(),
    }
}

/// What the managed Redis Cluster should be, and how it is entered.
pub struct Wanted {
    desired: Desired,
    passwords: Passwords,
}

impl Wanted {
    /// As the manifest says; `None` where Redis is somebody else's.
    pub fn of(valid: &Validated, credentials: &Credentials, found: &Found) -> Option<Self> {
        let managed = valid.spec.redis.managed.as_ref()?;
        let password = credentials.redis_password.as_ref()?;
        let told = found.child("Secret", &valid.names.redis_access());
        let size = Size {
            shards: usize::try_from(managed.shards).unwrap_or(0),
            replicas_per_shard: usize::try_from(managed.replicas_per_shard).unwrap_or(0),
        };
        Some(Self {
            desired: desired(size, managed),
            passwords: Passwords::read(password, told),
        })
    }

    /// As the manifest said when it last made sense; `None` where nothing runs.
    pub fn running(shop: &WhatsAppShop, found: &Found, defaults: &Defaults) -> Option<Self> {
        let managed = shop.spec.redis.managed.as_ref()?;
        let namespace = shop.namespace().unwrap_or_default();
        let names = Names::new(&shop.name_any(), &namespace, defaults);
        let told = found.child("Secret", &names.redis_access())?;
        Some(Self {
            desired: desired(memory_of(shop).wanted?, managed),
            passwords: Passwords::told(told)?,
        })
    }
}

fn desired(size: Size, managed: &ManagedRedis) -> Desired {
    Desired {
        shards: size.shards,
        replicas_per_shard: size.replicas_per_shard,
        node_timeout: config::NODE_TIMEOUT,
        acknowledged_loss: managed.acknowledge_data_loss,
    }
}

fn node_of(pod: &Pod, found: &Found) -> Option<redis::Pod> {
    let name = pod.name_any();
    let (set, ordinal) = name.rsplit_once('-')?;
    let status = pod.status.as_ref();
    let conditions = status
        .and_then(|s| s.conditions.as_deref())
        .unwrap_or_default();
    let set = found.child("StatefulSet", set);
    let newest = set.and_then(|set| {
        let seen = set["status"]["observedGeneration"] == set["metadata"]["generation"];
        set["status"]["updateRevision"].as_str().filter(|_| seen)
    });
    let revision = pod.labels().get("controller-revision-hash");
    Some(redis::Pod {
        uid: pod.uid()?,
        ip: status.and_then(|s| s.pod_ip.as_ref()?.parse().ok()),
        port: PORT,
        bus_port: None,
        shard: pod.labels().get(SHARD)?.parse().ok()?,
        ordinal: ordinal.parse().ok()?,
        ready: conditions
            .iter()
            .any(|c| c.type_ == "Ready" && c.status == "True"),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        outdated: newest.is_some_and(|newest| revision.is_some_and(|r| r != newest)),
        name,
    })
}

fn memory_of(shop: &WhatsAppShop) -> Memory {
    let redis = shop
        .status
        .as_ref()
        .and_then(|status| status.redis.as_ref());
    let Some(redis) = redis else {
        return Memory::default();
    };
    let fields = redis.memory.clone().into_iter().collect();
    serde_json::from_value(Value::Object(fields)).unwrap_or_else(|error| {
        warn!(%error, "what was remembered of Redis cannot be read and is found out anew");
        Memory::default()
    })
}

/// Writes down what the plan must find again, and what is said of the shards.
async fn remember(ctx: &Context, shop: &mut WhatsAppShop, plan: &Plan) -> Result<()> {
    let memory: BTreeMap<String, Value> = match serde_json::to_value(&plan.memory)? {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let before = shop.status.clone().unwrap_or_default();
    let mut redis = told(&plan.report);
    redis.memory = memory;
    if before.redis.as_ref() == Some(&redis) {
        return Ok(());
    }
    let status = WhatsAppShopStatus {
        redis: Some(redis),
        ..before
    };
    let written = status::patch(ctx, shop, &status).await;
    *shop = written.context("remember what is done to Redis")?;
    Ok(())
}

fn told(report: &Report) -> RedisStatus {
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let shard = |shard: &redis::ShardReport| RedisShardStatus {
        primary: shard.primary.clone(),
        slots: number(shard.slots),
        synced_replicas: number(shard.synced),
    };
    RedisStatus {
        slots: number(report.slots_covered),
        shards: report.shards.iter().map(shard).collect(),
        losses: report.losses,
        memory: BTreeMap::new(),
    }
}

async fn delete(ctx: &Context, shop: &WhatsAppShop, plan: &Plan) -> Result<()> {
    let namespace = shop.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
    for pod in &plan.delete {
        let same = Preconditions {
            uid: Some(pod.uid.clone()),
            resource_version: None,
        };
        let params = DeleteParams::default().preconditions(same);
        match api.delete(&pod.name, &params).await {
            Ok(_) => info!(pod.name, "replaces a pod of Redis"),
            // It is another one already.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error).context("replace a pod of Redis"),
        }
    }
    Ok(())
}

fn conditions(report: &Report) -> Conditions {
    let mut conditions = Conditions::default();
    let findings = &report.findings;
    let worse = findings
        .data_loss
        .as_ref()
        .or(findings.roll_blocked.as_ref());
    let (ready, mut found) = (findings.ready.0, &findings.ready.1);
    if let Some(worse) = worse {
        found = worse;
    }
    let reason = reason_of(found.reason, report.formed);
    let kind = ConditionType::RedisReady;
    conditions.set(kind, ready, reason, found.message.as_str());
    let (safe, found) = &findings.data_safe;
    let reason = match found.reason {
        // `RedisReady` says by it that pods wait to be replaced; here none need to.
        redis::Reason::NoSyncedReplica => redis::Reason::ReplicaSyncing,
        other => other,
    };
    let reason = reason_of(reason, report.formed);
    let kind = ConditionType::RedisDataSafe;
    conditions.set(kind, *safe, reason, found.message.as_str());
    conditions
}

/// Where the cluster waits for a pod that cannot start until a person mends something, that is told
/// in place of the wait.
fn name_what_hinders(conditions: &mut Conditions, pods: &[Pod], now: Timestamp) {
    let hindered = |pod: &Pod| stuck::trouble(pod, &stuck::REDIS, now);
    let Some(trouble) = pods.iter().find_map(hindered) else {
        return;
    };
    let waits = [
        Reason::Forming,
        Reason::Unreachable,
        Reason::Healing,
        Reason::Unsynced,
    ];
    for kind in [ConditionType::RedisReady, ConditionType::RedisDataSafe] {
        let Some(found) = conditions.get(kind) else {
            continue;
        };
        if waits.contains(&found.reason) {
            let message = format!("{}; {}", found.message, trouble.message);
            let truth = found.truth == Truth::True;
            conditions.set(kind, truth, trouble.reason, message);
        }
    }
}

fn reason_of(reason: redis::Reason, formed: bool) -> Reason {
    use redis::Reason as Seen;
    let coming = |healing| if formed { healing } else { Reason::Forming };
    match reason {
        Seen::Settled => Reason::Formed,
        Seen::PodsAway => coming(Reason::Unreachable),
        Seen::ViewsDiffer | Seen::NotServing | Seen::PrimaryAway | Seen::Changing => {
            coming(Reason::Healing)
        }
        Seen::ReplicaSyncing => coming(Reason::Unsynced),
        Seen::Moving => Reason::Resharding,
        Seen::Rolling => Reason::Rolling,
        Seen::DataLoss => Reason::DataLost,
        Seen::SplitCluster => Reason::SplitCluster,
        Seen::StrayKeys => Reason::StrayKeys,
        Seen::MemoryTooSmall => Reason::MemoryTooSmall,
        Seen::NoSyncedReplica => Reason::RollBlocked,
        Seen::NoReplicas => Reason::NoReplicas,
        Seen::AllReplicated => Reason::Synced,
    }
}
