//! Two operators: one acts.

use std::time::{Duration, Instant};

use serde_json::Value;
use warung_testkit::eventually;
use warung_testkit::kubernetes::AuditEvent;

use crate::harness::{Operator, SOON, Site, shop};

/// Two operators of one namespace, told apart by their users; the first leads.
async fn two(site: &Site) -> [(Operator, String); 2] {
    let start = |name: &str| {
        let user = format!("{name}-{}", site.namespace);
        let kubeconfig = site.server.kubeconfig_of_user(&user, &["system:masters"]);
        (site.operator_as(name, &kubeconfig.unwrap()), user)
    };
    let first = start("first");
    first.0.leads().await;
    let second = start("second");
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    [first, second]
}

fn writes(site: &Site, user: &str, since: u64) -> Vec<AuditEvent> {
    let events = site.server.audit_since(since).unwrap().into_iter();
    let theirs = |e: &AuditEvent| e.user == user && e.is_write() && e.resource != "leases";
    events.filter(theirs).collect()
}

/// Keeps whoever leads busy: takes a child away, again and again.
async fn disturb(site: &Site) {
    let delete = [
        "delete",
        "configmap",
        "toko-bot",
        "--ignore-not-found",
        "--wait=false",
    ];
    site.kubectl(&delete).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_and_goes_on_writes_nothing_more() {
    let site = Site::new("stopped").await;
    let [(first, first_user), (second, second_user)] = two(&site).await;
    let position = site.server.audit_position().unwrap();
    // It is stopped in the middle of its work.
    disturb(&site).await;
    first.process.pause().unwrap();
    let began = Instant::now();
    let taken = eventually(Duration::from_mins(1), async || {
        disturb(&site).await;
        let took = writes(&site, &second_user, position);
        took.first()
            .map(|event| event.received.clone())
            .ok_or("nobody took over")
    })
    .await;
    println!("another took over after {:?}", began.elapsed());
    first.process.resume().unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    eventually(SOON, async || {
        disturb(&site).await;
        Instant::now() > until
    })
    .await;
    second.leads().await;
    let late: Vec<_> = writes(&site, &first_user, position)
        .into_iter()
        .filter(|event| event.received > taken)
        .collect();
    assert!(late.is_empty(), "two operators wrote: {late:#?}");
    assert!(first.log().contains("no longer leading"));
    assert!(first.process.is_running(), "it stands by again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let site = Site::new("handover").await;
    let [(first, _), (second, _)] = two(&site).await;
    let began = Instant::now();
    first.process.terminate().unwrap();
    let lease = crate::rights::release(&site.namespace);
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{lease}",
        site.namespace
    );
    eventually(SOON, async || {
        let lease: Value = site.server.rest().get(&path).await.unwrap();
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        holder.starts_with("second_")
    })
    .await;
    let took = began.elapsed();
    println!("another leads {took:?} after the leader was asked to stop");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let status = first.process.wait(SOON).await.unwrap();
    assert!(status.success(), "{status}");
    second.leads().await;
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.appears("configmaps/toko-bot").await;
}
