//! What breaks is mended.

use warung_operator::redis::{Reason, Verdict};
use warung_testkit::eventually;

use super::bed::name;
use super::shop::Shop;
use super::{LATER, SOON, files_are_synced};

#[tokio::test]
async fn everything_restarts_on_other_addresses_and_no_key_is_lost() {
    let shop = Shop::formed(3, 1).await;
    let written = shop.customer().fills(1_000).await;
    files_are_synced().await;
    shop.bed.restart_everything();
    let plan = shop.settles(LATER).await;
    assert!(plan.report.findings.data_safe.0);
    assert_eq!(shop.customer().misses(&written).await, 0);
}

#[tokio::test]
async fn a_replica_takes_over_although_somebody_else_answers_at_its_primarys_address() {
    let shop = Shop::formed(3, 1).await;
    let written = shop.customer().fills(300).await;
    let (primary, replica) = (name(0, 0), name(0, 1));
    let address = shop.bed.pod(&primary).ip.unwrap();
    shop.bed.kill(&primary);
    let stranger = shop.bed.stranger(address);
    let took_over = eventually(SOON, async || {
        let plan = shop.pass().await;
        let shard = &plan.report.shards[0];
        (shard.primary.as_ref() == Some(&replica)).then_some(plan)
    })
    .await;
    assert_eq!(took_over.report.slots_covered, 16_384);
    assert!(!took_over.report.findings.data_safe.0);
    assert_eq!(shop.customer().misses(&written).await, 0);
    drop(stranger);
    shop.bed.revive(&primary, None);
    let plan = shop.settles(LATER).await;
    assert_eq!(plan.report.shards[0].primary.as_ref(), Some(&replica));
    assert_eq!(shop.customer().misses(&written).await, 0);
}

#[tokio::test]
async fn nodes_that_lost_their_volumes_are_replaced_and_the_old_ones_forgotten() {
    let shop = Shop::formed(3, 1).await;
    let written = shop.customer().fills(300).await;
    let before = shop.memory().nodes;
    for lost in [name(1, 1), name(2, 0)] {
        shop.bed.kill(&lost);
        shop.bed.lose_volume(&lost);
        shop.bed.revive(&lost, None);
    }
    let plan = shop.settles(LATER).await;
    assert_eq!(plan.report.known_nodes, 6);
    assert_eq!(plan.report.shards[2].primary, Some(name(2, 1)));
    let after = plan.memory.nodes;
    let kept = after.keys().filter(|id| before.contains_key(id)).count();
    assert_eq!((kept, after.len()), (4, 6));
    assert_eq!(shop.customer().misses(&written).await, 0);
}

#[tokio::test]
async fn a_primary_that_was_away_serves_again_when_its_heir_lost_the_volume() {
    let shop = Shop::formed(3, 1).await;
    let written = shop.customer().fills(300).await;
    files_are_synced().await;
    let (primary, replica) = (name(2, 0), name(2, 1));
    shop.bed.kill(&primary);
    eventually(SOON, async || {
        let plan = shop.pass().await;
        (plan.report.shards[2].primary.as_ref() == Some(&replica)).then_some(())
    })
    .await;
    // Nothing was written since, so the volume of the dead primary is a whole copy: the only one.
    shop.bed.kill(&replica);
    shop.bed.lose_volume(&replica);
    shop.bed.revive(&replica, None);
    shop.bed.revive(&primary, None);
    let plan = shop.settles(LATER).await;
    assert_eq!(
        plan.report.losses, 0,
        "nothing was lost that had to be accepted"
    );
    assert_eq!(plan.report.shards[2].primary, Some(primary));
    assert_eq!(shop.customer().misses(&written).await, 0);
}

#[tokio::test]
async fn lost_slots_are_not_handed_out_before_a_person_accepts_the_loss() {
    let shop = Shop::formed(3, 0).await;
    let written = shop.customer().fills(300).await;
    let lost = name(1, 0);
    shop.bed.kill(&lost);
    shop.bed.lose_volume(&lost);
    shop.bed.revive(&lost, None);
    let blocked = async || {
        let plan = shop.pass().await;
        match &plan.verdict {
            Verdict::Blocked(finding) if finding.reason == Reason::DataLoss => Ok(plan),
            other => Err(format!("{other:?}")),
        }
    };
    let plan = eventually(SOON, blocked).await;
    assert!(plan.report.slots_covered < 16_384);
    assert!(!plan.report.findings.ready.0);
    assert_eq!(plan.report.losses, 1);
    let (safe, found) = plan.report.findings.data_safe;
    assert!(!safe);
    assert!(
        found.message.contains("acknowledgeDataLoss: 1 "),
        "{found:?}"
    );
    // An acceptance of another loss is none of this one.
    shop.wants(|desired| desired.acknowledged_loss = Some(7));
    eventually(SOON, blocked).await;
    shop.wants(|desired| desired.acknowledged_loss = Some(1));
    let plan = shop.settles(LATER).await;
    assert!(plan.memory.lost.is_empty());
    let missing = shop.customer().misses(&written).await;
    assert!(
        (50..200).contains(&missing),
        "{missing} of 300 keys are gone"
    );

    // The next loss is not accepted by what was said of the first.
    let lost = name(2, 0);
    shop.bed.kill(&lost);
    shop.bed.lose_volume(&lost);
    shop.bed.revive(&lost, None);
    let plan = eventually(SOON, blocked).await;
    assert_eq!(plan.report.losses, 2);
    shop.wants(|desired| desired.acknowledged_loss = Some(2));
    shop.settles(LATER).await;
}
