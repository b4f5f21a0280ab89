//! The locks' history: who held what when, and whether the writes behind the fence came one after
//! another.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::linear::{Operation, is_linearizable};
use super::{Findings, Window};

/// How long after a fault locks may still stand on what it left: the life of a lock, as long as
/// its holder may prolong it.
const TRACES: Duration = Duration::from_secs(10);
/// Votes of a whole lock.
const VOTES: u64 = 3;
/// How long a bot may take to notice a silent connection and to make another.
const NOTICED: Duration = Duration::from_millis(1_500);
/// A lock held shorter may be given back before its third vote came: from a master that stands still
/// for 1.2 s, and the first tries after that.
const SETTLED: Duration = Duration::from_millis(1_800);
/// How many of those looked at may stand on two masters: a machine that is a little busy loses votes.
/// With the fill or the watchdog taken out it is nearly all of them.
const PARTIAL_MOST_PERCENT: usize = 40;
const ENOUGH: usize = 10;

/// Ties the machine's monotonic clock to this process's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    ns: u64,
}

impl Clock {
    pub(crate) fn new((instant, ns): (Instant, u64)) -> Self {
        Self { instant, ns }
    }

    fn at(self, ns: u64) -> Instant {
        self.instant + Duration::from_nanos(ns.saturating_sub(self.ns))
    }
}

/// A lock that was held.
#[derive(Clone, Debug)]
struct Hold {
    resource: String,
    from: u64,
    until: u64,
    /// Given back at, with so many votes.
    freed: Option<(u64, u64)>,
}

/// A write behind the fence.
#[derive(Clone, Debug)]
struct Write {
    token: i64,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// It was written over this.
    Over(i64),
    Fenced,
    Unknown,
}

/// Everything in the history, by operation.
#[derive(Debug, Default)]
struct History {
    holds: Vec<Hold>,
    writes: BTreeMap<String, Vec<Operation<Write>>>,
    /// Tokens with the time they were asked for and came.
    tokens: Vec<(u64, u64, i64)>,
}

/// Looks at holders, then at writes.
pub(super) fn check(history: &str, windows: &[Window], clock: Clock, findings: &mut Findings) {
    let history = parse(history);
    one_holder(&history.holds, windows, clock, findings);
    if findings.machine_has_time {
        three_votes(&history.holds, windows, clock, findings);
    }
    let mut wrong = Vec::new();
    let mut writes = 0;
    for (resource, operations) in &history.writes {
        writes += operations.len();
        if !is_linearizable(operations, 0, step) {
            wrong.push(format!(
                "no order explains the writes under the lock {resource}"
            ));
        }
    }
    findings.extend("writes-linearizable", wrong);
    findings.extend("tokens-rise", falling(&history.tokens));
    if history.holds.is_empty() || writes == 0 {
        findings.add(
            "history",
            "nobody noted a lock or a write: the check saw nothing",
        );
    }
    findings.saw("locks held", history.holds.len());
    findings.saw("writes behind the fence", writes);
    let fenced = history.writes.values().flatten();
    let fenced = fenced.filter(|operation| matches!(operation.what.outcome, Outcome::Fenced));
    findings.saw("writes fenced off", fenced.count());
}

/// The fence: a write over what is there, unless a newer one was before it.
fn step(newest: i64, write: &Write) -> Option<i64> {
    match write.outcome {
        Outcome::Over(before) => (before == newest && write.token >= newest).then_some(write.token),
        Outcome::Fenced => (write.token < newest).then_some(newest),
        Outcome::Unknown => (write.token >= newest).then_some(write.token),
    }
}

/// No two at once, but where Redis was made to forget.
fn one_holder(holds: &[Hold], windows: &[Window], clock: Clock, findings: &mut Findings) {
    let mut sorted: Vec<&Hold> = holds.iter().collect();
    sorted.sort_by_key(|hold| hold.from);
    let mut last: HashMap<&str, &Hold> = HashMap::new();
    let (mut wrong, mut excused) = (Vec::new(), 0);
    for hold in sorted {
        if let Some(before) = last.get(hold.resource.as_str())
            && hold.from < before.end()
        {
            let explains = |window: &&Window| {
                window.fault.loses_locks()
                    && clock.at(before.from) < window.to + TRACES
                    && window.from < clock.at(hold.from)
            };
            // On two masters only, one of which may have lost its key: the other check counts those.
            let was_partial = before.freed.is_some_and(|(_, votes)| votes < VOTES);
            if was_partial || windows.iter().any(|window| explains(&window)) {
                excused += 1;
            } else {
                let overlap = Duration::from_nanos(before.end() - hold.from);
                wrong.push(format!("{} had two holders for {overlap:?}", hold.resource));
            }
        }
        last.insert(&hold.resource, hold);
    }
    findings.extend("one-holder", wrong);
    findings.saw("second holders where Redis had forgotten", excused);
}

/// A lock stands on all three masters again soon after one of them gave no vote: most of those held
/// while masters stand still by turns, or while connections to one of them are silent. Not judged on
/// a machine without the time: a vote counts within 50 ms.
fn three_votes(holds: &[Hold], windows: &[Window], clock: Clock, findings: &mut Findings) {
    let (mut whole, mut partial) = (0, 0);
    for hold in holds {
        let Some((freed, votes)) = hold.freed else {
            continue;
        };
        let (from, to) = (clock.at(hold.from), clock.at(freed));
        let is_within =
            |w: &&Window| w.fault.leaves_three_votes() && from > w.from + NOTICED && to < w.to;
        let is_disturbed =
            |w: &&Window| !w.fault.leaves_three_votes() && from < w.to && w.from < to;
        let mut windows = windows.iter();
        if to - from < SETTLED
            || !windows.clone().any(|window| is_within(&window))
            || windows.any(|window| is_disturbed(&window))
        {
            continue;
        }
        if votes < VOTES {
            partial += 1;
        } else {
            whole += 1;
        }
    }
    let all = whole + partial;
    findings.saw("locks looked at for their third vote", all);
    findings.saw("of them on two masters only", partial);
    if all >= ENOUGH && partial * 100 > all * PARTIAL_MOST_PERCENT {
        findings.add(
            "three-votes",
            format!("{partial} of {all} locks stood on two masters and were not filled up"),
        );
    }
}

