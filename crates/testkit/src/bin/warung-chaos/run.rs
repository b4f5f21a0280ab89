//! One run: the crowd, the faults one after another, the checks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::checks::{self, Findings, Window};
use crate::customers::{self, Crowd};
use crate::faults;
use crate::goods;
use crate::mutation::Mutation;
use crate::report::{Line, Report, is_quick, is_quiet, load_average};
use crate::schedule::{self, Length, Step};
use crate::timing::Felt;

/// How long a fleet that has just begun may take to be quick, and over which time that is looked at:
/// caches, pools and plans are cold, and PostgreSQL has no statistics yet.
const WARM_LIMIT: Duration = Duration::from_secs(30);
const WARM_LOOK: Duration = Duration::from_secs(3);
/// Time without faults after that, to compare with.
const CALM: Duration = Duration::from_secs(5);
/// Time between two faults.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long after a fault its longest answers are looked for.
const AFTER: Duration = Duration::from_millis(1_500);
/// Nobody waits for longer than this where a fault is over: what one left behind, such as a send that
/// is tried again after seconds, must not be felt in the next.
const SOON: Duration = Duration::from_secs(1);
/// Answers to new questions that say that the shop is well again.
const WELL_ANSWERS: usize = 15;
/// How long that may take.
const WELL_LIMIT: Duration = Duration::from_secs(30);
/// How long the customers may take to come to an end, and the fleet to come to rest.
const CLOSING_LIMIT: Duration = Duration::from_secs(80);
const SETTLE_LIMIT: Duration = Duration::from_secs(80);
/// How long a fault of its own may take before it is given up.
const STRIKE_LIMIT: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);
/// Time in which customers ask for the last of what there is, before all pay at once.
const RUSH: Duration = Duration::from_secs(12);
/// How often a bar may be missed.
const BAR_TRIES: u32 = 2;
/// How long the customers may take to be known.
const INTRODUCTION_LIMIT: Duration = Duration::from_secs(30);

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) state: PathBuf,
    pub(crate) seed: u64,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) length: Length,
    pub(crate) only: Option<String>,
    pub(crate) customers: usize,
    pub(crate) isolated: bool,
}

/// Runs it.
pub(crate) async fn run(plan: &Plan) -> Result<Report> {
    let what = plan
        .mutation
        .map_or(String::new(), |guard| format!(", without {}", guard.name()));
    say(&format!(
        "seed {}{what}: starting stores, sandboxes and bots",
        plan.seed
    ));
    let began = (Instant::now(), monotonic_ns());
    let bed = Bed::make(&plan.state, plan.seed, plan.mutation, plan.isolated).await?;
    let outcome = on(&bed, plan, began).await;
    bed.stop().await;
    outcome
}

async fn on(bed: &Arc<Bed>, plan: &Plan, began: (Instant, u64)) -> Result<Report> {
    let mut dice = StdRng::seed_from_u64(plan.seed);
    introduce(bed, plan.customers).await?;
    let crowd = Crowd::new();
    let people = customers::start(bed, &crowd, plan.customers, plan.seed);
    warm_up(bed).await;
    let warm = Instant::now();
    tokio::time::sleep(CALM).await;
    let calm = bed.timing.felt(warm, Instant::now());
    let mut record = Record::default();
    let steps = match plan.mutation {
        Some(mutation) => schedule::against(mutation),
        None => schedule::steps(plan.length, plan.isolated, &mut dice),
    };
    let wanted = |step: &Step| {
        plan.only
            .as_ref()
            .is_none_or(|part| step.name().contains(part))
    };
    // A guard that is taken out may well cost time.
    let judges_bars = plan.mutation.is_none();
    for step in steps.into_iter().filter(wanted) {
        record
            .go_through(bed, step, &mut dice, judges_bars.then_some(&calm))
            .await;
    }
    let Record {
        mut findings,
        windows,
        lines,
    } = record;
    if plan.length == Length::Full || plan.mutation == Some(Mutation::Stock) {
        crowd.rush();
        tokio::time::sleep(RUSH).await;
        crowd.open();
    }
    say(&format!(
        "{:.0} s: everybody comes to an end",
        began.0.elapsed().as_secs_f64()
    ));
    findings.machine_has_time = !judges_bars || is_quiet(&calm);
    end(bed, &crowd, people, &mut findings).await;
    checks::check(bed, &windows, began, &plan.state, &mut findings).await?;
    findings.saw("questions", bed.timing.count());
    findings.saw("deaths of bots", bed.fleet.deaths());
    Ok(Report {
        seed: plan.seed,
        mutation: plan.mutation.map(Mutation::name),
        seconds: began.0.elapsed().as_secs_f64(),
        calm: calm.into(),
        faults: lines,
        seen: std::mem::take(&mut findings.seen),
        violations: findings.into_violations(),
        load_average: load_average(),
    })
}

