//! Random histories of a cluster, with the operator dying anywhere in them.

use jiff::Timestamp;
use proptest::prelude::*;

use super::model::{Model, Place};
use super::{Class, Plan, Verdict, plan};
use crate::redis::observe::Seen;
use crate::redis::report::Reason;
use crate::redis::{Memory, Pod};

/// Passes within which everything has to be in order again.
const PASSES: usize = 400;

#[derive(Clone, Debug)]
enum Event {
    Pass(usize),
    Gossip,
    Time(i64),
    Kill(usize),
    Restart(usize),
    RestartAll,
    LoseVolume(usize),
    Scale(usize),
    NewTemplate,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0_usize..30).prop_map(Event::Pass),
        4 => Just(Event::Gossip),
        2 => (1_i64..20).prop_map(Event::Time),
        1 => (0_usize..12).prop_map(Event::Kill),
        1 => (0_usize..12).prop_map(Event::Restart),
        1 => Just(Event::RestartAll),
        1 => (0_usize..12).prop_map(Event::LoseVolume),
        1 => (3_usize..6).prop_map(Event::Scale),
        1 => Just(Event::NewTemplate),
    ]
}

fn settles(model: &mut Model) {
    let mut last = None;
    for _ in 0..PASSES {
        model.gossip();
        let plan = model.pass(usize::MAX);
        model.pass_time(1);
        if plan.verdict == Verdict::Settled && plan.report.empty_shards.is_empty() {
            let again = model.pass(usize::MAX);
            assert_eq!(again.verdict, Verdict::Settled);
            assert_eq!(again.memory, plan.memory, "at rest nothing is written");
            return;
        }
        last = Some(plan);
    }
    panic!("not in order after {PASSES} passes: {last:#?}");
}

fn formed(shards: usize, replicas: usize) -> Model {
    let mut model = Model::new(shards, replicas);
    settles(&mut model);
    model.fill();
    model
}

fn place(model: &Model, index: usize) -> Place {
    let places = model.places();
    places[index % places.len()]
}

fn happen(model: &mut Model, event: &Event) {
    match *event {
        Event::Pass(steps) => drop(model.pass(steps)),
        Event::Gossip => model.gossip(),
        Event::Time(seconds) => model.pass_time(seconds),
        Event::Kill(index) => model.kill(place(model, index)),
        Event::Restart(index) => model.restart(place(model, index)),
        Event::RestartAll => {
            for place in model.places() {
                model.restart(place);
            }
        }
        Event::LoseVolume(index) => drop(model.lose_volume(place(model, index))),
        Event::Scale(shards) => model.scale(shards),
        Event::NewTemplate => model.new_template(),
    }
}

/// One after another, and nothing may be lost on the way.
fn happen_in_turn(model: &mut Model, events: &[Event]) {
    for event in events {
        happen(model, event);
        assert!(model.holds_everything(), "after {event:?}");
    }
}

/// A quarter of the usual number of cases, which `PROPTEST_CASES` sets: each is a whole history.
fn whole_histories() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = usual.cases / 4;
    ProptestConfig { cases, ..usual }
}

proptest! {
    #![proptest_config(whole_histories())]

    #[test]
    fn whatever_happens_the_cluster_comes_back_into_order_with_every_key(
        replicas in 1_usize..3,
        events in prop::collection::vec(event(), 0..40),
    ) {
        let mut model = formed(3, replicas);
        for event in &events {
            happen(&mut model, event);
            prop_assert!(model.holds_everything(), "after {event:?}");
        }
        model.revive_all();
        settles(&mut model);
        prop_assert_eq!(model.memory.loss, 0, "nothing was lost");
        prop_assert_eq!(model.empty_handed(), 0);
        let wanted = (0..model.desired.shards).collect();
        prop_assert_eq!(model.owners(), wanted);
    }

    #[test]
    fn a_cluster_is_formed_though_the_operator_dies_all_the_time(
        shards in 3_usize..7,
        replicas in 0_usize..3,
        deaths in prop::collection::vec((0_usize..12, any::<bool>()), 0..30),
    ) {
        let mut model = Model::new(shards, replicas);
        for (steps, gossip) in deaths {
            model.pass(steps);
            if gossip {
                model.gossip();
            }
        }
        settles(&mut model);
        prop_assert!(model.holds_everything());
    }
}

