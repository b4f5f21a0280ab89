//! Writes what differs, and nothing else.
//!
//! Children are applied by server-side apply as the manager `warung`, forced: what the operator
//! wants is its own, what others add is theirs. An annotation holds a digest of what was applied
//! last, so that a field that is no longer wanted is noticed too. A child that differs though its
//! digest is the wanted one was changed by somebody else: it is corrected and told about.
//!
//! What must outlive a shop is created once, and after that only labelled, owned and let grow; a
//! `Cluster` of CloudNativePG, which holds no data itself, is applied like the others and not owned.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use futures_util::{FutureExt as _, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tracing::info;

use super::compare::{Path, at, differences, manager_of, nanos, written};
use super::{Child, Found, Keep, ObjectKey};
use crate::conditions::{ConditionType, Conditions, Reason};
use crate::context::{Context, MANAGER};
use crate::crds::{DeletionPolicy, GROUP, WhatsAppShop};
use crate::live::Live;

/// Annotation with the digest of what was applied last.
pub const APPLIED: &str = "warung.dev/applied";
/// Annotation of what must outlive its shop.
pub const KEPT: &str = "warung.dev/kept";
/// Value of [`KEPT`] on what backups need: it is never owned again, whatever the manifest says.
pub const FOR_BACKUPS: &str = "for-backups";
/// Manager that holds `replicas` from when autoscaling is switched on until the autoscaler writes.
const HANDOVER: &str = "warung-autoscaling";
/// Children of one shop that are written at the same time.
const AT_ONCE: usize = 4;
/// Fields that an event names.
const NAMED_FIELDS: usize = 3;

/// Why a child is not as it is wanted; somebody has to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The child.
    pub key: ObjectKey,
    /// What it is.
    pub reason: Reason,
    /// What to do.
    pub message: String,
}

/// A change of somebody else that was corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignChange {
    /// The child.
    pub key: ObjectKey,
    /// The fields, as people read them.
    pub fields: String,
    /// The field manager that changed them, where it can be told.
    pub manager: Option<String>,
}