/// Tokens that were drawn after others and are not above them.
fn falling(tokens: &[(u64, u64, i64)]) -> Vec<String> {
    let mut by_return: Vec<_> = tokens.to_vec();
    by_return.sort_by_key(|(_, returned, _)| *returned);
    let mut by_call: Vec<_> = tokens.to_vec();
    by_call.sort_unstable();
    let (mut highest, mut next, mut wrong) = (i64::MIN, 0, Vec::new());
    for (called, _, token) in by_call {
        while next < by_return.len() && by_return[next].1 < called {
            highest = highest.max(by_return[next].2);
            next += 1;
        }
        if token <= highest {
            wrong.push(format!("token {token} was drawn after {highest}"));
        }
    }
    wrong
}

impl Hold {
    /// Until when its holder may have believed to hold it.
    fn end(&self) -> u64 {
        self.freed
            .map_or(self.until, |(freed, _)| freed.min(self.until))
    }
}

fn parse(text: &str) -> History {
    let mut reader = Reader::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [at, process, operation, what, resource, rest @ ..] = words.as_slice() else {
            continue;
        };
        if let Ok(at) = at.parse() {
            let numbers: Vec<i64> = rest.iter().filter_map(|word| word.parse().ok()).collect();
            reader.read(at, (process, operation), what, resource, &numbers);
        }
    }
    reader.history
}

/// An operation's number in its process.
type Key<'a> = (&'a str, &'a str);

/// Ties the ends of operations to their beginnings.
#[derive(Default)]
struct Reader<'a> {
    history: History,
    asked: HashMap<Key<'a>, u64>,
    held: HashMap<Key<'a>, usize>,
    written: HashMap<Key<'a>, usize>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, at: u64, key: Key<'a>, what: &str, resource: &str, numbers: &[i64]) {
        match (what, numbers) {
            ("lock", [until, ..]) => {
                self.held.insert(key, self.history.holds.len());
                self.history.holds.push(Hold {
                    resource: resource.to_owned(),
                    from: at,
                    until: u64::try_from(*until).unwrap_or(at),
                    freed: None,
                });
            }
            ("free?", [votes]) => {
                if let Some(index) = self.held.get(&key) {
                    let votes = u64::try_from(*votes).unwrap_or(0);
                    self.history.holds[*index].freed = Some((at, votes));
                }
            }
            ("token?", _) => {
                self.asked.insert(key, at);
            }
            ("token", [token]) => {
                let called = self.asked.get(&key).copied().unwrap_or(at);
                self.history.tokens.push((called, at, *token));
            }
            ("write?", [token]) => {
                let writes = self.history.writes.entry(resource.to_owned()).or_default();
                self.written.insert(key, writes.len());
                writes.push(Operation {
                    called: at,
                    returned: None,
                    what: Write {
                        token: *token,
                        outcome: Outcome::Unknown,
                    },
                });
            }
            ("write", [_, before]) => self.wrote(at, key, resource, Outcome::Over(*before)),
            ("fenced", _) => self.wrote(at, key, resource, Outcome::Fenced),
            _ => {}
        }
    }

    fn wrote(&mut self, at: u64, key: Key<'a>, resource: &str, outcome: Outcome) {
        let writes = self.history.writes.get_mut(resource);
        let index = self.written.get(&key);
        if let (Some(writes), Some(index)) = (writes, index) {
            writes[*index].returned = Some(at);
            writes[*index].what.outcome = outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(history: &str) -> Vec<&'static str> {
        let mut findings = Findings::default();
        let clock = Clock::new((Instant::now(), 0));
        check(history, &[], clock, &mut findings);
        let violations = findings.into_violations();
        let checks = violations.iter().map(|violation| violation.check);
        checks.filter(|check| *check != "history").collect()
    }

    #[test]
    fn one_after_another_is_in_order() {
        let history = "100 7 1 lock a 9000\n110 7 2 write? a 5\n120 7 2 write a 5 0\n\
                       130 7 1 free? a 3\n200 8 1 lock a 9000\n210 8 2 write? a 6\n\
                       220 8 2 write a 6 5\n230 8 1 free? a 3\n";
        assert!(found(history).is_empty());
    }

    #[test]
    fn two_holders_and_an_older_token_are_found() {
        let holders = "100 7 1 lock a 9000\n200 8 1 lock a 9000\n";
        assert_eq!(found(holders), ["one-holder"]);
        let older = "100 7 1 write? a 6\n110 7 1 write a 6 0\n120 8 1 write? a 5\n\
                     130 8 1 write a 5 6\n";
        assert_eq!(found(older), ["writes-linearizable"]);
        let tokens = "100 7 1 token? a\n110 7 1 token a 6\n120 8 1 token? a\n130 8 1 token a 6\n";
        assert_eq!(found(tokens), ["tokens-rise"]);
    }

    #[test]
    fn a_holder_whose_time_is_over_holds_nothing() {
        let history = "100 7 1 lock a 150\n200 8 1 lock a 9000\n";
        assert!(found(history).is_empty());
    }
}
