//! What may happen to the lock, step by step.

use stateright::{Model, Property};

const MASTERS: usize = 3;
const BOTS: usize = 2;
const QUORUM: u32 = 2;
/// Life of a key in ticks, and how much less of it a bot trusts because clocks drift.
const TTL: u8 = 2;
const DRIFT: u8 = 1;
/// Ticks in which everything must have happened: a lock dies of age and another lives after it.
const TICKS: u8 = 3;
/// How much longer a key stays when its master's clock jumps back.
const JUMP_BACK: u8 = TTL;

pub(super) const ONE_BUYS: &str = "the last purchase is sold once";
pub(super) const NONE_OVERTAKEN: &str = "no write follows the write of a later holder";
pub(super) const ONE_HOLDS: &str = "one bot at a time believes that it holds the lock";

/// What the store does when a transaction begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    /// Counts and inserts.
    Unfenced,
    /// Checks the fence, but counts by the snapshot from before it, as one statement of several
    /// `WITH` parts would.
    CountsTooEarly,
    /// Checks the fence, which makes the customer's transactions wait for each other, and counts
    /// then.
    Fenced,
}

/// How often each fault may strike in one history.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub(super) struct Faults {
    pub(super) answers_lost: u8,
    pub(super) keys_lost: u8,
    pub(super) jumps: u8,
}