impl ForeignChange {
    /// The note of the event.
    pub fn note(&self) -> String {
        let who = self.manager.as_deref().unwrap_or("somebody");
        let ObjectKey { kind, name } = &self.key;
        format!(
            "{who} changed {} of {kind} {name}; it was set back",
            self.fields
        )
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Applied {
    /// What somebody has to mend.
    pub problems: Vec<Problem>,
    /// What was corrected.
    pub foreign: Vec<ForeignChange>,
    /// Whether anything was written.
    pub wrote: bool,
    /// What was written of Deployments, as the API server has them now: their status is about
    /// another template until their controller has seen this one.
    pub deployments: Vec<(ObjectKey, Value)>,
}

impl Applied {
    /// The condition `ObjectsApplied`.
    pub fn condition(&self) -> Conditions {
        let mut conditions = Conditions::default();
        let kind = ConditionType::ObjectsApplied;
        let Some(first) = self.problems.first() else {
            let message = "every object is as it is wanted";
            conditions.set(kind, true, Reason::Applied, message);
            return conditions;
        };
        let said = self.problems.iter().map(|p| p.message.as_str());
        let message = said.collect::<Vec<_>>().join("; ");
        conditions.set(kind, false, first.reason, message);
        conditions
    }
}

/// What one child needed.
enum Change {
    None,
    Written,
    Applied(Box<Answer>),
}

/// What the API server made of a child that was applied.
struct Answer {
    key: ObjectKey,
    live: Value,
    foreign: Option<ForeignChange>,
}

/// Why a child could not be written.
enum Failure {
    Problem(Problem),
    /// The API server did not answer, or we no longer lead: the look is over.
    Broken(kube::Error),
}

/// Makes the children of a shop as they are wanted and deletes those that are not.
///
/// # Errors
/// When the API server does not answer. What it refuses is in [`Applied::problems`].
pub async fn apply(
    ctx: &Context,
    shop: &WhatsAppShop,
    found: &Found,
    wanted: &[Child],
) -> kube::Result<Applied> {
    let writer = Writer { ctx, shop, found };
    let mut applied = Applied::default();
    let (keys, rest): (Vec<&Child>, Vec<&Child>) = wanted.iter().partition(|c| is_key(c));
    writer.children(&keys, &mut applied).await?;
    // No volume is begun whose keys are not kept: it would look like one whose keys are lost.
    let refused: BTreeSet<&ObjectKey> = applied.problems.iter().map(|it| &it.key).collect();
    let missing = |child: &&Child| {
        let key = child.key();
        refused.contains(&key) && !found.children.contains_key(&key)
    };
    let keyless = keys.iter().any(missing);
    let waits =
        |child: &Child| keyless && holds_data(child) && !found.children.contains_key(&child.key());
    let rest: Vec<&Child> = rest.into_iter().filter(|child| !waits(child)).collect();
    writer.children(&rest, &mut applied).await?;
    let keys: BTreeSet<ObjectKey> = wanted.iter().map(Child::key).collect();
    for (key, live) in &found.children {
        if !keys.contains(key) && writer.may_delete(key, live) {
            applied.take(writer.delete(key, live).await)?;
        }
    }
    Ok(applied)
}

/// Deletes volume claims that would do harm if they were found again.
///
/// # Errors
/// When the API server does not answer or refuses.
pub async fn delete_claims(
    ctx: &Context,
    shop: &WhatsAppShop,
    found: &Found,
    claims: &[ObjectKey],
) -> kube::Result<()> {
    let writer = Writer { ctx, shop, found };
    let mut applied = Applied::default();
    for key in claims {
        let live = found.children.get(key).unwrap_or(&Value::Null);
        if live["metadata"]["deletionTimestamp"].is_null() {
            applied.take(writer.delete(key, live).await)?;
        }
    }
    Ok(())
}

impl Applied {
    fn take(&mut self, change: Result<Change, Failure>) -> kube::Result<()> {
        match change {
            Ok(Change::None) => {}
            Ok(Change::Written) => self.wrote = true,
            Ok(Change::Applied(answer)) => {
                self.wrote = true;
                self.foreign.extend(answer.foreign);
                if answer.key.kind == "Deployment" {
                    self.deployments.push((answer.key, answer.live));
                }
            }
            Err(Failure::Problem(problem)) => self.problems.push(problem),
            Err(Failure::Broken(error)) => return Err(error),
        }
        Ok(())
    }
}

struct Writer<'a> {
    ctx: &'a Context,
    shop: &'a WhatsAppShop,
    found: &'a Found,
}

impl Writer<'_> {
    async fn children(&self, wanted: &[&Child], applied: &mut Applied) -> kube::Result<()> {
        let changes: Vec<_> = wanted.iter().map(|c| self.child(c).boxed()).collect();
        let mut changes = futures_util::stream::iter(changes).buffered(AT_ONCE);
        while let Some(change) = changes.next().await {
            applied.take(change)?;
        }
        Ok(())
    }

    async fn child(&self, child: &Child) -> Result<Change, Failure> {
        let key = child.key();
        match self.found.children.get(&key) {
            Some(live) if !live["metadata"]["deletionTimestamp"].is_null() => {
                let message = format!("{} {} is still being deleted", key.kind, key.name);
                Err(problem(key, Reason::WaitingForDeletion, message))
            }
            Some(live) if is_made_once(child) => self.tend(child, live).await,
            // What a Job runs cannot be changed: another one has another name.
            Some(_) if key.kind == "Job" => Ok(Change::None),
            Some(live) => self.correct(child, live).await,
            None if is_made_once(child) => self.create(child).await,
            None => self.apply_new(child).await,
        }
    }

    /// Applies a child that is not among ours, unless somebody else has one of that name.
    async fn apply_new(&self, child: &Child) -> Result<Change, Failure> {
        let key = child.key();
        let there = self.api(child).get_opt(&key.name).await;
        let there = there.map_err(|error| failed(&key, error))?;
        if there.is_some_and(|there| !self.is_ours(there.meta())) {
            return Err(name_taken(key));
        }
        let live = self.patch(child, &self.wanted(child)).await?;
        Ok(answered(key, live, None))
    }

