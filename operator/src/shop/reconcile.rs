//! One look at a shop: read, judge, build, write, tell.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use kube::runtime::events::EventType;
use kube::{Resource as _, ResourceExt as _};

use super::dereference::dereference;
use super::names::{COMPONENT, INSTANCE};
use super::{Child, Found, Progress, apply, status};
use crate::conditions::{ConditionType, Conditions, Reason};
use crate::context::Context;
use crate::controller::fresh;
use crate::crds::{WhatsAppShop, WhatsAppShopStatus};

/// Time between two looks at a shop that is well: what no watch tells is seen then.
const RESYNC: Duration = Duration::from_secs(30);

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be; look again after this time.
    Settled(Duration),
    /// Something is under way; look again after this time.
    Working(Duration),
    /// Somebody has to mend something first; look again after a growing pause.
    Waiting,
    /// There is no such shop any more.
    Gone,
}

/// Looks at a shop and does what is due.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub async fn reconcile(shop: &WhatsAppShop, ctx: &Context) -> Result<Outcome> {
    let Some(mut shop) = fresh(&ctx.client, shop).await.context("read the shop")? else {
        return Ok(Outcome::Gone);
    };
    if shop.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Gone);
    }
    if shop
        .status
        .as_ref()
        .is_none_or(|status| status.conditions.is_empty())
    {
        shop = first_visit(ctx, &shop).await?;
    }
    let known = *ctx.kinds.borrow();
    let found = dereference(&ctx.client, &shop, known)
        .await
        .context("read what belongs to the shop")?;
    let mut look = Look {
        ctx,
        shop: &shop,
        found,
        conditions: Conditions::default(),
        status: shop.status.clone().unwrap_or_default(),
        progress: Progress::default(),
    };
    let outcome = look.act().await?;
    look.tell().await?;
    Ok(outcome)
}

/// Every condition is `Unknown` before anything else is said.
async fn first_visit(ctx: &Context, shop: &WhatsAppShop) -> Result<WhatsAppShop> {
    let generation = shop.metadata.generation;
    let status = WhatsAppShopStatus {
        conditions: Conditions::unknown().into_status(&[], generation, Timestamp::now()),
        ..shop.status.clone().unwrap_or_default()
    };
    let written = status::patch(ctx, shop, &status).await;
    written.context("write the first status")
}

struct Look<'a> {
    ctx: &'a Context,
    shop: &'a WhatsAppShop,
    found: Found,
    conditions: Conditions,
    status: WhatsAppShopStatus,
    progress: Progress,
}

impl Look<'_> {
    async fn act(&mut self) -> Result<Outcome> {
        if self.shop.spec.paused {
            let message = "spec.paused is set: nothing is created, changed or healed";
            self.conditions
                .set(ConditionType::Paused, true, Reason::AskedToPause, message);
            return Ok(Outcome::Settled(RESYNC));
        }
        let message = "the operator looks after the shop";
        self.conditions
            .set(ConditionType::Paused, false, Reason::Working, message);
        let wanted = self.wanted();
        let applied = apply::apply(self.ctx, self.shop, &self.found, &wanted)
            .await
            .context("write the children")?;
        for change in &applied.foreign {
            let about = self.shop.object_ref(&());
            self.ctx
                .tell(&about, EventType::Warning, "ForeignChange", &change.note())
                .await;
        }
        self.conditions.merge(applied.condition());
        if applied.problems.is_empty() {
            Ok(Outcome::Settled(RESYNC))
        } else {
            Ok(Outcome::Waiting)
        }
    }

    /// Stands in for validate and build.
    fn wanted(&self) -> Vec<Child> {
        let name = self.shop.name_any();
        let labels = |component: &str| {
            serde_json::json!({
                "app.kubernetes.io/name": "warung", INSTANCE: name, COMPONENT: component,
                "app.kubernetes.io/managed-by": "warung-operator",
            })
        };
        vec![
            Child::from_json::<k8s_openapi::api::core::v1::ServiceAccount>(serde_json::json!({
                "metadata": {"name": format!("{name}-bot"), "labels": labels("bot")},
                "automountServiceAccountToken": false,
            })),
            Child::from_json::<k8s_openapi::api::core::v1::ConfigMap>(serde_json::json!({
                "metadata": {"name": format!("{name}-bot"), "labels": labels("bot")},
                "data": {"SHOP_NAME": self.shop.spec.shop.display_name},
            })),
        ]
    }

    /// Sums up and writes the status.
    async fn tell(mut self) -> Result<()> {
        let trouble = status::pod_trouble(self.ctx, self.shop, &self.found).await;
        let trouble = trouble.context("read the bots' pods")?;
        let bots = status::bot_available(&self.found, self.progress.held, trouble);
        self.conditions.merge(bots);
        let said = self.shop.status.clone().unwrap_or_default();
        let before = Conditions::of_status(&said.conditions);
        let mut all = before.clone();
        all.merge(self.conditions);
        status::sum_up(&mut all, &before);
        let count = status::bots(&self.found);
        self.status.replicas = i32::try_from(count.existing).unwrap_or(i32::MAX);
        self.status.bots = Some(format!("{}/{}", count.available, count.wanted));
        let name = self.shop.name_any();
        self.status.selector = Some(format!("{INSTANCE}={name},{COMPONENT}=bot"));
        let now = Timestamp::now();
        let written = status::write(self.ctx, self.shop, all, self.status, now).await;
        written.context("write the status")
    }
}
