//! The wire between the bots and PostgreSQL, which can be cut at the worst moment: a statement or a
//! COMMIT has arrived and had its effect, and its answer is lost with the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warung_testkit::bot::Shop;

/// How a transaction's end is sent.
const COMMIT: &[u8] = b"COMMIT\0";
const BUFFER_BYTES: usize = 64 * 1024;

/// The wire. It passes everything on until it is told to cut.
#[derive(Debug)]
pub(crate) struct Wire {
    cuts: Arc<Cuts>,
}

#[derive(Debug, Default)]
struct Cuts {
    /// Of 1,000 COMMITs, and of 1,000 other requests.
    commits: AtomicU32,
    others: AtomicU32,
    made: AtomicU64,
}

impl Wire {
    /// Lays the wire and has the shop's bots use it.
    pub(crate) async fn lay(shop: &mut Shop) -> Result<Self> {
        let mut url = reqwest::Url::parse(&shop.database_url)?;
        let server = format!(
            "{}:{}",
            url.host_str().unwrap_or("127.0.0.1"),
            url.port().unwrap_or(5_432)
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        // Setting a port fails for addresses that cannot have one.
        let _ = url.set_port(Some(listener.local_addr()?.port()));
        shop.database_url = url.into();
        let cuts = Arc::<Cuts>::default();
        let shared = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { cuts })
    }

    /// From now on cuts at so many of 1,000 COMMITs and of 1,000 other requests.
    pub(crate) fn cut(&self, commits: u32, others: u32) {
        self.cuts.commits.store(commits, Ordering::Relaxed);
        self.cuts.others.store(others, Ordering::Relaxed);
    }

    /// How often it has cut.
    pub(crate) fn made(&self) -> u64 {
        self.cuts.made.load(Ordering::Relaxed)
    }
}

impl Cuts {
    fn strike(&self, said: &[u8]) -> bool {
        let is_commit = said.windows(COMMIT.len()).any(|part| part == COMMIT);
        let of = if is_commit {
            &self.commits
        } else {
            &self.others
        };
        let often = of.load(Ordering::Relaxed);
        often > 0 && rand::random_range(0..1_000) < often
    }
}

/// Passes everything on, both ways, until either side leaves or it is cut.
async fn pass(mut client: TcpStream, server: String, cuts: Arc<Cuts>) {
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
                    is_doomed |= cuts.strike(&said[..count]);
                    server.write_all(&said[..count]).await
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(count @ 1..) if !is_doomed => client.write_all(&answered[..count]).await,
                Ok(1..) => {
                    cuts.made.fetch_add(1, Ordering::Relaxed);
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