    /// Creates what is kept, once.
    async fn create(&self, child: &Child) -> Result<Change, Failure> {
        let key = child.key();
        let mut object = child.object.clone();
        object["metadata"]["annotations"][KEPT] = Value::from(mark(child.keep));
        object["metadata"]["ownerReferences"] = json!(self.kept_owners(child, &Value::Null));
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let object = parsed(object).map_err(|error| failed(&key, error))?;
        match self.api(child).create(&params, &object).await {
            Ok(_) => {
                self.wrote(&key, "create");
                Ok(Change::Written)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let there = self.api(child).get(&key.name).await;
                let there = there.map_err(|error| failed(&key, error))?;
                // Its labels were taken off, or it came in between: give them back.
                if self.is_ours(there.meta()) {
                    let live = serde_json::to_value(there).map_err(kube::Error::SerdeError);
                    return self.tend(child, &live.map_err(|e| failed(&key, e))?).await;
                }
                Err(name_taken(key))
            }
            Err(error) => Err(failed(&key, error)),
        }
    }

    /// Labels, owns and lets grow what is kept; its content is never touched.
    async fn tend(&self, child: &Child, live: &Value) -> Result<Change, Failure> {
        let key = child.key();
        let mut patch = json!({"metadata": {}});
        let labels = &child.object["metadata"]["labels"];
        if !differences(labels, &live["metadata"]["labels"]).is_empty() {
            patch["metadata"]["labels"] = labels.clone();
        }
        let annotations = &live["metadata"]["annotations"];
        let mut notes = child.object["metadata"]["annotations"].clone();
        if annotations[KEPT].is_null() || child.keep == Keep::Always {
            notes[KEPT] = Value::from(mark(child.keep));
        }
        if !notes.is_null() && !differences(&notes, annotations).is_empty() {
            patch["metadata"]["annotations"] = notes;
        }
        let owners = self.kept_owners(child, &live["metadata"]["ownerReferences"]);
        let now = owners_of(live);
        if owners != now {
            patch["metadata"]["ownerReferences"] = json!(owners);
        }
        if child.grows() && has_grown(&child.object, live) {
            let size = &child.object["spec"]["resources"]["requests"]["storage"];
            patch["spec"] = json!({"resources": {"requests": {"storage": size}}});
        }
        if patch == json!({"metadata": {}}) {
            return Ok(Change::None);
        }
        // Owner references are a list that is replaced whole: not over somebody else's change.
        patch["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.send(child, &params, &Patch::Merge(&patch)).await?;
        self.wrote(&key, "patch");
        Ok(Change::Written)
    }

    /// Applies a child that is there if it is not as it is wanted.
    async fn correct(&self, child: &Child, live: &Value) -> Result<Change, Failure> {
        let mut wanted = self.wanted(child);
        let applied = wanted["metadata"]["annotations"][APPLIED].clone();
        let untouched = live["metadata"]["annotations"][APPLIED] == applied;
        keep_immutable(&mut wanted, live);
        let different = differences(&wanted, live);
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        if untouched && (different.is_empty() || self.is_normalised(uid, live, &different)) {
            return Ok(Change::None);
        }
        let written_by = self.managed_fields(child).await?;
        self.hand_replicas_over(child, &wanted, live, &written_by)
            .await?;
        let answer = self.patch(child, &wanted).await?;
        let left = differences(&wanted, &answer);
        self.remember_normalised(uid, &answer, &left);
        let corrected: Vec<_> = different.iter().filter(|p| !left.contains(p)).collect();
        let key = child.key();
        if !untouched || corrected.is_empty() {
            return Ok(answered(key, answer, None));
        }
        self.ctx.metrics.foreign_change(&key.kind);
        let names = corrected
            .iter()
            .take(NAMED_FIELDS)
            .map(|path| written(path));
        let more = corrected.len().saturating_sub(NAMED_FIELDS);
        let mut fields = names.collect::<Vec<_>>().join(", ");
        if more > 0 {
            fields = format!("{fields} and {more} more");
        }
        let manager = manager_of(&written_by, corrected[0], MANAGER);
        let foreign = ForeignChange {
            key: key.clone(),
            fields,
            manager,
        };
        info!(change = foreign.note(), "corrected a foreign change");
        Ok(answered(key, answer, Some(foreign)))
    }

    /// Who wrote which field of a child: its `managedFields`, which no look reads otherwise.
    async fn managed_fields(&self, child: &Child) -> Result<Value, Failure> {
        let key = child.key();
        let there = self.api(child).get_metadata(&key.name).await;
        let there = there.map_err(|error| failed(&key, error))?;
        Ok(json!({"metadata": {"managedFields": there.metadata.managed_fields}}))
    }

    async fn patch(&self, child: &Child, wanted: &Value) -> Result<Value, Failure> {
        let key = child.key();
        let params = PatchParams::apply(MANAGER).force();
        let answer = self.send(child, &params, &Patch::Apply(wanted)).await?;
        self.wrote(&key, "apply");
        serde_json::to_value(answer).map_err(|error| failed(&key, kube::Error::SerdeError(error)))
    }

    /// Once `replicas` is no longer sent, the API server would drop it and fall back to 1: another
    /// manager holds the present number until the autoscaler writes its own.
    async fn hand_replicas_over(
        &self,
        child: &Child,
        wanted: &Value,
        live: &Value,
        written_by: &Value,
    ) -> Result<(), Failure> {
        let replicas = &live["spec"]["replicas"];
        let wanted = &wanted["spec"]["replicas"];
        if !wanted.is_null() || replicas.is_null() || !owns_replicas(written_by) {
            return Ok(());
        }
        let key = child.key();
        let held = json!({
            "apiVersion": child.resource.api_version, "kind": child.resource.kind,
            "metadata": {"name": key.name}, "spec": {"replicas": replicas},
        });
        let params = PatchParams::apply(HANDOVER).force();
        self.send(child, &params, &Patch::Apply(&held)).await?;
        self.wrote(&key, "apply");
        Ok(())
    }

    fn may_delete(&self, key: &ObjectKey, live: &Value) -> bool {
        let owned = owners_of(live).iter().any(|owner| {
            owner.controller == Some(true) && Some(&owner.uid) == self.shop.metadata.uid.as_ref()
        });
        let metadata = &live["metadata"];
        // Jobs of backups and restores are the business of those who began them.
        let foreign_job =
            key.kind == "Job" && metadata["labels"][super::names::COMPONENT] != "migrate";
        owned
            && !foreign_job
            && key.kind != "PersistentVolumeClaim"
            && metadata["annotations"][KEPT].is_null()
            && metadata["deletionTimestamp"].is_null()
    }

    async fn delete(&self, key: &ObjectKey, live: &Value) -> Result<Change, Failure> {
        let known = crate::kinds::children(self.found.kinds);
        let Some(kind) = known.iter().find(|kind| kind.kind == key.kind) else {
            return Ok(Change::None);
        };
        let namespace = self.shop.namespace().unwrap_or_default();
        let client = self.ctx.client.clone();
        let api: Api<Live> = Api::namespaced_with(client, &namespace, &kind.resource());
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: live["metadata"]["uid"].as_str().map(str::to_owned),
            resource_version: None,
        });
        match api.delete(&key.name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(failed(key, error)),
        }
        self.wrote(key, "delete");
        Ok(Change::Written)
    }

    /// The object with its owner and its digest.
    fn wanted(&self, child: &Child) -> Value {
        let mut object = child.object.clone();
        if child.keep == Keep::Never {
            object["metadata"]["ownerReferences"] = json!([self.owner(true)]);
        } else {
            object["metadata"]["annotations"][KEPT] = Value::from(mark(child.keep));
        }
        let digest = digest(&object);
        object["metadata"]["annotations"][APPLIED] = Value::from(digest);
        object
    }

    fn owner(&self, controller: bool) -> OwnerReference {
        let mut owner = self.shop.controller_owner_ref(&()).unwrap_or_default();
        owner.controller = controller.then_some(true);
        // Blocking needs a right on finalizers, and nobody waits for the children to go.
        owner.block_owner_deletion = None;
        owner
    }

    /// Owners of what is kept: the shop under `Delete`, nobody of ours under `Retain`. Claims are
    /// the StatefulSets' business; backups, and what reads them, stay in any case.
    fn kept_owners(&self, child: &Child, live: &Value) -> Vec<OwnerReference> {
        let others = owners(live).into_iter();
        let ours = |owner: &OwnerReference| {
            owner.kind == "WhatsAppShop" && owner.api_version.starts_with(GROUP)
        };
        let mut owners: Vec<_> = others.filter(|owner| !ours(owner)).collect();
        let delete = self.shop.spec.deletion_policy == DeletionPolicy::Delete;
        let ours_alone = child.keep == Keep::UnderRetain;
        if delete && ours_alone && child.resource.kind != "PersistentVolumeClaim" {
            owners.push(self.owner(false));
        }
        owners
    }

    fn is_ours(&self, metadata: &kube::api::ObjectMeta) -> bool {
        let name = self.shop.name_any();
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
        let labelled = label(super::names::INSTANCE) == Some(&name)
            && label("app.kubernetes.io/managed-by").is_some_and(|by| by == "warung-operator");
        let owners = metadata.owner_references.iter().flatten();
        let owned = owners
            .clone()
            .any(|o| Some(&o.uid) == self.shop.metadata.uid.as_ref());
        let annotations = metadata.annotations.as_ref();
        labelled || owned || annotations.is_some_and(|a| a.contains_key(KEPT))
    }

    fn is_normalised(&self, uid: &str, live: &Value, different: &[Path]) -> bool {
        let known = self.ctx.normalised.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known
            .get(uid)
            .is_some_and(|digest| *digest == digest_of(live, different))
    }

    /// What the API server (a defaulting rule, a webhook) made of what was applied is no foreign
    /// change, and applying it again would not help.
    fn remember_normalised(&self, uid: &str, answer: &Value, left: &[Path]) {
        let known = self.ctx.normalised.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            known.remove(uid);
        } else {
            let paths = left.iter().map(|path| written(path));
            let fields = paths.collect::<Vec<_>>().join(", ");
            info!(fields, "the API server changes what is applied");
            known.insert(uid.to_owned(), digest_of(answer, left));
        }
    }

    async fn send(
        &self,
        child: &Child,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Live, Failure> {
        let key = child.key();
        let patched = self.api(child).patch(&key.name, params, patch).await;
        patched.map_err(|error| failed(&key, error))
    }

    fn api(&self, child: &Child) -> Api<Live> {
        let namespace = self.shop.namespace().unwrap_or_default();
        Api::namespaced_with(self.ctx.client.clone(), &namespace, &child.resource)
    }

    fn wrote(&self, key: &ObjectKey, verb: &str) {
        self.ctx.metrics.wrote(&key.kind, verb);
        info!(
            child.kind = key.kind,
            child.name = key.name,
            verb,
            "wrote a child"
        );
    }
}

