//! A store that speaks as much S3 as backups need, on a port of the loopback interface, plainly or
//! over TLS, and answers 500 when told to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, rustls};

/// Its only bucket.
pub(super) const BUCKET: &str = "backups";

/// The store. It ends when dropped.
pub(super) struct S3 {
    pub(super) url: String,
    shelves: Shared,
    server: tokio::task::JoinHandle<()>,
    tls: Option<tokio::task::JoinHandle<()>>,
}

type Shared = Arc<Mutex<Shelves>>;

#[derive(Default)]
struct Shelves {
    objects: BTreeMap<String, Bytes>,
    uploads: HashMap<String, BTreeMap<u32, Bytes>>,
    failures_left: u32,
    failed: u32,
    parts: u32,
}

impl S3 {
    pub(super) async fn start() -> Self {
        let shelves = Shared::default();
        let app = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(shelves.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            url,
            shelves,
            server,
            tls: None,
        }
    }

    /// One that is reached by `https://` alone, and the authority of its certificate (PEM).
    pub(super) async fn start_with_tls() -> (Self, String) {
        let mut store = Self::start().await;
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = certified.signing_key.serialize_der().try_into().unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = store.url.replace("http://", "");
        store.url = format!("https://{}", listener.local_addr().unwrap());
        store.tls = Some(tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    // Who does not trust us goes away.
                    let Ok(mut closed) = acceptor.accept(socket).await else {
                        return;
                    };
                    let mut open = TcpStream::connect(plain).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut closed, &mut open).await;
                });
            }
        }));
        (store, certified.cert.pem())
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap()
    }

    /// Answers the next so many requests with 500.
    pub(super) fn fail(&self, requests: u32) {
        self.shelves().failures_left = requests;
    }

    /// Requests that were answered with 500.
    pub(super) fn failed(&self) -> u32 {
        self.shelves().failed
    }

    /// Parts of uploads that came.
    pub(super) fn parts(&self) -> u32 {
        self.shelves().parts
    }

    /// Uploads that were neither finished nor aborted.
    pub(super) fn open_uploads(&self) -> usize {
        self.shelves().uploads.len()
    }

    /// Keys of all objects.
    pub(super) fn keys(&self) -> Vec<String> {
        self.shelves().objects.keys().cloned().collect()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
        if let Some(tls) = &self.tls {
            tls.abort();
        }
    }
}

async fn answer(
    State(shelves): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut shelves = shelves.lock().unwrap();
    if shelves.failures_left > 0 {
        shelves.failures_left -= 1;
        shelves.failed += 1;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let address = reqwest::Url::parse(&format!("http://s3{uri}")).unwrap();
    let query: HashMap<String, String> = address.query_pairs().into_owned().collect();
    let path = address.path().trim_start_matches('/');
    let key = path.strip_prefix(BUCKET).unwrap_or(path);
    let key = key.trim_start_matches('/').to_owned();
    let upload = query.get("uploadId").cloned();
    match (method.as_str(), upload) {
        ("GET", None) if query.contains_key("list-type") => shelves.list(&query),
        ("GET" | "HEAD", None) => shelves.get(&key, &headers),
        ("PUT", None) => shelves.put(key, &headers, body),
        ("DELETE", None) => {
            shelves.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        ("POST", None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", shelves.parts + 1);
            shelves.uploads.insert(id.clone(), BTreeMap::new());
            xml(&format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        ("PUT", Some(id)) => {
            shelves.parts += 1;
            let number = query["partNumber"].parse().unwrap();
            shelves.uploads.get_mut(&id).unwrap().insert(number, body);
            ([(header::ETAG, format!("\"{number}\""))], "").into_response()
        }
        ("POST", Some(id)) => {
            let parts = shelves.uploads.remove(&id).unwrap();
            let whole: Vec<u8> = parts.into_values().flatten().collect();
            shelves.objects.insert(key.clone(), whole.into());
            xml(&format!(
                "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key>\
                 <ETag>\"whole\"</ETag></CompleteMultipartUploadResult>"
            ))
        }
        ("DELETE", Some(id)) => {
            shelves.uploads.remove(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

impl Shelves {
    fn put(&mut self, key: String, headers: &HeaderMap, body: Bytes) -> Response {
        if headers.contains_key(header::IF_NONE_MATCH) && self.objects.contains_key(&key) {
            return StatusCode::PRECONDITION_FAILED.into_response();
        }
        self.objects.insert(key, body);
        ([(header::ETAG, "\"put\"")], "").into_response()
    }

    fn get(&self, key: &str, headers: &HeaderMap) -> Response {
        let Some(object) = self.objects.get(key) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let range = headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        let range = range.and_then(|value| {
            let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
            let to: usize = to.parse().ok()?;
            Some((from.parse().ok()?, to.min(object.len().saturating_sub(1))))
        });
        let answer = Response::builder()
            .header(header::ETAG, "\"get\"")
            .header(header::LAST_MODIFIED, "Tue, 24 Nov 2026 03:12:00 GMT");
        let answer = match range {
            Some((from, to)) => {
                let of = object.len();
                answer
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(header::CONTENT_RANGE, format!("bytes {from}-{to}/{of}"))
                    .body(Body::from(object.slice(from..=to)))
            }
            None => answer.body(Body::from(object.clone())),
        };
        answer.unwrap()
    }

    fn list(&self, query: &HashMap<String, String>) -> Response {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let mut folders = BTreeSet::new();
        let mut listed = String::new();
        for (key, object) in &self.objects {
            let Some(rest) = key.strip_prefix(prefix) else {
                continue;
            };
            if let Some((folder, _)) = rest.split_once('/') {
                folders.insert(format!("{prefix}{folder}/"));
            } else {
                let size = object.len();
                write!(
                    listed,
                    "<Contents><Key>{key}</Key><LastModified>2026-11-24T03:12:00Z</LastModified>\
                     <ETag>\"x\"</ETag><Size>{size}</Size></Contents>"
                )
                .unwrap();
            }
        }
        for folder in folders {
            write!(
                listed,
                "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
            )
            .unwrap();
        }
        xml(&format!(
            "<ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix>\
             <IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
        ))
    }
}

fn xml(body: &str) -> Response {
    (
        [(header::CONTENT_TYPE, "application/xml")],
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}"),
    )
        .into_response()
}
