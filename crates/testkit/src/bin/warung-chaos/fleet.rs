//! Three bots that come back when they die, as a platform brings them back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use warung_testkit::bot::{Bot, Shop};
use warung_testkit::ports;

/// How many bots there are.
pub(crate) const BOTS: usize = 3;
/// How often the fleet is looked after, and how long a dead bot stays away.
const LOOK: Duration = Duration::from_millis(50);
const AWAY: Duration = Duration::from_millis(500);
/// How long a bot that is asked to stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(12);
/// How a platform finds out who is ready, as the operator tells it: how often it asks, how long it
/// waits, and after how many failures it sends nothing more.
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const PROBE_FAILURES: u32 = 2;
/// How long a bot may take until it is ready.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// The bots. Their places keep port, log and directory of control files over all lives.
#[derive(Debug)]
pub(crate) struct Fleet {
    shop: Shop,
    program: PathBuf,
    http: reqwest::Client,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    port: u16,
    log: PathBuf,
    directory: PathBuf,
    life: Mutex<Life>,
}

#[derive(Debug, Default)]
struct Life {
    bot: Option<Bot>,
    deaths: usize,
    died_at: Option<Instant>,
    /// Probes in a row that failed.
    failures: u32,
}

impl Fleet {
    /// Starts the bots and whoever brings them back.
    pub(crate) async fn start(
        shop: Shop,
        program: PathBuf,
        http: reqwest::Client,
        logs: &Path,
        directory: &Path,
    ) -> Result<Arc<Self>> {
        let mut places = Vec::new();
        for number in 1..=BOTS {
            let directory = directory.join(format!("bot-{number}"));
            fs::create_dir_all(&directory)?;
            places.push(Place {
                port: ports::free()?,
                log: logs.join(format!("chaos-bot-{number}.log")),
                directory,
                life: Mutex::default(),
            });
        }
        let fleet = Arc::new(Self {
            shop,
            program,
            http,
            places,
        });
        for place in &fleet.places {
            let _ = fs::remove_file(&place.log);
            let bot = fleet.spawn(place)?;
            place.life().bot = Some(bot);
        }
        for index in 0..BOTS {
            fleet.ready(index).await?;
        }
        tokio::spawn(look_after(Arc::downgrade(&fleet)));
        Ok(fleet)
    }

    /// The addresses of all bots for a path.
    pub(crate) fn urls(&self, path: &str) -> Vec<String> {
        let url = |place: &Place| format!("http://127.0.0.1:{}{path}", place.port);
        self.places.iter().map(url).collect()
    }

    /// The addresses of some bots for a path.
    pub(crate) fn urls_of(&self, bots: &[usize], path: &str) -> Vec<String> {
        let all = self.urls(path);
        bots.iter().map(|bot| all[*bot].clone()).collect()
    }

    /// Asks every bot whether it is ready, and waits until the next time. Returns those that are
    /// sent to.
    pub(crate) async fn probe(&self) -> Vec<usize> {
        let next = Instant::now() + PROBE_EVERY;
        let asked = self.places.iter().map(|place| async {
            let url = format!("http://127.0.0.1:{}/readyz", place.port);
            let answer = self.http.get(url).timeout(PROBE_LIMIT).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            let mut life = place.life();
            life.failures = if is_ready { 0 } else { life.failures + 1 };
            life.failures < PROBE_FAILURES
        });
        let ready = futures_util::future::join_all(asked).await;
        tokio::time::sleep_until(next.into()).await;
        let ready = ready.iter().enumerate();
        ready
            .filter(|(_, ready)| **ready)
            .map(|(bot, _)| bot)
            .collect()
    }

    /// Lines about locks that all lives of all bots wrote.
    pub(crate) fn history(&self) -> String {
        let mut lines = String::new();
        for place in &self.places {
            let file = place.directory.join("history");
            lines.push_str(&fs::read_to_string(&file).unwrap_or_default());
        }
        lines
    }

    /// How often bots have died.
    pub(crate) fn deaths(&self) -> usize {
        self.places.iter().map(|place| place.life().deaths).sum()
    }