fn answered(key: ObjectKey, live: Value, foreign: Option<ForeignChange>) -> Change {
    Change::Applied(Box::new(Answer { key, live, foreign }))
}

/// Whether a child is a Secret that cannot be made again.
fn is_key(child: &Child) -> bool {
    child.resource.kind == "Secret" && child.keep != Keep::Never
}

/// Whether a child is created once and never overwritten.
fn is_made_once(child: &Child) -> bool {
    child.keep != Keep::Never && !child.follows()
}

/// Whether a child is, or makes, a volume.
fn holds_data(child: &Child) -> bool {
    let kind = child.resource.kind.as_str();
    matches!(kind, "PersistentVolumeClaim" | "StatefulSet" | "Cluster")
}

/// Value of [`KEPT`].
fn mark(keep: Keep) -> &'static str {
    match keep {
        Keep::Always => FOR_BACKUPS,
        Keep::UnderRetain | Keep::Never => "true",
    }
}

fn parsed(object: Value) -> kube::Result<Live> {
    serde_json::from_value(object).map_err(kube::Error::SerdeError)
}

fn owners(references: &Value) -> Vec<OwnerReference> {
    serde_json::from_value(references.clone()).unwrap_or_default()
}

fn owners_of(live: &Value) -> Vec<OwnerReference> {
    owners(&live["metadata"]["ownerReferences"])
}

