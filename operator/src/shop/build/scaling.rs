//! How many bots there are, and how many may be away at once.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{
    Site,
    bot::{self, Part},
};
use crate::shop::Child;

/// How long load must have been low before bots are taken away, seconds.
const CALM_SECONDS: i32 = 300;
/// How often the number may double while load rises, seconds.
const DOUBLE_SECONDS: i32 = 15;

/// Autoscaler and disruption budgets.
pub(super) fn all(site: &Site) -> Vec<Child> {
    let mut all = Vec::new();
    for part in bot::parts(site) {
        all.extend(autoscaler(site, *part));
        if fewest(site, *part) > 1 {
            let selector = part.selector(site);
            all.push(budget(site, &part.name(site), "bot", &selector, true));
        }
    }
    if site.shop.spec.redis.managed.is_some() {
        // One node of all shards at a time: the next drain waits until it is back in its shard.
        let selector = site.selector("redis");
        all.push(budget(
            site,
            &site.names().redis(),
            "redis",
            &selector,
            false,
        ));
    }
    all
}

/// The autoscaler; a restore takes it away, for it would start bots.
fn autoscaler(site: &Site, part: Part) -> Option<Child> {
    let wanted = site.shop.spec.bot.autoscaling.as_ref()?;
    if site.progress.keeps_bots_away() || !part.is_scaled() {
        return None;
    }
    let name = part.name(site);
    Some(Child::from_json::<HorizontalPodAutoscaler>(json!({
        "metadata": site.metadata(&name, "bot"),
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicas": wanted.min_replicas,
            "maxReplicas": wanted.max_replicas,
            "metrics": [{
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {
                        "type": "Utilization",
                        "averageUtilization": wanted.target_cpu_utilization,
                    },
                },
            }],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [
                        { "type": "Percent", "value": 100, "periodSeconds": DOUBLE_SECONDS },
                        { "type": "Pods", "value": 2, "periodSeconds": DOUBLE_SECONDS },
                    ],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": CALM_SECONDS,
                    "selectPolicy": "Max",
                    "policies": [{ "type": "Percent", "value": 50, "periodSeconds": 60 }],
                },
            },
        },
    })))
}

/// Fewest bots that a Deployment has.
fn fewest(site: &Site, part: Part) -> i32 {
    let bot = &site.shop.spec.bot;
    let scaled = bot.autoscaling.as_ref().filter(|_| part.is_scaled());
    scaled.map_or(bot.replicas, |a| a.min_replicas)
}

/// At most one pod away at a time. A single pod has no budget: it would keep its node for ever.
fn budget(site: &Site, name: &str, component: &str, pods: &Value, broken_may_go: bool) -> Child {
    let mut spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": pods } });
    if broken_may_go {
        spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    }
    Child::from_json::<PodDisruptionBudget>(json!({
        "metadata": site.metadata(name, component),
        "spec": spec,
    }))
}
