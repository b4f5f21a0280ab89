//! When a shop is looked at: watches, the queue, back-off.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures_util::stream::{BoxStream, select_all};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use kube::api::{Api, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::controller::{self, Action, ReconcileRequest};
use kube::runtime::events::EventType;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{
    Predicate as _, PredicateConfig, WatchStreamExt as _, applier, predicates, watcher,
};
use kube::{Client, Resource as _, ResourceExt as _};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::backup;
use crate::context::Context;
use crate::crds::{ShopBackup, ShopRestore, WhatsAppShop};
use crate::kinds::{self, ChildKind};
use crate::lanes::Lanes;
use crate::live::KnownShop;
use crate::shop::dereference::MANAGED_BY;
use crate::shop::names::{COMPONENT, INSTANCE};
use crate::shop::{self, Outcome};

/// Triggers that come this close are one look.
const DEBOUNCE: Duration = Duration::from_millis(80);
/// Longest look at one shop; whatever hangs is given up then.
const LOOK: Duration = Duration::from_secs(90);

/// How often it is tried to tell that a shop is missing.
const ORPHAN_TRIES: u32 = 5;
/// Pause between two tries; it grows by itself.
const ORPHAN_PAUSE: Duration = Duration::from_secs(2);

/// Objects that a watch reads at once when it begins; more would be in memory together.
const PAGE: u32 = 50;

/// Triggers of a queue.
type Triggers = BoxStream<'static, Result<ReconcileRequest<KnownShop>, watcher::Error>>;

/// Which shops are looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the cluster.
    Cluster,
    /// Those of some namespaces.
    Namespaces(Vec<String>),
}

