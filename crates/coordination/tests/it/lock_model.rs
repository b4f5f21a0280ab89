//! The lock and the store behind it as a model, searched through to the last state.
//!
//! Two bots want the last purchase that the limit allows one customer. Each asks three masters for
//! their votes, one at a time and in any order; with two it holds the lock as long as its own clock
//! says, draws a fence token, opens a transaction, counts, and commits. Nobody is ever made to take
//! the next step, so that every bot may be paused anywhere for as long as the search goes on: that
//! is how a process that sleeps past its lock gets into the model.
//!
//! Besides time, these happen, each at most as often as [`Faults`] says: a master's answer is lost
//! after it gave its vote; a replica that never saw the key is promoted; a master's clock jumps
//! ahead, so that its key expires, or back, so that it stays for long.
//!
//! What is left out: an extension reaches all masters at once (three separate calls in the code),
//! and a master that is away is one that nobody asks.

#![expect(
    clippy::print_stdout,
    reason = "a search tells how far it went, and the way to what it found"
)]

mod model;

use std::time::Instant;

use stateright::{Checker, Model};

use self::model::{Faults, Lock, NONE_OVERTAKEN, ONE_BUYS, ONE_HOLDS, Step, Store};

/// Where the search gives up as too large: more would take longer than a test may.
const STATES_MAX: usize = 6_000_000;

const EVERY_FAULT: Faults = Faults {
    answers_lost: 1,
    keys_lost: 1,
    jumps: 1,
};

/// Searches through the whole model; the way to the first of `wanted` that does not hold, printed
/// step by step.
fn search(name: &str, lock: Lock, wanted: &[&'static str]) -> Option<Vec<Step>> {
    let begun = Instant::now();
    let checker = lock
        .checker()
        .target_state_count(STATES_MAX)
        .spawn_bfs()
        .join();
    let states = checker.unique_state_count();
    println!("{name}: {states} states in {:.1?}", begun.elapsed());
    assert!(
        checker.state_count() < STATES_MAX,
        "{name}: not searched to the end"
    );
    let found = |name: &&'static str| Some((*name, checker.discovery(name)?));
    let (broken, path) = wanted.iter().find_map(found)?;
    let path = path.into_vec();
    let properties = checker.model().properties();
    let property = properties.iter().find(|known| known.name == broken)?;
    let mut steps = Vec::new();
    for (moment, step) in path {
        if !(property.condition)(checker.model(), &moment) {
            break;
        }
        steps.extend(step);
    }
    println!("  against \"{}\":", property.name);
    for (number, step) in steps.iter().enumerate() {
        println!("  {:>2}. {step:?}", number + 1);
    }
    Some(steps)
}

/// Nothing happens but time.
fn unharmed(store: Store) -> Lock {
    Lock {
        store,
        faults: Faults::default(),
        filled_first: false,
        alike: false,
    }
}

fn harmed(faults: Faults) -> Lock {
    Lock {
        faults,
        alike: true,
        ..unharmed(Store::Fenced)
    }
}

#[test]
fn without_the_fence_a_bot_that_slept_past_its_lock_sells_the_last_purchase_again() {
    let path = search("without a fence", unharmed(Store::Unfenced), &[ONE_BUYS]);
    let path = path.expect("the double grant is found");
    assert!(path.contains(&Step::TimePasses), "only sleep does it");
}

#[test]
fn without_the_fence_a_write_follows_that_of_a_later_holder() {
    let lock = unharmed(Store::Unfenced);
    assert!(search("without a fence", lock, &[NONE_OVERTAKEN]).is_some());
}

#[test]
fn a_fence_that_counts_by_an_older_snapshot_sells_it_twice() {
    let lock = unharmed(Store::CountsTooEarly);
    assert!(search("counting too early", lock, &[ONE_BUYS]).is_some());
}

#[test]
fn with_the_fence_no_fault_sells_the_last_purchase_twice() {
    let wanted = [ONE_BUYS, NONE_OVERTAKEN];
    assert_eq!(search("with the fence", harmed(EVERY_FAULT), &wanted), None);
}

#[test]
fn a_lock_filled_to_three_outlives_one_replica_that_never_saw_it() {
    let lock = |filled_first| Lock {
        filled_first,
        ..harmed(Faults {
            keys_lost: 1,
            ..Faults::default()
        })
    };
    let path = search(
        "a key lost by a lock of two votes",
        lock(false),
        &[ONE_HOLDS],
    );
    assert!(path.is_some(), "two votes of three are not enough");
    let path = search(
        "a key lost by a lock of three votes",
        lock(true),
        &[ONE_HOLDS],
    );
    assert_eq!(path, None);
}

#[test]
fn a_clock_that_jumps_under_two_votes_makes_two_holders() {
    let lock = harmed(Faults {
        jumps: 1,
        ..Faults::default()
    });
    assert!(search("a clock jumps", lock, &[ONE_HOLDS]).is_some());
}