pub(super) struct Lock {
    pub(super) store: Store,
    pub(super) faults: Faults,
    /// Whether a replica is promoted only once its holder has filled in the third vote.
    pub(super) filled_first: bool,
    /// Whether moments that differ only in which master is which are one: six times less to
    /// search, but the masters in a path change their numbers.
    pub(super) alike: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Key {
    bot: usize,
    left: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    /// Asks for votes.
    Asking,
    /// Has a quorum and time left.
    Holding,
    /// Has drawn its fence token.
    Drawn {
        token: u8,
    },
    /// In the transaction; with a fence the customer's row is locked.
    Open {
        token: u8,
        counted: Option<u8>,
    },
    /// Committed, rolled back or given up; its keys are yet to be freed.
    Over,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Bot {
    phase: Phase,
    /// Masters asked, and those whose vote it knows of, as bits.
    asked: u8,
    granted: u8,
    /// Ticks for which it trusts its lock, by its own clock, from before the first vote.
    valid: Option<u8>,
    extended: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Moment {
    masters: [Option<Key>; MASTERS],
    bots: [Bot; BOTS],
    faults: Faults,
    pub(super) ticks: u8,
    next_token: u8,
    fence: u8,
    /// Tokens of the purchases taken, in the order of their commits.
    taken: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    TimePasses,
    Votes { master: usize, bot: usize },
    VotesButTheAnswerIsLost { master: usize, bot: usize },
    ReplicaWithoutTheKeyIsPromoted { master: usize },
    ClockJumpsAhead { master: usize },
    ClockJumpsBack { master: usize },
    Wins { bot: usize },
    GivesUp { bot: usize },
    Extends { bot: usize },
    DrawsItsToken { bot: usize },
    BeginsWhileValid { bot: usize },
    Counts { bot: usize },
    Commits { bot: usize },
    Frees { bot: usize },
}

impl Bot {
    const NEW: Self = Self {
        phase: Phase::Asking,
        asked: 0,
        granted: 0,
        valid: None,
        extended: false,
    };

    fn is_valid(self) -> bool {
        self.valid.is_some_and(|left| left > 0)
    }

    fn believes(self) -> bool {
        let inside = matches!(
            self.phase,
            Phase::Holding | Phase::Drawn { .. } | Phase::Open { .. }
        );
        inside && self.is_valid()
    }
}

impl Moment {
    /// The vote of a master: a free key is taken, one's own is taken anew.
    fn vote(&mut self, master: usize, bot: usize) -> bool {
        let free = self.masters[master].is_none_or(|key| key.bot == bot);
        if free {
            self.masters[master] = Some(Key { bot, left: TTL });
        }
        free
    }

    fn ask(&mut self, master: usize, bot: usize, is_answered: bool) {
        let granted = self.vote(master, bot);
        let asker = &mut self.bots[bot];
        asker.valid.get_or_insert(TTL - DRIFT);
        asker.asked |= 1 << master;
        if granted && is_answered {
            asker.granted |= 1 << master;
        }
    }

    fn pass_time(&mut self) {
        self.ticks += 1;
        for key in &mut self.masters {
            *key = key.and_then(|key| {
                let left = key.left - 1;
                (left > 0).then_some(Key { left, ..key })
            });
        }
        for bot in &mut self.bots {
            bot.valid = bot.valid.map(|left| left.saturating_sub(1));
        }
    }

    fn extend(&mut self, bot: usize) {
        let granted = (0..MASTERS).filter(|master| self.vote(*master, bot));
        let granted = granted.collect::<Vec<_>>().len();
        self.bots[bot].extended = true;
        if granted >= QUORUM as usize {
            self.bots[bot].valid = Some(TTL - DRIFT);
        }
    }

    fn holds_all(&self, bot: usize) -> bool {
        self.masters
            .iter()
            .flatten()
            .filter(|key| key.bot == bot)
            .count()
            == MASTERS
    }

    fn is_locked(&self) -> bool {
        self.bots
            .iter()
            .any(|bot| matches!(bot.phase, Phase::Open { .. }))
    }

    fn purchases(&self) -> u8 {
        u8::try_from(self.taken.len()).unwrap()
    }

    /// The same moment with its masters in a certain order.
    fn sort_masters(&mut self) {
        let mut all = std::array::from_fn::<_, MASTERS, _>(|master| {
            let bits = self
                .bots
                .map(|bot| (bot.asked >> master & 1, bot.granted >> master & 1));
            (self.masters[master], bits)
        });
        all.sort_unstable();
        for bot in &mut self.bots {
            (bot.asked, bot.granted) = (0, 0);
        }
        for (master, (key, bits)) in all.into_iter().enumerate() {
            self.masters[master] = key;
            for (bot, (asked, granted)) in self.bots.iter_mut().zip(bits) {
                bot.asked |= asked << master;
                bot.granted |= granted << master;
            }
        }
    }

    fn free(&mut self, bot: usize) {
        for key in &mut self.masters {
            if key.is_some_and(|key| key.bot == bot) {
                *key = None;
            }
        }
        self.end(bot, Phase::Gone);
    }

    /// Forgets what no longer matters, so that moments that differ in nothing else are one.
    fn end(&mut self, bot: usize, phase: Phase) {
        self.bots[bot] = Bot { phase, ..Bot::NEW };
    }
}

impl Lock {
    fn begin(&self, moment: &mut Moment, bot: usize, token: u8) {
        if self.store != Store::Unfenced {
            if token < moment.fence {
                moment.end(bot, Phase::Over);
                return;
            }
            moment.fence = token;
        }
        moment.bots[bot].phase = Phase::Open {
            token,
            counted: None,
        };
    }

    fn steps_of(&self, moment: &Moment, bot: usize, steps: &mut Vec<Step>) {
        let own = &moment.bots[bot];
        match own.phase {
            Phase::Asking => {
                for master in (0..MASTERS).filter(|master| own.asked & (1 << master) == 0) {
                    steps.push(Step::Votes { master, bot });
                    if moment.faults.answers_lost < self.faults.answers_lost {
                        steps.push(Step::VotesButTheAnswerIsLost { master, bot });
                    }
                }
                if own.granted.count_ones() >= QUORUM && own.is_valid() {
                    steps.push(Step::Wins { bot });
                } else if own.asked.count_ones() as usize == MASTERS {
                    steps.push(Step::GivesUp { bot });
                }
            }
            Phase::Holding => steps.push(Step::DrawsItsToken { bot }),
            Phase::Drawn { .. } => {
                // The fence's row is locked by whoever is in.
                let waits = self.store == Store::Fenced && moment.is_locked();
                if own.is_valid() && !waits {
                    steps.push(Step::BeginsWhileValid { bot });
                } else if !own.is_valid() {
                    steps.push(Step::GivesUp { bot });
                }
            }
            Phase::Open { counted: None, .. } => steps.push(Step::Counts { bot }),
            Phase::Open { .. } => steps.push(Step::Commits { bot }),
            Phase::Over => steps.push(Step::Frees { bot }),
            Phase::Gone => {}
        }
        if own.believes() && !own.extended {
            steps.push(Step::Extends { bot });
        }
        let unasked = (0..MASTERS).filter(|master| own.granted & (1 << master) == 0);
        if own.believes() {
            // Filling the missing vote.
            steps.extend(unasked.map(|master| Step::Votes { master, bot }));
        }
    }

    fn faults_of(&self, moment: &Moment, master: usize, steps: &mut Vec<Step>) {
        let Some(key) = moment.masters[master] else {
            return;
        };
        let is_late = !self.filled_first || moment.holds_all(key.bot);
        if moment.faults.keys_lost < self.faults.keys_lost && is_late {
            steps.push(Step::ReplicaWithoutTheKeyIsPromoted { master });
        }
        if moment.faults.jumps < self.faults.jumps {
            steps.push(Step::ClockJumpsAhead { master });
            steps.push(Step::ClockJumpsBack { master });
        }
    }
}

impl Model for Lock {
    type State = Moment;
    type Action = Step;

    fn init_states(&self) -> Vec<Moment> {
        vec![Moment {
            masters: [None; MASTERS],
            bots: [Bot::NEW; BOTS],
            faults: Faults::default(),
            ticks: 0,
            next_token: 1,
            fence: 0,
            taken: Vec::new(),
        }]
    }

    fn actions(&self, moment: &Moment, steps: &mut Vec<Step>) {
        for bot in 0..BOTS {
            self.steps_of(moment, bot, steps);
        }
        for master in 0..MASTERS {
            self.faults_of(moment, master, steps);
        }
        if moment.ticks < TICKS {
            steps.push(Step::TimePasses);
        }
    }

    fn next_state(&self, before: &Moment, step: Step) -> Option<Moment> {
        let mut after = before.clone();
        match step {
            Step::TimePasses => after.pass_time(),
            Step::Votes { master, bot } => after.ask(master, bot, true),
            Step::VotesButTheAnswerIsLost { master, bot } => {
                after.faults.answers_lost += 1;
                after.ask(master, bot, false);
            }
            Step::ReplicaWithoutTheKeyIsPromoted { master } => {
                after.faults.keys_lost += 1;
                after.masters[master] = None;
            }
            Step::ClockJumpsAhead { master } => {
                after.faults.jumps += 1;
                after.masters[master] = None;
            }
            Step::ClockJumpsBack { master } => {
                after.faults.jumps += 1;
                let key = after.masters[master].as_mut()?;
                key.left += JUMP_BACK;
            }
            Step::Wins { bot } => after.bots[bot].phase = Phase::Holding,
            Step::GivesUp { bot } => after.end(bot, Phase::Over),
            Step::Extends { bot } => after.extend(bot),
            Step::DrawsItsToken { bot } => {
                let token = after.next_token;
                after.next_token += 1;
                after.bots[bot].phase = Phase::Drawn { token };
            }
            Step::BeginsWhileValid { bot } => {
                let Phase::Drawn { token } = before.bots[bot].phase else {
                    return None;
                };
                self.begin(&mut after, bot, token);
            }
            Step::Counts { bot } => {
                let Phase::Open { token, .. } = before.bots[bot].phase else {
                    return None;
                };
                let counted = Some(before.purchases());
                after.bots[bot].phase = Phase::Open { token, counted };
            }
            Step::Commits { bot } => {
                let Phase::Open { token, counted } = before.bots[bot].phase else {
                    return None;
                };
                if counted == Some(0) {
                    after.taken.push(token);
                }
                after.end(bot, Phase::Over);
            }
            Step::Frees { bot } => after.free(bot),
        }
        let is_new = after != *before;
        if self.alike {
            after.sort_masters();
        }
        is_new.then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_BUYS, |_, moment: &Moment| moment.taken.len() <= 1),
            Property::always(NONE_OVERTAKEN, |_, moment: &Moment| {
                moment.taken.is_sorted()
            }),
            Property::always(ONE_HOLDS, |_, moment: &Moment| {
                !moment.bots.into_iter().all(Bot::believes)
            }),
        ]
    }
}
