//! One look at a shop: read, judge, build, write, tell.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;
use kube::runtime::events::EventType;
use kube::{Resource as _, ResourceExt as _};

use super::dereference::dereference;
use super::names::{COMPONENT, INSTANCE};
use super::rotation::Passwords;
use super::{Broken, Child, Credentials, Fault, Found, Needs, Past, Progress, RENEW, Validated};
use super::{apply, build, cluster, identity, migration, status, stores, upkeep, validate};
use crate::backup;
use crate::conditions::{ConditionType, Conditions, Finding, Reason, Truth, whole_second};
use crate::context::Context;
use crate::controller::fresh;
use crate::crds::{Endpoints, WhatsAppShop, WhatsAppShopStatus};
use crate::database::Looked;

/// Time between two looks at a shop that is well: what no watch tells is seen then.
const RESYNC: Duration = Duration::from_secs(30);

/// Time between two looks while a restore waits for pods to go, of which no watch tells.
const RESTORING: Duration = Duration::from_secs(2);

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be; look again after this time.
    Settled(Duration),
    /// Something is under way; look again after this time.
    Working(Duration),
    /// A store must come first; look again after a growing pause, at most this.
    Polling(Duration),
    /// Somebody has to mend something first; look again after a growing pause.
    Waiting,
    /// There is no such shop any more.
    Gone,
}

/// Looks at a shop and does what is due.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub async fn reconcile(shop: &ObjectMeta, ctx: &Context) -> Result<Outcome> {
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
        status: shop.status.clone().unwrap_or_default(),
        shop,
        found,
        conditions: Conditions::default(),
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
    shop: WhatsAppShop,
    found: Found,
    conditions: Conditions,
    status: WhatsAppShopStatus,
    progress: Progress,
}