    /// Kills a bot (SIGKILL); it comes back.
    pub(crate) fn kill(&self, index: usize) -> Result<()> {
        match &self.places[index].life().bot {
            Some(bot) => Ok(bot.process.kill()?),
            None => bail!("bot {index} is dead already"),
        }
    }

    /// Freezes a bot.
    pub(crate) fn freeze(&self, index: usize) -> Result<()> {
        let life = self.places[index].life();
        Ok(life.bot.as_ref().context("it is dead")?.process.pause()?)
    }

    /// Lets a frozen bot go on.
    pub(crate) fn thaw(&self, index: usize) -> Result<()> {
        match &self.places[index].life().bot {
            Some(bot) => Ok(bot.process.resume()?),
            None => Ok(()),
        }
    }

    /// Has a bot be struck when it reaches a point: `kill` or `stop`.
    pub(crate) fn arm(&self, index: usize, word: &str, point: &str) -> Result<()> {
        let file = self.places[index].directory.join(format!("{word}.{point}"));
        Ok(fs::write(file, "")?)
    }

    /// Takes that back; whether nobody had reached the point.
    pub(crate) fn disarm(&self, index: usize, word: &str, point: &str) -> bool {
        fs::remove_file(self.places[index].directory.join(format!("{word}.{point}"))).is_ok()
    }

    /// Whether a bot has reached the point it was armed for.
    pub(crate) fn is_struck(&self, index: usize, word: &str, point: &str) -> bool {
        !self.places[index]
            .directory
            .join(format!("{word}.{point}"))
            .exists()
    }

    /// Asks a bot to stop, as a platform does that rolls a new version out, and starts the next.
    pub(crate) async fn roll(&self, index: usize) -> Result<()> {
        let place = &self.places[index];
        // Out of its place, nobody brings it back.
        let old = place.life().bot.take().context("it is dead")?;
        old.process.stop(STOP_LIMIT).await?;
        let bot = self.spawn(place)?;
        place.life().bot = Some(bot);
        self.ready(index).await
    }

    /// Waits until a bot says that it is ready.
    pub(crate) async fn ready(&self, index: usize) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/readyz", self.places[index].port);
        let limit = Instant::now() + READY_LIMIT;
        loop {
            let answer = self.http.get(&url).timeout(Duration::from_secs(2)).send();
            if answer
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            if Instant::now() > limit {
                bail!(
                    "bot {index} is not ready; see {}",
                    self.places[index].log.display()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Stops all bots in order.
    pub(crate) async fn stop(&self) {
        let bots: Vec<Bot> = (self.places.iter())
            .filter_map(|place| place.life().bot.take())
            .collect();
        for bot in &bots {
            let _ = bot.process.resume();
            let _ = bot.process.terminate();
        }
        for bot in &bots {
            let _ = bot.process.stop(STOP_LIMIT).await;
        }
    }

    /// Runs an administrator's command.
    pub(crate) async fn administer(&self, words: &[&str]) -> Result<String> {
        self.shop.administer(&self.program, words).await
    }

    fn spawn(&self, place: &Place) -> Result<Bot> {
        let mut shop = self.shop.clone();
        let directory = place.directory.to_string_lossy().into_owned();
        shop.more.push(("WARUNG_CHAOS_DIR".to_owned(), directory));
        shop.serve(&self.program, place.port, &place.log)
    }
}

impl Place {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look_after(fleet: std::sync::Weak<Fleet>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(fleet) = fleet.upgrade() else {
            return;
        };
        for place in &fleet.places {
            let mut life = place.life();
            let has_ended = life
                .bot
                .as_ref()
                .is_some_and(|bot| !bot.process.is_running());
            if !has_ended {
                continue;
            }
            let died_at = *life.died_at.get_or_insert_with(Instant::now);
            if died_at.elapsed() < AWAY {
                continue;
            }
            life.deaths += 1;
            life.died_at = None;
            // What cannot be started now is tried again at the next look.
            if let Ok(bot) = fleet.spawn(place) {
                life.bot = Some(bot);
            }
        }
    }
}
