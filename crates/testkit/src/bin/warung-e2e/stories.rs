//! Drills of more than one step: what a person does wrong or does on purpose while the shop sells,
//! what the conditions say of it, and how it is put right.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bed::{Bed, SHOPS};
use crate::drills::{MIDDLE, WHOLE_LIMIT, all_pods_ready, first_bot, first_primary};
use crate::shop::{NAME, condition, holds};

/// How long it may take until a condition names what is wrong.
const SAID_LIMIT: Duration = Duration::from_mins(1);
/// What a person writes into the Secret.
const ANOTHER_PASSWORD: &str = "satu-sandi-yang-lain";
/// Names of what is not there.
const NO_SECRET: &str = "no-such-secret";
const NO_IMAGE: &str = "localhost/warung-bot:no-such-tag";

/// What is played.
#[derive(Clone, Copy)]
pub(crate) enum Story {
    /// The password of Redis is replaced as docs/guides/upgrade.md says.
    Password,
    /// The manifest names a Secret that is not there; meanwhile a bot and a Redis primary die.
    BrokenManifest,
    /// The manifest names an image of the bot that is not there.
    WrongImage,
}

impl Story {
    /// Plays it, with the operator killed in the middle. That the shop is whole again is looked at
    /// by whoever called.
    pub(crate) async fn play(self, bed: &Bed) -> Result<()> {
        match self {
            Self::Password => another_password(bed).await,
            Self::BrokenManifest => broken_manifest(bed).await,
            Self::WrongImage => wrong_image(bed).await,
        }
    }
}

async fn another_password(bed: &Bed) -> Result<()> {
    let (kept, access) = (format!("{NAME}-redis"), format!("{NAME}-redis-access"));
    let old = password(&bed.get("secret", &access).await?)?;
    let nodes = bed.list("pods", REDIS).await?.len();
    let change = json!({"stringData": {"password": ANOTHER_PASSWORD}});
    bed.patch("secret", &kept, &change).await?;
    tokio::time::sleep(MIDDLE).await;
    bed.kill_operator().await?;
    bed.until("the old password is dropped", WHOLE_LIMIT, async || {
        let now = bed.get("secret", &access).await?;
        ensure!(password(&now)? == ANOTHER_PASSWORD, "the old one is used");
        let before = &now["data"]["previous-password"];
        ensure!(before.is_null(), "the old one is accepted");
        // What nodes accept they read when they start: each is replaced once more.
        let pods = names(&bed.list("pods", REDIS).await?)?;
        ensure!(pods.len() == nodes, "{} nodes of {nodes}", pods.len());
        for pod in pods {
            let said = ping(bed, &pod, ANOTHER_PASSWORD).await?;
            ensure!(said == "PONG", "{pod} refuses the new password: {said}");
            let said = ping(bed, &pod, &old).await?;
            let refused = said.contains("WRONGPASS");
            ensure!(refused, "{pod} takes the old password: {said}");
        }
        holds(&bed.get("shop", NAME).await?, "RedisReady")
    })
    .await
    .map(drop)
}

fn password(secret: &Value) -> Result<String> {
    let encoded = secret["data"]["password"].as_str();
    let decoded = STANDARD.decode(encoded.context("a Secret without a password")?)?;
    Ok(String::from_utf8(decoded)?)
}

/// What a node answers to somebody with that password.
async fn ping(bed: &Bed, pod: &str, password: &str) -> Result<String> {
    let exec = ["exec", "-n", SHOPS, pod, "--"];
    let ping = ["redis-cli", "--no-auth-warning", "-e", "--user", "warung"];
    let words = ["--pass", password, "PING"];
    let arguments = exec.into_iter().chain(ping).chain(words);
    // A refusal is an answer too.
    let answer = bed.kubectl.run(arguments).await;
    Ok(answer.unwrap_or_else(|refusal| format!("{refusal:#}")))
}

async fn broken_manifest(bed: &Bed) -> Result<()> {
    let secret =
        |name: &Value| json!({"spec": {"whatsapp": {"cloud": {"secretRef": {"name": name}}}}});
    let shop = bed.get("shop", NAME).await?;
    let good = shop["spec"]["whatsapp"]["cloud"]["secretRef"]["name"].clone();
    let bots = bots(bed).await?;
    bed.patch("shop", NAME, &secret(&json!(NO_SECRET))).await?;
    said(bed, "SecretsFound", NO_SECRET).await?;
    bed.kill_operator().await?;
    let dead = [first_bot(bed).await?, first_primary(bed).await?];
    let before = pods(bed).await?;
    for pod in &dead {
        bed.kill_one(pod).await?;
    }
    bed.until("the dead come back", WHOLE_LIMIT, async || {
        ensure!(pods(bed).await? == before, "a pod is not back yet");
        all_pods_ready(bed).await?;
        let shop = bed.get("shop", NAME).await?;
        holds(&shop, "RedisReady")?;
        holds(&shop, "RedisDataSafe")
    })
    .await?;
    ensure!(self::bots(bed).await? == bots, "the bots were changed");
    bed.patch("shop", NAME, &secret(&good)).await
}

/// The migration of an image comes before its bots, so that a wrong one never reaches them.
async fn wrong_image(bed: &Bed) -> Result<()> {
    let image = |name: &Value| json!({"spec": {"bot": {"image": name}}});
    let good = bed.get("shop", NAME).await?["spec"]["bot"]["image"].clone();
    let bots = bots(bed).await?;
    bed.patch("shop", NAME, &image(&json!(NO_IMAGE))).await?;
    said(bed, "MigrationsApplied", &format!("of image {NO_IMAGE}")).await?;
    bed.kill_operator().await?;
    ensure!(self::bots(bed).await? == bots, "the bots were changed");
    bed.patch("shop", NAME, &image(&good)).await
}

/// Waits until a condition is false and its message names `thing`.
async fn said(bed: &Bed, kind: &str, thing: &str) -> Result<()> {
    bed.until("a condition names what is wrong", SAID_LIMIT, async || {
        let shop = bed.get("shop", NAME).await?;
        let found = condition(&shop, kind)?;
        let message = found["message"].as_str().unwrap_or_default();
        let names_it = found["status"] == "False" && message.contains(thing);
        ensure!(names_it, "{kind} is {}: {message}", found["status"]);
        Ok(())
    })
    .await
    .map(drop)
}

const REDIS: &str = "app.kubernetes.io/component=redis";

/// What the Deployment of the bots was last told.
async fn bots(bed: &Bed) -> Result<Value> {
    let deployment = bed.get("deployment", &format!("{NAME}-bot")).await?;
    Ok(deployment["metadata"]["generation"].clone())
}

/// How many bots there are, and which nodes of Redis.
async fn pods(bed: &Bed) -> Result<(usize, Vec<String>)> {
    let bots = bed.list("pods", "app.kubernetes.io/component=bot").await?;
    let mut redis = names(&bed.list("pods", REDIS).await?)?;
    redis.sort_unstable();
    Ok((bots.len(), redis))
}

fn names(pods: &[Value]) -> Result<Vec<String>> {
    let name = |pod: &Value| pod["metadata"]["name"].as_str().map(str::to_owned);
    let names = pods.iter().map(name).collect::<Option<_>>();
    names.context("a pod without a name")
}
