//! A wire to PostgreSQL that can fail at the worst moment: a statement or a COMMIT has arrived and had
//! its effect, and its answer is late or lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a transaction's end is sent.
const COMMIT: &[u8] = b"COMMIT\0";
const BUFFER_BYTES: usize = 64 * 1024;

/// The wire. It passes everything on until it is told otherwise, and ends with the runtime.
#[derive(Debug)]
pub struct Wire {
    url: String,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// Of 1,000 COMMITs, and of 1,000 other requests, so many lose their answer.
    commits: AtomicU32,
    others: AtomicU32,
    made: AtomicU64,
    commit_answer_ms: AtomicU64,
}

impl Wire {
    /// Lays a wire to the database of a URL.
    ///
    /// # Errors
    /// A URL that cannot be read, or no free port.
    pub async fn lay(url: &str) -> Result<Self> {
        let mut url = reqwest::Url::parse(url)?;
        let server = format!(
            "{}:{}",
            url.host_str().unwrap_or("127.0.0.1"),
            url.port().unwrap_or(5_432)
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let _ = url.set_host(Some("127.0.0.1"));
        // Setting a port fails for addresses that cannot have one.
        let _ = url.set_port(Some(listener.local_addr()?.port()));
        let faults = Arc::<Faults>::default();
        let shared = Arc::clone(&faults);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self {
            url: url.into(),
            faults,
        })
    }

    /// The same database by this wire.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on the answer to a COMMIT takes so long; the commit itself is as quick as ever.
    pub fn delay_commits(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.faults.commit_answer_ms.store(ms, Ordering::Relaxed);
    }

    /// From now on cuts at so many of 1,000 COMMITs and of 1,000 other requests.
    pub fn cut(&self, commits: u32, others: u32) {
        self.faults.commits.store(commits, Ordering::Relaxed);
        self.faults.others.store(others, Ordering::Relaxed);
    }

    /// How often it has cut.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.faults.made.load(Ordering::Relaxed)
    }
}

impl Faults {
    /// What becomes of the answer to these words.
    fn of(&self, said: &[u8]) -> Fault {
        let is_commit = said.windows(COMMIT.len()).any(|part| part == COMMIT);
        let of = if is_commit {
            &self.commits
        } else {
            &self.others
        };
        let often = of.load(Ordering::Relaxed);
        let late_ms = self.commit_answer_ms.load(Ordering::Relaxed);
        Fault {
            is_lost: often > 0 && rand::random_range(0..1_000) < often,
            late: is_commit.then(|| Duration::from_millis(late_ms)),
        }
    }
}

struct Fault {
    is_lost: bool,
    late: Option<Duration>,
}

/// Passes everything on, both ways, until either side leaves or it is cut.
async fn pass(mut client: TcpStream, server: String, faults: Arc<Faults>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    // Each answer is waited for: nothing may be held back to travel with more.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut said = vec![0; BUFFER_BYTES];
    let mut answered = vec![0; BUFFER_BYTES];
    let mut is_doomed = false;
    loop {
        let passed = tokio::select! {
            read = client.read(&mut said) => match read {
                Ok(count @ 1..) => {
                    let fault = faults.of(&said[..count]);
                    is_doomed |= fault.is_lost;
                    let passed = server.write_all(&said[..count]).await;
                    if let Some(late) = fault.late {
                        tokio::time::sleep(late).await;
                    }
                    passed
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(count @ 1..) if !is_doomed => client.write_all(&answered[..count]).await,
                Ok(1..) => {
                    faults.made.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                _ => return,
            },
        };
        if passed.is_err() {
            return;
        }
    }
}
