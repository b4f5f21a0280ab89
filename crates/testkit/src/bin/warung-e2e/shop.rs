//! The shop under test, with the sandboxes beside it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use warung_testkit::bot::http_client;
use warung_testkit::console::say;
use warung_testkit::kubernetes::Forward;
use warung_testkit::phone::{Bank, Phone};
use warung_testkit::purchase::{self, Line};

use crate::bed::{Bed, SHOPS};

/// The manifest that is applied.
const SAMPLE: &str = "docs/samples/sandbox-demo.yaml";
/// Its shop.
pub(crate) const NAME: &str = "toko-sari";
/// How long the shop may take from apply to Ready, with its images on the node.
const READY_LIMIT: Duration = Duration::from_mins(2);
/// How long the catalogue's Job may take after that.
const CATALOGUE_LIMIT: Duration = Duration::from_mins(1);

/// The shop under test.
pub(crate) struct Shop {
    http: reqwest::Client,
    whatsapp: Forward,
    midtrans: Forward,
}

impl Shop {
    /// Applies the sample and waits until customers are served; returns how long that took.
    pub(crate) async fn open(bed: &Bed) -> Result<(Self, Duration)> {
        let create = ["create", "namespace", SHOPS];
        bed.kubectl.run(create).await?;
        bed.kubectl.apply(&bed.read(SAMPLE)?, SHOPS).await?;
        let took = bed.until("the shop is ready", READY_LIMIT, async || ready(bed).await);
        let took = took.await?;
        bed.until("the catalogue is loaded", CATALOGUE_LIMIT, async || {
            let job = bed.get("job", "demo-catalogue").await?;
            ensure!(job["status"]["succeeded"] == 1, "{}", job["status"]);
            Ok(())
        })
        .await?;
        let shop = Self {
            http: http_client()?,
            whatsapp: bed
                .kubectl
                .forward(SHOPS, "service/sandbox-whatsapp", 9100)
                .await?,
            midtrans: bed
                .kubectl
                .forward(SHOPS, "service/sandbox-midtrans", 9200)
                .await?,
        };
        Ok((shop, took))
    }

    /// A customer's phone.
    pub(crate) async fn phone(&self, wa_id: &str, name: &str) -> Result<Phone> {
        Phone::of(&self.http, &local(&self.whatsapp), wa_id, name).await
    }

    /// Plays a whole purchase of a customer who is new to the shop; returns how long it took.
    pub(crate) async fn buys(&self, wa_id: &str, aloud: bool) -> Result<Duration> {
        let phone = self.phone(wa_id, "Budi").await?;
        let bank = Bank::new(&self.http, &local(&self.midtrans));
        let begun = Instant::now();
        let mut tell = |line: Line<'_>| {
            if aloud {
                say(&spoken(&line));
            }
        };
        purchase::play(&phone, &bank, &mut tell)
            .await
            .context("buy something")?;
        Ok(begun.elapsed())
    }

    /// Says what a person may do with the running shop.
    pub(crate) fn invite(&self, bed: &Bed) {
        let kubeconfig = bed.kubectl.kubeconfig().display();
        say(&format!(
            "
The shop is open.
  Phone: chat as its customers     {whatsapp}/
  Payments: pay, fail, expire      {midtrans}/

  export KUBECONFIG={kubeconfig}
  kubectl -n {SHOPS} get shops                          the shop at a glance
  kubectl explain whatsappshop.spec                     what a manifest may say
  kubectl -n {SHOPS} describe shop {NAME}               conditions and events
  kubectl -n {SHOPS} scale shop {NAME} --replicas=4     more bots
  kubectl -n {SHOPS} delete pod -l app.kubernetes.io/component=redis   and watch it heal
  docs/guides/ has the rest: backup and restore, upgrade, scaling.

Ctrl-C removes everything.",
            whatsapp = local(&self.whatsapp),
            midtrans = local(&self.midtrans),
        ));
    }
}

fn local(forward: &Forward) -> String {
    format!("http://127.0.0.1:{}", forward.port)
}

fn spoken(line: &Line<'_>) -> String {
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    match line {
        Line::Wrote(text) => format!("    Budi: {text}"),
        Line::Tapped(title) => format!("    Budi: ☝ {title}"),
        Line::Received(message) => format!("    shop: {} …", first(&message.text)),
        Line::Pays(order) => format!("    Budi pays order {order}"),
    }
}

/// Whether the shop is ready, in its present form.
pub(crate) async fn ready(bed: &Bed) -> Result<()> {
    let shop = bed.get("shop", NAME).await?;
    for kind in [
        "Ready",
        "RedisReady",
        "RedisDataSafe",
        "DatabaseReady",
        "BotAvailable",
    ] {
        holds(&shop, kind)?;
    }
    Ok(())
}

/// Whether a condition of an object is true for its present generation.
pub(crate) fn holds(object: &Value, kind: &str) -> Result<()> {
    let condition = condition(object, kind)?;
    ensure!(
        condition["status"] == "True"
            && condition["observedGeneration"] == object["metadata"]["generation"],
        "{kind} is {}: {} {}",
        condition["status"],
        condition["reason"],
        condition["message"]
    );
    Ok(())
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Result<&'a Value> {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .with_context(|| format!("no condition {kind} yet"))
}
