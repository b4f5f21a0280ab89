//! What is broken and changed while customers write, each with the operator killed in the middle.
//! What takes more than one step to play is in [`crate::stories`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use warung_testkit::console::say;

use crate::bed::{Bed, SHOPS};
use crate::load::{Crowd, Tally};
use crate::shop::{NAME, Shop, ready};
use crate::stories::Story;

/// How long the load runs before and after.
const QUIET: Duration = Duration::from_secs(3);
/// When the operator is killed after the drill began.
pub(crate) const MIDDLE: Duration = Duration::from_secs(1);
/// How long the shop may take to be whole again.
pub(crate) const WHOLE_LIMIT: Duration = Duration::from_mins(5);

/// One drill.
pub(crate) struct Drill {
    pub(crate) name: &'static str,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    Upgrade,
    RedisPrimary,
    WholeRedis,
    Bot,
    Bots(i32),
    Shards(i32),
    Story(Story),
}

/// What came of one.
pub(crate) struct Drilled {
    pub(crate) name: &'static str,
    /// From the act until the shop was whole again.
    pub(crate) whole_after: Duration,
    pub(crate) tally: Tally,
}

/// All drills, in order.
pub(crate) fn all() -> Vec<Drill> {
    let drill = |name, act| Drill { name, act };
    vec![
        drill("nothing (for comparison)", Act::Bots(2)),
        drill("bots rolled to a new image", Act::Upgrade),
        drill("one bot killed", Act::Bot),
        drill("bots scaled 2 → 4", Act::Bots(4)),
        drill("bots scaled 4 → 2", Act::Bots(2)),
        drill("a Redis primary killed", Act::RedisPrimary),
        drill("all Redis pods killed at once", Act::WholeRedis),
        drill("Redis shards 3 → 4", Act::Shards(4)),
        drill("Redis shards 4 → 3", Act::Shards(3)),
        drill(
            "a bot image that is not there",
            Act::Story(Story::WrongImage),
        ),
        drill("a manifest that broke", Act::Story(Story::BrokenManifest)),
        drill("another Redis password", Act::Story(Story::Password)),
    ]
}

/// Runs one under load.
pub(crate) async fn run(
    bed: &Bed,
    shop: &Shop,
    crowd: &Arc<Crowd>,
    drill: &Drill,
    rate: u32,
) -> Result<Drilled> {
    say(&format!("drill: {}", drill.name));
    let load = crowd.begin(rate);
    tokio::time::sleep(QUIET).await;
    let begun = Instant::now();
    let outcome = drill.play(bed).await.context(drill.name);
    let whole_after = begun.elapsed();
    tokio::time::sleep(QUIET).await;
    // The load is ended in any case, so that what it counted is seen.
    let tally = load.end().await?;
    outcome?;
    // Numbers of drills differ, so that each customer is new.
    let customer = format!("62814{:08}", begun.elapsed().as_micros() % 100_000_000);
    shop.buys(&customer, false).await?;
    Ok(Drilled {
        name: drill.name,
        whole_after,
        tally,
    })
}

impl Drill {
    /// Until the shop is whole again.
    async fn play(&self, bed: &Bed) -> Result<()> {
        self.act.begin(bed).await?;
        // A story kills the operator in a middle of its own.
        if !matches!(self.act, Act::Story(_)) {
            tokio::time::sleep(MIDDLE).await;
            bed.kill_operator().await?;
        }
        let whole = bed.until(self.name, WHOLE_LIMIT, async || {
            self.act.is_done(bed).await?;
            ready(bed).await
        });
        whole.await.map(drop)
    }
}

impl Act {
    async fn begin(self, bed: &Bed) -> Result<()> {
        let shop = async |spec| bed.patch("shop", NAME, &json!({ "spec": spec })).await;
        match self {
            Self::Upgrade => shop(json!({"bot": {"image": "localhost/warung-bot:next"}})).await,
            Self::Bots(wanted) => {
                let replicas = format!("--replicas={wanted}");
                let arguments = ["scale", "shop", NAME, "-n", SHOPS, &replicas];
                bed.kubectl.run(arguments).await.map(drop)
            }
            Self::Shards(wanted) => shop(json!({"redis": {"managed": {"shards": wanted}}})).await,
            Self::Bot => bed.kill_one(&first_bot(bed).await?).await,
            Self::RedisPrimary => bed.kill_one(&first_primary(bed).await?).await,
            Self::WholeRedis => bed.kill(SHOPS, "app.kubernetes.io/component=redis").await,
            Self::Story(story) => story.play(bed).await,
        }
    }

    /// Whether the change itself has come about; that the shop is ready is looked at besides.
    async fn is_done(self, bed: &Bed) -> Result<()> {
        match self {
            Self::Upgrade => {
                let image = "localhost/warung-bot:next";
                for pod in bed.list("pods", "app.kubernetes.io/component=bot").await? {
                    let runs = &pod["spec"]["containers"][0]["image"];
                    ensure!(runs == image, "a bot runs {runs}");
                }
                Ok(())
            }
            Self::Bots(wanted) => {
                let pods = bed.list("pods", "app.kubernetes.io/component=bot").await?;
                ensure!(
                    pods.len() == usize::try_from(wanted)?,
                    "{} bots",
                    pods.len()
                );
                Ok(())
            }
            Self::Shards(wanted) => {
                let status = &bed.get("shop", NAME).await?["status"]["redis"];
                let shards = status["shards"].as_array().map_or(0, Vec::len);
                ensure!(shards == usize::try_from(wanted)?, "{shards} shards");
                ensure!(status["slots"] == 16384, "{} slots", status["slots"]);
                let sets = bed.list("statefulsets", "app.kubernetes.io/component=redis");
                let sets = sets.await?.len();
                ensure!(sets == usize::try_from(wanted)?, "{sets} StatefulSets");
                Ok(())
            }
            Self::Bot | Self::RedisPrimary | Self::WholeRedis | Self::Story(_) => {
                all_pods_ready(bed).await
            }
        }
    }
}

impl Bed {
    /// Kills a pod without grace.
    pub(crate) async fn kill_one(&self, pod: &str) -> Result<()> {
        let arguments = [
            "delete",
            "pod",
            pod,
            "-n",
            SHOPS,
            "--grace-period=0",
            "--force",
        ];
        self.kubectl.run(arguments).await.map(drop)
    }
}

/// The name of a bot.
pub(crate) async fn first_bot(bed: &Bed) -> Result<String> {
    let pods = bed.list("pods", "app.kubernetes.io/component=bot").await?;
    let name = pods
        .first()
        .and_then(|pod| pod["metadata"]["name"].as_str());
    Ok(name.context("no bot")?.to_owned())
}

/// The pod of the first shard's primary.
pub(crate) async fn first_primary(bed: &Bed) -> Result<String> {
    let shop = bed.get("shop", NAME).await?;
    match shop["status"]["redis"]["shards"][0]["primary"].as_str() {
        Some(pod) => Ok(pod.to_owned()),
        None => bail!("the status names no primary: {}", shop["status"]["redis"]),
    }
}

/// Whether all bots and all nodes of Redis that exist are ready.
pub(crate) async fn all_pods_ready(bed: &Bed) -> Result<()> {
    for component in ["bot", "redis"] {
        let selector = format!("app.kubernetes.io/component={component}");
        for pod in bed.list("pods", &selector).await? {
            let ready = pod["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            ensure!(ready, "{} is not ready", pod["metadata"]["name"]);
        }
    }
    Ok(())
}
