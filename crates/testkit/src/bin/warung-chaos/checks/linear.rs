//! Whether a history of operations could have happened one after another (Wing and Gong's search,
//! with Lowe's memory of what was tried): each operation takes effect at one moment between its
//! call and its return. One that never returned may take effect at any time after its call, or never.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation<O> {
    /// When it was called.
    pub(crate) called: u64,
    /// When it returned; `None` if it never did.
    pub(crate) returned: Option<u64>,
    /// What it was, with what it returned.
    pub(crate) what: O,
}

/// Whether an order exists in which every operation's outcome follows from the ones before.
/// `step` gives the state after an operation, or nothing when it cannot have had that outcome.
pub(crate) fn is_linearizable<S: Copy + Eq + Hash, O>(
    history: &[Operation<O>],
    first: S,
    step: impl Fn(S, &O) -> Option<S>,
) -> bool {
    let mut order: Vec<usize> = (0..history.len()).collect();
    order.sort_by_key(|index| history[*index].called);
    let mut tried: HashSet<(BTreeSet<usize>, S)> = HashSet::new();
    // Operations that are placed, without the run at the beginning in which all are.
    let mut stack = vec![(0_usize, BTreeSet::<usize>::new(), first)];
    while let Some((done, placed, state)) = stack.pop() {
        let (done, placed) = advance(done, placed);
        let rest: Vec<usize> = (done..order.len())
            .filter(|at| !placed.contains(at))
            .collect();
        let must = rest.iter().filter_map(|at| history[order[*at]].returned);
        let Some(horizon) = must.min() else {
            return true;
        };
        for at in rest {
            let operation = &history[order[at]];
            if operation.called > horizon {
                break;
            }
            if let Some(next) = step(state, &operation.what) {
                let mut placed = placed.clone();
                placed.insert(at);
                let mut key = placed.clone();
                key.insert(usize::MAX - done);
                if tried.insert((key, next)) {
                    stack.push((done, placed, next));
                }
            }
        }
    }
    false
}

/// Moves the beginning over operations that are placed.
fn advance(mut done: usize, mut placed: BTreeSet<usize>) -> (usize, BTreeSet<usize>) {
    while placed.remove(&done) {
        done += 1;
    }
    (done, placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    enum Register {
        Write(i64),
        Read(i64),
    }

    fn step(state: i64, what: &Register) -> Option<i64> {
        match what {
            Register::Write(value) => Some(*value),
            Register::Read(value) => (*value == state).then_some(state),
        }
    }

    fn operation(called: u64, returned: Option<u64>, what: Register) -> Operation<Register> {
        Operation {
            called,
            returned,
            what,
        }
    }

    #[test]
    fn a_read_during_a_write_may_see_either() {
        for seen in [0, 1] {
            let history = [
                operation(0, Some(10), Register::Write(1)),
                operation(2, Some(5), Register::Read(seen)),
            ];
            assert!(is_linearizable(&history, 0, step));
        }
    }

    #[test]
    fn a_read_after_a_write_sees_it() {
        let history = [
            operation(0, Some(1), Register::Write(1)),
            operation(2, Some(3), Register::Read(0)),
        ];
        assert!(!is_linearizable(&history, 0, step));
    }

    #[test]
    fn a_write_without_an_answer_may_come_late_or_never() {
        let late = [
            operation(0, None, Register::Write(7)),
            operation(5, Some(6), Register::Read(0)),
            operation(8, Some(9), Register::Read(7)),
        ];
        assert!(is_linearizable(&late, 0, step));
        let back = [
            operation(0, None, Register::Write(7)),
            operation(5, Some(6), Register::Read(7)),
            operation(8, Some(9), Register::Read(0)),
        ];
        assert!(!is_linearizable(&back, 0, step));
    }

    #[test]
    fn a_long_history_is_read_quickly() {
        let mut history = Vec::new();
        for turn in 0..5_000_u64 {
            let value = i64::try_from(turn).unwrap();
            history.push(operation(
                turn * 4,
                Some(turn * 4 + 5),
                Register::Write(value),
            ));
            if turn % 100 == 0 {
                history.push(operation(turn * 4, None, Register::Write(-value)));
            }
        }
        assert!(is_linearizable(&history, 0, step));
    }
}