/// A look that failed. The cause is logged where it happens.
#[derive(Debug, thiserror::Error)]
#[error("the look at the shop failed")]
pub struct LookFailed(#[source] anyhow::Error);

/// Looks after the shops of `scope` until dropped, at most `at_once` at a time.
pub async fn run(ctx: Arc<Context>, scope: Scope, at_once: usize) {
    let lanes = Arc::new(Lanes::new(at_once));
    let namespaces = match scope {
        Scope::Cluster => vec![None],
        Scope::Namespaces(names) => names.into_iter().map(Some).collect(),
    };
    info!(?namespaces, at_once, "looking after shops");
    let queues = namespaces
        .into_iter()
        .map(|namespace| queue(ctx.clone(), namespace, lanes.clone()));
    futures_util::future::join_all(queues).await;
}

/// The queue of one namespace, or of the cluster.
async fn queue(ctx: Arc<Context>, namespace: Option<String>, lanes: Arc<Lanes>) {
    let (store, writer) = reflector::store::<KnownShop>();
    let namespace = namespace.as_deref();
    let metrics = ctx.metrics.clone();
    let shops = watcher(api(&ctx.client, namespace), watching())
        .default_backoff()
        .map_ok(known)
        .reflect(writer)
        .applied_objects()
        // A status that we wrote ourselves is no reason to look again.
        .predicate_filter(
            predicates::generation.combine(predicates::annotations),
            PredicateConfig::default(),
        )
        .map_ok(move |shop| {
            let namespace = shop.namespace().unwrap_or_default();
            metrics.awaits_look(&namespace, &shop.name_any());
            ReconcileRequest::from(ObjectRef::from_obj(&shop))
        })
        .boxed();
    let mut triggers = related(&ctx, namespace, &store);
    triggers.push(shops);
    // All that are due stand in our own queue, which knows two lanes.
    let config = controller::Config::default().debounce(DEBOUNCE);
    let looks = applier(
        move |shop, ctx| {
            let lanes = lanes.clone();
            let span = info_span!(
                "shop",
                shop.name = shop.name_any(),
                shop.namespace = shop.namespace()
            );
            Spawned(tokio::spawn(turn(shop, ctx, lanes).instrument(span)))
        },
        |shop, _: &LookFailed, ctx: Arc<Context>| {
            Action::requeue(ctx.back_off(&shop.uid().unwrap_or_default()))
        },
        ctx.clone(),
        store,
        select_all(triggers),
        config,
    );
    let mut looks = pin!(looks);
    let mut orphans = JoinSet::new();
    while let Some(looked) = looks.next().await {
        match looked {
            Ok(_) | Err(controller::Error::ReconcilerFailed(..)) => {}
            Err(controller::Error::ObjectNotFound(gone)) => {
                let namespace = gone.namespace.clone().unwrap_or_default();
                ctx.metrics.forget(&namespace, &gone.name);
                while orphans.try_join_next().is_some() {}
                let ctx = ctx.clone();
                orphans.spawn(async move { told_orphans(&ctx, &namespace, &gone.name).await });
            }
            Err(controller::Error::QueueError(error)) => {
                warn!(%error, "a watch was interrupted");
            }
            Err(controller::Error::RunnerError(error)) => error!(%error, "the queue failed"),
        }
    }
}

/// Tells backups and restores that their shop does not exist. No watch tells of it again, so that
/// it is tried a few times.
async fn told_orphans(ctx: &Context, namespace: &str, shop: &str) {
    for tried in 0..ORPHAN_TRIES {
        match backup::tell_orphans(&ctx.client, namespace, shop).await {
            Ok(()) => return,
            Err(error) => warn!(%error, shop.name = shop, "cannot tell that a shop is missing"),
        }
        tokio::time::sleep(ORPHAN_PAUSE * (tried + 1)).await;
    }
}

/// A look on the runtime's own threads, which ends when nobody waits for it any more.
struct Spawned(JoinHandle<Result<Action, LookFailed>>);

impl Future for Spawned {
    type Output = Result<Action, LookFailed>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        let joined = std::task::ready!(pin!(&mut self.0).poll(context));
        let failed = |error: JoinError| Err(LookFailed(error.into()));
        std::task::Poll::Ready(joined.unwrap_or_else(failed))
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One look at a shop, when it is its turn.
async fn turn(
    shop: Arc<KnownShop>,
    ctx: Arc<Context>,
    lanes: Arc<Lanes>,
) -> Result<Action, LookFailed> {
    let uid = shop.uid().unwrap_or_default();
    let look = || look(&shop, &ctx, &uid);
    let looked = lanes.turn(&uid, ctx.metrics.queue(), look).await;
    if matches!(&looked, Ok(action) if *action == Action::await_change()) {
        lanes.forget(&uid);
    }
    looked
}

/// One look at a shop: bounded, counted, logged.
async fn look(shop: &KnownShop, ctx: &Context, uid: &str) -> Result<Action, LookFailed> {
    let _running = ctx.metrics.begin();
    let began = Instant::now();
    // On the heap, and only once it begins: thousands may wait.
    let looked = contained(LOOK, Box::pin(shop::reconcile(shop.meta(), ctx))).await;
    let (outcome, result) = match looked {
        Ok(Outcome::Settled(pause)) => {
            ctx.well(uid);
            ("settled", Ok(Action::requeue(pause)))
        }
        Ok(Outcome::Working(pause)) => {
            ctx.well(uid);
            ("working", Ok(Action::requeue(pause)))
        }
        Ok(Outcome::Polling(most)) => {
            let pause = ctx.back_off(uid).min(most);
            ("waiting", Ok(Action::requeue(pause)))
        }
        Ok(Outcome::Waiting) => ("waiting", Ok(Action::requeue(ctx.back_off(uid)))),
        Ok(Outcome::Gone) => {
            ctx.well(uid);
            ("gone", Ok(Action::await_change()))
        }
        Err(error) if error.is::<Panicked>() => {
            error!(%error, "the look at a shop panicked");
            let about = shop.object_ref(&());
            let note = "the operator failed at this shop by a fault of its own; \
                it tries again, and its log says where";
            ctx.tell(&about, EventType::Warning, "LookFailed", note)
                .await;
            ("panicked", Err(LookFailed(error)))
        }
        Err(error) => {
            warn!(error = format!("{error:#}"), "the look at a shop failed");
            ("failed", Err(LookFailed(error)))
        }
    };
    let metrics = &ctx.metrics;
    metrics.reconciled("WhatsAppShop", outcome, began.elapsed());
    let namespace = shop.namespace().unwrap_or_default();
    if outcome == "gone" {
        // Nothing may ask for it ever again.
        metrics.forget(&namespace, &shop.name_any());
    } else {
        metrics.looked(&namespace, &shop.name_any());
    }
    result
}

/// A fault of ours at one shop.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

/// Gives up what hangs, and keeps a panic to the shop that caused it.
async fn contained(
    limit: Duration,
    looking: impl Future<Output = Result<Outcome>>,
) -> Result<Outcome> {
    let looking = AssertUnwindSafe(looking).catch_unwind();
    match tokio::time::timeout(limit, looking).await {
        Ok(Ok(looked)) => looked,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Panicked(text.unwrap_or_default()).into())
        }
        Err(_) => Err(anyhow!("the look took over {limit:?}")),
    }
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn watching() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// Shops stay in memory: of each what is needed between two looks.
fn known(event: watcher::Event<WhatsAppShop>) -> watcher::Event<KnownShop> {
    use watcher::Event;
    match event {
        Event::Apply(shop) => Event::Apply(KnownShop::of(&shop)),
        Event::Delete(shop) => Event::Delete(KnownShop::of(&shop)),
        Event::Init => Event::Init,
        Event::InitApply(shop) => Event::InitApply(KnownShop::of(&shop)),
        Event::InitDone => Event::InitDone,
    }
}

/// Everything else whose change is a reason to look at a shop. Nothing of it is kept in memory.
fn related(ctx: &Context, namespace: Option<&str>, store: &Store<KnownShop>) -> Vec<Triggers> {
    let client = &ctx.client;
    let known = *ctx.kinds.borrow();
    let mut triggers: Vec<Triggers> = Vec::new();
    for kind in kinds::children(known) {
        if kind.kind == kinds::SECRET.kind {
            continue;
        }
        let claims = kind.kind == "PersistentVolumeClaim";
        let labels = if claims { INSTANCE } else { MANAGED_BY };
        let config = watching().labels(labels);
        triggers.push(children(client, namespace, kind, config));
    }
    let redis = watching().labels(&format!("{MANAGED_BY},{COMPONENT}=redis"));
    triggers.push(children(client, namespace, kinds::POD, redis));
    triggers.push(secrets(client, namespace, store.clone()));
    let backups = watcher(api::<ShopBackup>(client, namespace), watching());
    triggers.push(mapped(backups, |backup| {
        shop_of(
            backup.meta().namespace.as_deref(),
            Some(&backup.spec.shop_ref.name),
        )
    }));
    let restores = watcher(api::<ShopRestore>(client, namespace), watching());
    triggers.push(mapped(restores, |restore| {
        shop_of(
            restore.meta().namespace.as_deref(),
            Some(&restore.spec.shop_ref.name),
        )
    }));
    triggers
}

type Metadata = PartialObjectMeta<DynamicObject>;

fn metadata_api(client: &Client, namespace: Option<&str>, kind: ChildKind) -> Api<Metadata> {
    let resource = kind.resource();
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

fn children(
    client: &Client,
    namespace: Option<&str>,
    kind: ChildKind,
    config: watcher::Config,
) -> Triggers {
    let changes = watcher(metadata_api(client, namespace, kind), config);
    mapped(changes, |object: Metadata| {
        shop_of(
            object.meta().namespace.as_deref(),
            object.labels().get(INSTANCE),
        )
    })
}

/// Secrets that we made, and those that manifests name.
fn secrets(client: &Client, namespace: Option<&str>, store: Store<KnownShop>) -> Triggers {
    let api = metadata_api(client, namespace, kinds::SECRET);
    let changes = watcher(api, watching());
    mapped(changes, move |secret: Metadata| {
        let owner = shop_of(
            secret.meta().namespace.as_deref(),
            secret.labels().get(INSTANCE),
        );
        let name = secret.name_any();
        let names_it =
            |shop: &KnownShop| shop.names_secret(secret.meta().namespace.as_deref(), &name);
        let users = store.state_filter(names_it).into_iter();
        let users = users.map(|shop| ObjectRef::from_obj(shop.as_ref()));
        owner.into_iter().chain(users).collect::<Vec<_>>()
    })
}

fn shop_of(namespace: Option<&str>, name: Option<&String>) -> Vec<ObjectRef<KnownShop>> {
    let shop = |name: &String| {
        let shop = ObjectRef::new(name);
        match namespace {
            Some(namespace) => shop.within(namespace),
            None => shop,
        }
    };
    name.into_iter().map(shop).collect()
}

fn mapped<K, S>(
    changes: S,
    shops: impl Fn(K) -> Vec<ObjectRef<KnownShop>> + Send + 'static,
) -> Triggers
where
    K: kube::Resource + Clone + Send + 'static,
    S: Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
{
    controller::trigger_with(changes.default_backoff().touched_objects(), shops).boxed()
}

/// Reads the shop itself: what the queue has may be older than what we wrote.
///
/// # Errors
/// When the API server does not answer.
pub async fn fresh(client: &Client, shop: &ObjectMeta) -> kube::Result<Option<WhatsAppShop>> {
    let namespace = shop.namespace.clone().unwrap_or_default();
    let api: Api<WhatsAppShop> = Api::namespaced(client.clone(), &namespace);
    let name = shop.name.as_deref().unwrap_or_default();
    let mut now = api.get_opt(name).await?.filter(|now| now.uid() == shop.uid);
    if let Some(now) = &mut now {
        now.metadata.managed_fields = None;
    }
    Ok(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failed_look_and_no_more() {
        let panics = async { panic!("slot 7 has no owner") };
        let failed = contained(LOOK, panics).await.unwrap_err();
        assert!(failed.is::<Panicked>());
        assert_eq!(failed.to_string(), "panicked: slot 7 has no owner");
        let outside = Spawned(tokio::spawn(async { panic!("before the look") }));
        assert!(outside.await.is_err());
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_given_up() {
        let limit = Duration::from_millis(1);
        let failed = contained(limit, std::future::pending()).await;
        assert_eq!(failed.unwrap_err().to_string(), "the look took over 1ms");
    }
}
