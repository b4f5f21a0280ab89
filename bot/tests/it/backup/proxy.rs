//! Stands between a bot and PostgreSQL, and loses what is said at the worst moment.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The statement at which it strikes, as psql sends it.
const COMMIT: &[u8] = b"COMMIT;\0";

/// What it loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    /// The COMMIT itself.
    Commit,
    /// The answer to it.
    Answer,
}

/// The connection between them.
pub(super) struct Proxy {
    /// The database's address through it.
    pub(super) url: String,
    broken: Arc<AtomicBool>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Listens. With `for_good` it lets nobody through after it struck.
    pub(super) async fn before(url: &str, loses: Loses, for_good: bool) -> Self {
        let mut through = reqwest::Url::parse(url).unwrap();
        let address = format!(
            "{}:{}",
            through.host_str().unwrap(),
            through.port().unwrap()
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        through.set_port(Some(own.port())).unwrap();
        through.set_host(Some("127.0.0.1")).unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        let struck = broken.clone();
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if for_good && struck.load(Ordering::SeqCst) {
                    continue;
                }
                let database = TcpStream::connect(&address).await.unwrap();
                tokio::spawn(pass(client, database, loses, struck.clone()));
            }
        });
        Self {
            url: through.into(),
            broken,
            server,
        }
    }

    /// Whether it struck.
    pub(super) fn struck(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Passes everything on, until there is a COMMIT.
async fn pass(client: TcpStream, database: TcpStream, loses: Loses, struck: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_database, mut to_database) = database.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_database, &mut to_client).await;
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let said = &buffer[..read];
        if said.ends_with(COMMIT) {
            // Of the answer nothing may pass.
            answers.abort();
            let _ = answers.await;
            if loses == Loses::Answer {
                to_database.write_all(said).await.unwrap();
                to_database.shutdown().await.unwrap();
            }
            struck.store(true, Ordering::SeqCst);
            return;
        }
        if to_database.write_all(said).await.is_err() {
            break;
        }
    }
    drop(to_database);
    let _ = answers.await;
}
