//! Strangers who mean harm: what they do, how fast, and what they are answered. They live on one
//! thread of their own, so that they take at most one processor and hold up neither the sandbox nor
//! the customers of this process. Whatever they do is bounded in number and in time.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Longest raid, whatever becomes of whoever began it.
const LONGEST_RAID: Duration = Duration::from_mins(2);
/// How often each held socket gets a byte and is looked after.
const DRIP: Duration = Duration::from_secs(1);
/// Parts in which the held sockets take their turns, so that they come as a stream and not at once.
const PARTS: u32 = 20;
/// Connections on which requests are made at each bot.
const LANES: u32 = 16;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Files that this process has open beside the strangers' sockets, and some room.
const OTHER_FILES: u64 = 1_024;
/// Longest head of an answer that is read, in bytes.
const ANSWER_BYTES: usize = 16 * 1_024;

/// What strangers do at each bot.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Open so many connections and keep them open, each with these first words, and then with a
    /// byte a second where they drip. One that is closed is opened again within a second.
    Hold {
        sockets: usize,
        words: Vec<u8>,
        drips: bool,
    },
    /// Make these requests in turn, so many a second in all, on [`LANES`] connections that are kept
    /// for as long as the bot lets them.
    Ask {
        per_second: u32,
        requests: Arc<[Vec<u8>]>,
    },
    /// Open a connection so many times a second and close it without a word.
    Knock { per_second: u32 },
}

/// How often strangers met with what: a status, `closed`, `unreachable`, …
pub(crate) type Tally = BTreeMap<String, u64>;

/// Strangers at work.
#[derive(Debug)]
pub(crate) struct Raid {
    stop: oneshot::Sender<()>,
    met: Arc<Mutex<Tally>>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Raid {
    /// Lets strangers do the same at each of these addresses.
    ///
    /// # Errors
    /// When the system allows too few files or no thread.
    pub(crate) fn begin(deed: &Deed, addresses: &[String]) -> Result<Self> {
        if let Deed::Hold { sockets, .. } = deed {
            allow_files(u64::try_from(sockets * addresses.len())? + OTHER_FILES)?;
        }
        let (stop, stopped) = oneshot::channel();
        let met = Arc::new(Mutex::new(Tally::new()));
        let (deed, addresses) = (deed.clone(), addresses.to_vec());
        let book = Book(Arc::clone(&met));
        let thread = thread::Builder::new()
            .name("strangers".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async move {
                    for address in addresses {
                        send_out(&deed, &address, &book);
                    }
                    // Both ways of ending the wait end the raid: its sockets close with the runtime.
                    let _ = timeout(LONGEST_RAID, stopped).await;
                });
                Ok(())
            })?;
        Ok(Self { stop, met, thread })
    }

    /// Sends them away; what they met with.
    ///
    /// # Errors
    /// When their thread came to grief.
    pub(crate) fn end(self) -> Result<Tally> {
        // They may have gone by themselves.
        let _ = self.stop.send(());
        self.thread
            .join()
            .map_err(|_| anyhow!("the strangers' thread panicked"))??;
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(met.clone())
    }
}

/// Where strangers note what they meet with.
#[derive(Clone, Debug)]
struct Book(Arc<Mutex<Tally>>);

impl Book {
    fn note(&self, what: &str) {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry(what.to_owned()).or_default() += 1;
    }
}

fn send_out(deed: &Deed, address: &str, book: &Book) {
    let (address, book) = (address.to_owned(), book.clone());
    match deed {
        Deed::Hold {
            sockets,
            words,
            drips,
        } => {
            tokio::spawn(hold(address, *sockets, words.clone(), *drips, book));
        }
        Deed::Ask {
            per_second,
            requests,
        } => {
            for lane in 0..LANES {
                let pace = Duration::from_secs(1) * LANES / *per_second;
                let requests = Arc::clone(requests);
                tokio::spawn(ask(address.clone(), lane, pace, requests, book.clone()));
            }
        }
        Deed::Knock { per_second } => {
            tokio::spawn(knock(address, Duration::from_secs(1) / *per_second, book));
        }
    }
}