/// Waits until the fleet is quick, or has had the time for it.
async fn warm_up(bed: &Bed) {
    let begun = Instant::now();
    while begun.elapsed() < WARM_LIMIT {
        let from = Instant::now();
        tokio::time::sleep(WARM_LOOK).await;
        if is_quick(&bed.timing.felt(from, Instant::now())) {
            return;
        }
    }
}

/// What came of the steps so far.
#[derive(Default)]
struct Record {
    findings: Findings,
    windows: Vec<Window>,
    lines: Vec<Line>,
}

impl Record {
    /// Takes one step. With `calm`, the time before the first fault, its bar is judged if the machine
    /// has the time: one missed is struck once more, because a hiccup is no verdict.
    async fn go_through(&mut self, bed: &Bed, step: Step, dice: &mut StdRng, calm: Option<&Felt>) {
        for time in 1..=BAR_TRIES {
            let line = take(bed, step, dice, &mut self.windows, &mut self.findings).await;
            line.print();
            let is_over = line.is_over() && calm.is_some_and(is_quiet);
            self.lines.push(line);
            tokio::time::sleep(BETWEEN).await;
            if !is_over {
                return;
            }
            if time == BAR_TRIES {
                let what = format!("{} missed its bar {time} times", step.name());
                self.findings.add("bar", what);
            }
        }
    }
}

/// Everybody says hello and gets their money.
async fn introduce(bed: &Bed, count: usize) -> Result<()> {
    let people: Vec<_> = customers::numbers(count)
        .map(|number| bed.whatsapp.customer(&number, "Pembeli"))
        .collect();
    for person in &people {
        person.says("halo").await;
    }
    for person in &people {
        let hello = person.next_reply(INTRODUCTION_LIMIT).await;
        hello.context("nobody answers a hello")?;
    }
    goods::fund(&mut bed.database().await?)
        .await
        .context("fund the customers")
}

/// One step: strikes, waits until the shop is well, and says what customers felt.
async fn take(
    bed: &Bed,
    step: Step,
    dice: &mut StdRng,
    windows: &mut Vec<Window>,
    findings: &mut Findings,
) -> Line {
    let from = Instant::now();
    let happened = strike(bed, step, dice).await;
    let ended = Instant::now();
    let happened = match happened {
        Ok(happened) => happened,
        Err(error) => {
            findings.add("fault", format!("{}: {error:#}", step.name()));
            format!("failed: {error:#}")
        }
    };
    if !is_well(bed, ended).await {
        let open = bed.timing.open_before(ended);
        let what = format!(
            "{}: not well {WELL_LIMIT:?} after it; {open} questions open",
            step.name()
        );
        findings.add("recovery", what);
    }
    let to = Instant::now();
    windows.extend(step.faults().map(|fault| Window { fault, from, to }));
    let felt = bed.timing.felt(from, ended + AFTER);
    let alone = step.second.is_none().then_some(step.first);
    Line::new(step.name(), alone, happened, ended - from, felt)
}

async fn strike(bed: &Bed, step: Step, dice: &mut StdRng) -> Result<String> {
    let mut other = StdRng::from_rng(dice);
    let first = faults::strike(bed, step.first, dice);
    let Some(second) = step.second else {
        return tokio::time::timeout(STRIKE_LIMIT, first).await?;
    };
    let second = async {
        tokio::time::sleep(BETWEEN).await;
        faults::strike(bed, second, &mut other).await
    };
    let both = async { tokio::join!(first, second) };
    let (first, second) = tokio::time::timeout(STRIKE_LIMIT, both).await?;
    Ok(format!("{}; {}", first?, second?))
}

/// Whether new questions are answered soon, and those of before as well.
async fn is_well(bed: &Bed, since: Instant) -> bool {
    while since.elapsed() < WELL_LIMIT {
        let answered = bed.timing.answered_since(since);
        let nobody_waits = !bed.timing.anybody_waits(SOON) && bed.timing.open_before(since) == 0;
        if answered >= WELL_ANSWERS && nobody_waits && since.elapsed() > AFTER {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// Everybody comes to an end, the fleet comes to rest.
async fn end(bed: &Bed, crowd: &Crowd, mut people: JoinSet<()>, findings: &mut Findings) {
    crowd.close();
    let all = async { while people.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_LIMIT, all).await.is_err() {
        findings.add(
            "closing",
            format!("{} customers do not come to an end", people.len()),
        );
    }
    if let Err(reason) = checks::settle(bed, SETTLE_LIMIT).await {
        findings.add("rest", reason);
    }
    findings.extend("answered", crowd.unanswered());
    findings.saw(
        "bought by saldo",
        crowd.bought.load(std::sync::atomic::Ordering::Relaxed),
    );
    findings.saw(
        "paid at Midtrans",
        crowd.paid.load(std::sync::atomic::Ordering::Relaxed),
    );
    findings.saw(
        "called off",
        crowd.cancelled.load(std::sync::atomic::Ordering::Relaxed),
    );
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