impl Look<'_> {
    async fn act(&mut self) -> Result<Outcome> {
        if self.shop.spec.paused {
            let message = "spec.paused is set: nothing is created, changed or healed";
            self.say(ConditionType::Paused, true, Reason::AskedToPause, message);
            self.upkeep(None).await?;
            return Ok(Outcome::Settled(RESYNC));
        }
        let message = "the operator looks after the shop";
        self.say(ConditionType::Paused, false, Reason::Working, message);
        let ready = self
            .judge()
            .and_then(|valid| Some((self.credentials(&valid)?, valid)));
        let Some((made, valid)) = ready else {
            return self.see_to_what_runs().await;
        };
        let database = stores::database(self.ctx, &valid, &self.found, &made).await?;
        self.database(database).await?;
        let restoring = self.upkeep(Some((&valid, &made))).await?;
        let redis = if valid.spec.redis.external.is_some() {
            cluster::external(&valid, &self.found).await
        } else {
            self.redis(cluster::Wanted::of(&valid, &made, &self.found))
                .await?
        };
        let again = redis.again.or(restoring.then_some(RESTORING));
        self.conditions.merge(redis.conditions);
        let migrating = self.migrating().await?;
        let wanted = self.children(&valid, &made, &migrating);
        self.endpoints(&valid);
        let applied = apply::apply(self.ctx, &self.shop, &self.found, &wanted)
            .await
            .context("write the children")?;
        self.delete_claims(&valid, &made).await?;
        for change in &applied.foreign {
            let about = self.shop.object_ref(&());
            self.ctx
                .tell(&about, EventType::Warning, "ForeignChange", &change.note())
                .await;
        }
        let refused = !applied.problems.is_empty();
        self.conditions.merge(applied.condition());
        // So that what is summed up below is not about bots of the former template.
        self.found.children.extend(applied.deployments);
        let redis_is_up = self.conditions.holds(ConditionType::RedisReady);
        Ok(match again {
            // Redis does not wait until somebody has mended something else.
            Some(soon) if refused => Outcome::Polling(soon),
            None if refused => Outcome::Waiting,
            Some(soon) => Outcome::Working(soon),
            None if self.progress.database_ready && redis_is_up => Outcome::Settled(RESYNC),
            None => Outcome::Polling(RESYNC),
        })
    }

    /// Whether the database that answers is the shop's. One that took its place holds the shop;
    /// that is written before anything else is done, for a restore must have begun after it.
    async fn database(&mut self, looked: Looked) -> Result<()> {
        let Looked {
            mut finding,
            identity,
        } = looked;
        let annotations = self.shop.annotations();
        if let Some(seen) = &identity {
            let known = identity::Known {
                status: self.status.database.as_ref(),
                restores: &self.found.restores,
                accepted: annotations.get(identity::ACCEPT).map(String::as_str),
                now: Timestamp::now(),
            };
            let judged = identity::judge(seen, &known);
            self.status.database = Some(judged.status);
            if judged.is_another {
                self.status.migrated_image = None;
                self.shop = status::patch(self.ctx, &self.shop, &self.status)
                    .await
                    .context("write which database is the shop's")?;
            }
        }
        let database = self.status.database.clone().unwrap_or_default();
        let progress = &mut self.progress;
        progress.database_answers = finding.truth == Truth::True;
        progress.database_replaced = database.replaced_by.is_some();
        progress.unmigrated = database.unmigrated;
        progress.system_identifier = self.status.database.as_ref().map(|it| {
            let other = it.replaced_by.as_ref();
            other.unwrap_or(&it.system_identifier).clone()
        });
        progress
            .migrated_image
            .clone_from(&self.status.migrated_image);
        let told = identity::told(&database, &self.shop.name_any());
        if let (true, Some(message)) = (progress.database_answers, told) {
            finding = Finding {
                truth: Truth::False,
                reason: Reason::DatabaseReplaced,
                message,
            };
        }
        self.progress.database_ready = finding.truth == Truth::True;
        self.found_out(ConditionType::DatabaseReady, finding);
        Ok(())
    }

    /// Restores and backups; returns whether a restore is under way. `None` while nothing may be
    /// begun.
    async fn upkeep(&mut self, ready: Option<(&Validated, &Credentials)>) -> Result<bool> {
        let site = ready.map(|(valid, made)| self.site(valid, made));
        let now = Timestamp::now();
        let kept = upkeep::upkeep(self.ctx, &self.shop, &self.found, site.as_ref(), now).await;
        let kept = kept.context("look after backups and restores")?;
        self.progress.held = kept.hold.is_some() || self.progress.database_replaced;
        self.conditions.merge(kept.summary.conditions);
        if let Some(key_id) = backup::sealed_with(&self.found.backups) {
            self.status.backup_key_id = Some(key_id.to_owned());
        }
        self.status.last_backup = kept.summary.last_backup;
        self.status.last_verified_backup = kept.summary.last_verified_backup;
        Ok(kept.under_way)
    }

    /// The manifest cannot be used. What runs by an earlier one goes on: its stores are looked at
    /// and healed, and nothing is built.
    async fn see_to_what_runs(&mut self) -> Result<Outcome> {
        let runs = self.status.migrated_image.is_some();
        let valid = validate::resolve(&self.shop, &self.found, &self.ctx.defaults);
        let said = self.conditions.get(ConditionType::SecretsFound).cloned();
        let made = self.credentials(&valid);
        if let Some(said) = said.filter(|said| said.truth == Truth::False) {
            self.found_out(ConditionType::SecretsFound, said);
        }
        if let (true, Some(made)) = (runs, made) {
            let database = stores::database(self.ctx, &valid, &self.found, &made).await?;
            // Where its Secret is the one that is gone nobody can look: the bots that run have it.
            let missing = [Reason::SecretMissing, Reason::KeyMissing];
            if !missing.contains(&database.finding.reason) {
                self.database(database).await?;
            }
        }
        self.upkeep(None).await?;
        let defaults = &self.ctx.defaults;
        let wanted = cluster::Wanted::running(&self.shop, &self.found, defaults);
        let formed = wanted.is_some();
        let redis = if runs && valid.spec.redis.external.is_some() {
            cluster::external(&valid, &self.found).await
        } else {
            self.redis(wanted).await?
        };
        self.conditions.merge(redis.conditions);
        Ok(match redis.again {
            Some(soon) => Outcome::Polling(soon),
            None if runs || formed => Outcome::Polling(RESYNC),
            None => Outcome::Waiting,
        })
    }

    async fn redis(&mut self, wanted: Option<cluster::Wanted>) -> Result<cluster::Looked> {
        let Some(wanted) = wanted else {
            return Ok(cluster::Looked::default());
        };
        let progress = &mut self.progress;
        let (shop, found) = (&mut self.shop, &self.found);
        let looked = cluster::managed(self.ctx, shop, &wanted, found, progress).await?;
        let written = self.shop.status.as_ref();
        self.status.redis = written.and_then(|status| status.redis.clone());
        Ok(looked)
    }

    /// The manifest with everything resolved, or `None` when somebody has to mend it first.
    fn judge(&mut self) -> Option<Validated> {
        let (valid, faults) = match validate::validate(&self.shop, &self.found, &self.ctx.defaults)
        {
            Ok(valid) => (Some(valid), Vec::new()),
            Err(faults) => (None, faults),
        };
        let warnings = valid.iter().flat_map(|valid| valid.warnings.clone());
        let all: Vec<Fault> = faults.into_iter().chain(warnings).collect();
        let (of_secrets, of_manifest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(Fault::is_about_a_secret);
        let kind = ConditionType::ManifestValid;
        if of_manifest.is_empty() {
            self.say(kind, true, Reason::Valid, "the manifest makes sense");
        } else {
            let reason = of_manifest.first().map_or(Reason::Invalid, reason_of);
            self.say(kind, valid.is_some(), reason, &sentences(&of_manifest));
        }
        let kind = ConditionType::SecretsFound;
        if of_secrets.is_empty() {
            let message = "every Secret that the manifest names is there";
            self.say(kind, true, Reason::Found, message);
        } else {
            let reason = reason_of(&of_secrets[0]);
            self.say(kind, false, reason, &sentences(&of_secrets));
        }
        valid
    }

    fn credentials(&mut self, valid: &Validated) -> Option<Credentials> {
        let past = Past::of(&self.shop, &self.found.backups);
        let given_up = past.given_up.map(str::to_owned);
        let made = Credentials::read_or_make(
            Needs::of(&valid.spec),
            past,
            &valid.names,
            &self.found.children,
            &mut rand::rng(),
            Timestamp::now(),
        );
        match made {
            Ok(credentials) => {
                let name = given_up.filter(|name| self.found.child("Secret", name).is_some());
                if let Some(name) = name {
                    let message = format!(
                        "every Secret is there; {name} was made anew: take the annotation {RENEW} \
                         off, or it is made anew another time"
                    );
                    self.say(ConditionType::SecretsFound, true, Reason::Found, &message);
                }
                Some(credentials)
            }
            Err(broken) => {
                let reason = match broken {
                    Broken::Lost { .. } | Broken::Unsealable { .. } => Reason::SecretMissing,
                    Broken::Key { .. } | Broken::Certificate(_) => Reason::KeyMissing,
                };
                let message = broken.to_string();
                self.say(ConditionType::SecretsFound, false, reason, &message);
                None
            }
        }
    }

    /// The pods of migrations, read only while one is under way.
    async fn migrating(&self) -> Result<Vec<Pod>> {
        if !migration::is_under_way(&self.found) {
            return Ok(Vec::new());
        }
        let pods = status::pods(self.ctx, &self.shop, "migrate").await;
        pods.context("read the pods of the migration")
    }

    /// The children, with what the migration's Job has come to.
    fn children(
        &mut self,
        valid: &Validated,
        credentials: &Credentials,
        migrating: &[Pod],
    ) -> Vec<Child> {
        let defaults = &self.ctx.defaults;
        let mut wanted = build::build(valid, &self.found, &self.progress, credentials, defaults);
        let told = self.found.child("Secret", &valid.names.redis_access());
        let password = credentials.redis_password.as_ref();
        let passwords = password.map(|password| Passwords::read(password, told));
        if passwords.is_some_and(|it| it.may_advance(&wanted, &self.found, &self.progress)) {
            self.progress.redis_password_due = true;
            wanted = build::build(valid, &self.found, &self.progress, credentials, defaults);
        }
        let state = migration::state(valid, &self.found, &self.progress, &wanted, migrating);
        let done = state.done;
        self.found_out(ConditionType::MigrationsApplied, state.finding);
        if !done || self.progress.migrated_image.as_ref() == Some(&valid.bot_image) {
            return wanted;
        }
        self.progress.migrated_image = Some(valid.bot_image.clone());
        self.status.migrated_image = Some(valid.bot_image.clone());
        self.progress.unmigrated = false;
        if let Some(database) = &mut self.status.database {
            database.unmigrated = false;
        }
        build::build(valid, &self.found, &self.progress, credentials, defaults)
    }

    /// Claims of Redis shards that are gone for good.
    async fn delete_claims(&self, valid: &Validated, credentials: &Credentials) -> Result<()> {
        let claims = build::claims_to_delete(&self.site(valid, credentials));
        let deleted = apply::delete_claims(self.ctx, &self.shop, &self.found, &claims).await;
        deleted.context("delete the volumes of shards that are gone")
    }

    /// What children are built from.
    fn site<'a>(&'a self, shop: &'a Validated, credentials: &'a Credentials) -> build::Site<'a> {
        build::Site {
            shop,
            found: &self.found,
            progress: &self.progress,
            credentials,
            defaults: &self.ctx.defaults,
        }
    }

    fn endpoints(&mut self, valid: &Validated) {
        let host = valid.spec.expose.as_ref().map(|expose| &expose.host);
        let outside = |path: &str| host.map(|host| format!("https://{host}{path}"));
        self.status.endpoints = Some(Endpoints {
            service: format!("http://{}", valid.names.host(&valid.names.bot())),
            whatsapp_webhook: outside("/webhooks/whatsapp"),
            midtrans_notification: outside("/webhooks/midtrans"),
        });
    }

    fn say(&mut self, kind: ConditionType, truth: bool, reason: Reason, message: &str) {
        self.conditions.set(kind, truth, reason, message);
    }

    fn found_out(&mut self, kind: ConditionType, finding: Finding) {
        let Finding {
            truth,
            reason,
            message,
        } = finding;
        self.conditions.set(kind, truth, reason, message);
    }

    /// Sums up and writes the status.
    async fn tell(mut self) -> Result<()> {
        let trouble = status::pod_trouble(self.ctx, &self.shop, &self.found).await;
        let trouble = trouble.context("read the bots' pods")?;
        let bots = status::bot_available(&self.found, &self.progress, trouble);
        self.conditions.merge(bots);
        let said = self.shop.status.clone().unwrap_or_default();
        let mut all = Conditions::of_status(&said.conditions);
        all.merge(self.conditions.clone());
        let first = self.status.first_served_at.is_none();
        let served = !first || all.holds(ConditionType::Ready);
        let ready = status::sum_up(&all, served);
        if ready.truth == Truth::True && first {
            self.status.first_served_at = Some(Time(whole_second(Timestamp::now())));
        }
        self.found_out(ConditionType::Ready, ready);
        self.found_out(ConditionType::UpToDate, status::up_to_date(&all));
        let count = status::bots(&self.found);
        self.status.replicas = i32::try_from(count.existing).unwrap_or(i32::MAX);
        self.status.bots = Some(format!("{}/{}", count.available, count.wanted));
        let name = self.shop.name_any();
        self.status.selector = Some(format!("{INSTANCE}={name},{COMPONENT}=bot"));
        let now = Timestamp::now();
        let written = status::write(self.ctx, &self.shop, self.conditions, self.status, now).await;
        written.context("write the status")
    }
}

fn reason_of(fault: &Fault) -> Reason {
    match fault {
        Fault::Field { .. } => Reason::Invalid,
        Fault::Kind { .. } => Reason::OperatorMissing,
        Fault::SecretMissing { .. } => Reason::SecretMissing,
        Fault::KeyMissing { .. } => Reason::KeyMissing,
        Fault::KeyUnusable { .. } => Reason::ValueInvalid,
    }
}

fn sentences(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
    texts.join("; ")
}