async fn hold(address: String, sockets: usize, words: Vec<u8>, drips: bool, book: Book) {
    let mut held: Vec<Option<TcpStream>> = (0..sockets).map(|_| None).collect();
    let mut rounds = interval(DRIP / PARTS);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for part in (0..PARTS as usize).cycle() {
        rounds.tick().await;
        for place in held.iter_mut().skip(part).step_by(PARTS as usize) {
            match place {
                None => *place = open(&address, &words, &book).await,
                Some(socket) => {
                    if let Some(end) = look_after(socket, drips) {
                        book.note(&end);
                        *place = None;
                    }
                }
            }
        }
    }
}

async fn open(address: &str, words: &[u8], book: &Book) -> Option<TcpStream> {
    let opened = async {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(words).await?;
        io::Result::Ok(socket)
    };
    let opened = timeout(PATIENCE, opened).await;
    let socket = opened.ok().and_then(io::Result::ok);
    book.note(if socket.is_some() {
        "opened"
    } else {
        "unreachable"
    });
    socket
}

/// How a held socket ended, if it did; else it gets its byte.
fn look_after(socket: &TcpStream, drips: bool) -> Option<String> {
    let mut answer = [0; 256];
    match socket.try_read(&mut answer) {
        Ok(0) => return Some("closed".to_owned()),
        Ok(length) => return Some(status(&answer[..length])),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(_) => return Some("closed".to_owned()),
    }
    if !drips {
        return None;
    }
    match socket.try_write(b"x") {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Some("closed".to_owned()),
        _ => None,
    }
}

async fn ask(address: String, lane: u32, pace: Duration, requests: Arc<[Vec<u8>]>, book: Book) {
    // The lanes take turns.
    tokio::time::sleep(pace * lane / LANES).await;
    let mut rounds = interval(pace);
    // Answers that let them wait slow them down: a flood that piles up within this process would
    // say nothing about the bots.
    rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut kept = None;
    for request in requests.iter().cycle() {
        rounds.tick().await;
        let met = match timeout(PATIENCE, exchange(&mut kept, &address, request)).await {
            Ok(Ok(status)) => status,
            Ok(Err(_)) => {
                kept = None;
                "closed".to_owned()
            }
            Err(_) => {
                kept = None;
                "no answer".to_owned()
            }
        };
        book.note(&met);
    }
}

/// One request and the status of its answer; keeps the connection if the bot does.
async fn exchange(
    kept: &mut Option<TcpStream>,
    address: &str,
    request: &[u8],
) -> io::Result<String> {
    let mut socket = match kept.take() {
        Some(socket) => socket,
        None => TcpStream::connect(address).await?,
    };
    // A bot that has heard enough answers and closes while we still speak.
    let spoken = socket.write_all(request).await;
    let mut answer = Vec::new();
    let head = loop {
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > ANSWER_BYTES || socket.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    while answer.len() < head + length {
        if socket.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    if spoken.is_ok() && !text.contains("connection: close") {
        *kept = Some(socket);
    }
    Ok(status(&answer))
}

async fn knock(address: String, pace: Duration, book: Book) {
    let mut rounds = interval(pace);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        rounds.tick().await;
        let met = match TcpStream::connect(&address).await {
            Ok(_) => "opened",
            Err(_) => "unreachable",
        };
        book.note(met);
    }
}

/// The status of an answer that has begun.
fn status(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let code = text.split(' ').nth(1).filter(|code| code.len() == 3);
    code.unwrap_or("no HTTP").to_owned()
}

/// Lets this process have as many files open.
fn allow_files(count: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|files| files < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit)
            .with_context(|| format!("{count} open files are not allowed here (ulimit -n)"))?;
    }
    Ok(())
}