/// Its volume is then the only whole copy, and the node that owns its slots will never answer again.
#[test]
fn a_primary_that_was_away_serves_again_when_its_heir_lost_the_volume() {
    let mut model = formed(3, 1);
    let events = [
        Event::Kill(4),
        Event::Pass(0),
        Event::Time(12),
        Event::Pass(1),
        Event::Gossip,
        Event::LoseVolume(5),
    ];
    happen_in_turn(&mut model, &events);
    model.revive_all();
    let mut last = None;
    for _ in 0..PASSES {
        model.gossip_before_updates();
        last = Some(model.pass(usize::MAX));
        model.pass_time(1);
    }
    let last = last.unwrap();
    assert!(
        matches!(last.verdict, Verdict::Waiting(_)),
        "{:?}",
        last.verdict
    );
    assert_eq!(last.report.losses, 0, "nothing is lost that is only late");
    is_whole_again(model);
}

/// Passes until slots are about to move to a fourth shard: it is written down, not yet done.
fn about_to_fill_a_new_shard(replicas: usize) -> Model {
    let mut model = formed(3, replicas);
    model.scale(4);
    for _ in 0..PASSES {
        model.gossip();
        model.pass(0);
        if model.memory.moving.is_some() {
            return model;
        }
        model.pass(usize::MAX);
        model.pass_time(1);
    }
    panic!("no slot moves");
}

/// Settles, with nothing lost and each wanted shard serving.
fn is_whole_again(mut model: Model) {
    settles(&mut model);
    assert_eq!(model.memory.loss, 0, "nothing was lost");
    assert_eq!(model.empty_handed(), 0);
    let wanted = (0..model.desired.shards).collect();
    assert_eq!(model.owners(), wanted);
}

/// The same, with a fourth shard asked for.
fn fills(model: Model) {
    assert_eq!(model.desired.shards, 4);
    is_whole_again(model);
}

#[test]
fn a_new_shard_is_filled_although_it_lost_a_volume_while_it_had_nothing() {
    let mut model = about_to_fill_a_new_shard(2);
    assert!(model.lose_volume((3, 0)));
    fills(model);
}

#[test]
fn a_new_shard_is_filled_although_it_lost_all_its_volumes_while_it_had_nothing() {
    let mut model = about_to_fill_a_new_shard(1);
    assert!(model.lose_volume((3, 0)) && model.lose_volume((3, 1)));
    fills(model);
}

#[test]
fn slots_that_have_just_moved_are_kept_when_their_new_owner_is_lost() {
    let mut model = about_to_fill_a_new_shard(2);
    model.pass(usize::MAX);
    assert!(model.lose_volume((3, 0)));
    fills(model);
}

/// Its heir has heard that some of its slots moved, so it must not take them back.
#[test]
fn a_new_shard_keeps_its_first_slots_when_whoever_gave_them_loses_its_volume() {
    let mut model = formed(3, 1);
    let events = [
        Event::Scale(4),
        Event::Pass(5),
        Event::Pass(16),
        Event::Pass(1),
        Event::Gossip,
        Event::Pass(1),
        Event::Time(1),
        Event::LoseVolume(4),
    ];
    happen_in_turn(&mut model, &events);
    fills(model);
}

/// Without a majority nobody refuses what it claims.
#[test]
fn an_heir_that_slept_through_a_move_does_not_take_the_slots_back() {
    let mut model = about_to_fill_a_new_shard(1);
    model.kill((2, 1));
    model.pass(1);
    for place in [(2, 0), (3, 0), (3, 1)] {
        model.kill(place);
    }
    model.restart((2, 1));
    // Its pod was made anew and did not come up: it is not serving anywhere.
    model.restart((2, 0));
    model.kill((2, 0));
    model.pass(0);
    model.pass_time(60);
    let primary = |plan: Plan| plan.report.shards[2].primary.clone();
    for _ in 0..2 {
        model.pass(usize::MAX);
        assert_eq!(primary(model.pass(0)), None, "it has not heard of the move");
    }
    for _ in 0..5 {
        model.gossip();
        model.pass(usize::MAX);
    }
    assert_eq!(primary(model.pass(0)).as_deref(), Some("r-2-1"));
    model.revive_all();
    fills(model);
}