/// What the API server refuses to change in place stays as it is.
fn keep_immutable(wanted: &mut Value, live: &Value) {
    if wanted["kind"] != "StatefulSet" {
        return;
    }
    let Some(templates) = wanted["spec"]["volumeClaimTemplates"].as_array_mut() else {
        return;
    };
    for template in templates {
        let there = live["spec"]["volumeClaimTemplates"].as_array();
        let same = |t: &&Value| t["metadata"]["name"] == template["metadata"]["name"];
        if let Some(there) = there.into_iter().flatten().find(same) {
            // The claims themselves grow; new ones begin small and grow after.
            template["spec"]["resources"] = there["spec"]["resources"].clone();
        }
    }
}

fn has_grown(wanted: &Value, live: &Value) -> bool {
    let size = |object: &Value| {
        let size = &object["spec"]["resources"]["requests"]["storage"];
        size.as_str().and_then(nanos)
    };
    matches!((size(wanted), size(live)), (Some(wanted), Some(live)) if wanted > live)
}

fn owns_replicas(live: &Value) -> bool {
    let entries = live["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().any(|entry| {
        entry["manager"] == MANAGER && !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null()
    })
}

fn digest(value: &Value) -> String {
    hex::encode(&Sha256::digest(value.to_string())[..8])
}

fn digest_of(object: &Value, paths: &[Path]) -> String {
    let values: Vec<Value> = paths
        .iter()
        .map(|path| json!([written(path), at(object, path)]))
        .collect();
    digest(&Value::from(values))
}

fn problem(key: ObjectKey, reason: Reason, message: String) -> Failure {
    Failure::Problem(Problem {
        key,
        reason,
        message,
    })
}

fn name_taken(key: ObjectKey) -> Failure {
    let ObjectKey { kind, name } = &key;
    let message = format!(
        "{kind} {name} exists and is not this shop's: delete or rename it, or label it \
         app.kubernetes.io/instance and app.kubernetes.io/managed-by=warung-operator to hand it over"
    );
    problem(key, Reason::NameTaken, message)
}

fn failed(key: &ObjectKey, error: kube::Error) -> Failure {
    let kube::Error::Api(status) = &error else {
        return Failure::Broken(error);
    };
    let reason = match status.code {
        403 if status.message.contains("exceeded quota") => Reason::QuotaExceeded,
        403 => Reason::Forbidden,
        400 | 404 | 409 | 422 => Reason::Refused,
        _ => return Failure::Broken(error),
    };
    let ObjectKey { kind, name } = key;
    let message = format!("{kind} {name}: {}", status.message);
    problem(key.clone(), reason, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stateful_set_keeps_the_size_of_its_claims() {
        let claim = |size: &str| {
            json!({"metadata": {"name": "data"},
                "spec": {"resources": {"requests": {"storage": size}}}})
        };
        let set = |size: &str| json!({"kind": "StatefulSet", "spec": {"volumeClaimTemplates": [claim(size)]}});
        let mut wanted = set("20Gi");
        keep_immutable(&mut wanted, &set("10Gi"));
        assert_eq!(wanted, set("10Gi"));
        assert!(has_grown(&claim("20Gi"), &claim("10Gi")));
        assert!(!has_grown(&claim("10240Mi"), &claim("10Gi")));
    }

    #[test]
    fn a_change_is_told_in_a_sentence() {
        let foreign = ForeignChange {
            key: ObjectKey {
                kind: "Service".into(),
                name: "toko-bot".into(),
            },
            fields: "spec.ports".into(),
            manager: Some("kubectl-edit".into()),
        };
        let note = "kubectl-edit changed spec.ports of Service toko-bot; it was set back";
        assert_eq!(foreign.note(), note);
    }
}