/// What was accepted as lost is what the dead primary owned at the end, not what it had given away.
#[test]
fn an_accepted_loss_does_not_take_back_slots_that_had_moved_before_it() {
    let mut model = about_to_fill_a_new_shard(1);
    model.kill((2, 1));
    model.pass(1);
    let moved = model.owned_with_keys((3, 0));
    assert!(moved > 0);
    assert!(model.lose_volume((2, 0)));
    model.lose_keys((2, 1));
    model.restart((2, 1));
    for _ in 0..20 {
        model.pass(usize::MAX);
    }
    assert_eq!(model.memory.loss, 1, "its keys are gone");
    model.desired.acknowledged_loss = Some(1);
    let plan = model.pass(usize::MAX);
    let waits = matches!(&plan.verdict, Verdict::Waiting(why) if why.reason == Reason::ViewsDiffer);
    assert!(waits, "it has not heard of the move: {:?}", plan.verdict);
    for _ in 0..5 {
        model.gossip();
        model.pass(usize::MAX);
    }
    let primary = model.pass(0).report.shards[2].primary.clone();
    assert_eq!(primary.as_deref(), Some("r-2-1"));
    assert!(model.owned_with_keys((3, 0)) >= moved);
}

/// Only the former primary knows then that it gave its slots away, and to whom.
#[test]
fn a_primary_that_handed_over_serves_again_when_its_heir_is_lost_before_anybody_heard_of_it() {
    let mut model = formed(3, 1);
    let events = [
        Event::NewTemplate,
        Event::Pass(0),
        Event::Restart(3),
        Event::Pass(2),
        Event::Gossip,
        Event::Pass(0),
        Event::Kill(0),
        Event::Pass(1),
        Event::Gossip,
        Event::Pass(0),
        Event::Pass(1),
        Event::Gossip,
        Event::Pass(1),
        Event::Pass(1),
    ];
    happen_in_turn(&mut model, &events);
    assert_eq!(model.owned_with_keys((1, 0)), 0, "it has handed over");
    assert!(model.lose_volume((1, 1)));
    model.revive_all();
    is_whole_again(model);
}

#[test]
fn a_roll_replaces_replicas_first_and_primaries_after_they_handed_over() {
    let mut model = formed(3, 1);
    model.new_template();
    let mut classes = Vec::new();
    for _ in 0..PASSES {
        model.gossip();
        match model.pass(usize::MAX).verdict {
            Verdict::Settled => break,
            Verdict::Acting(class @ (Class::Replace | Class::HandOver)) => classes.push(class),
            _ => {}
        }
        model.pass_time(6);
    }
    let (replace, hand_over) = (Class::Replace, Class::HandOver);
    let expected = [
        [replace, replace, replace].as_slice(),
        [hand_over, replace].repeat(3).as_slice(),
    ]
    .concat();
    assert_eq!(classes, expected);
    assert_eq!(model.empty_handed(), 0);
}

#[test]
fn without_replicas_a_roll_is_blocked_and_says_so() {
    let mut model = formed(3, 0);
    model.new_template();
    model.gossip();
    let plan = model.pass(usize::MAX);
    assert!(plan.delete.is_empty() && plan.steps.is_empty());
    let blocked = plan.report.findings.roll_blocked.unwrap();
    assert_eq!(blocked.reason, Reason::NoReplicas);
    assert!(plan.report.findings.ready.0);
    assert!(!plan.report.findings.data_safe.0);
}

#[test]
fn pods_that_all_seem_stuck_are_replaced_one_after_the_other() {
    let seen = |ordinal: usize, outdated| Seen {
        pod: Pod {
            name: format!("toko-redis-0-{ordinal}"),
            uid: format!("uid-{ordinal}"),
            ip: None,
            port: 6379,
            bus_port: None,
            shard: 0,
            ordinal,
            ready: false,
            terminating: false,
            outdated,
        },
        view: Err("the password is wrong".to_owned()),
    };
    let desired = Model::new(3, 1).desired;
    let deleted = |seen: &[Seen]| {
        let now = Timestamp::UNIX_EPOCH;
        plan(&desired, seen, Memory::default(), now).delete.len()
    };
    assert_eq!(deleted(&[seen(0, true), seen(1, true)]), 1);
    assert_eq!(deleted(&[seen(0, false), seen(1, true)]), 0, "one comes up");
}
