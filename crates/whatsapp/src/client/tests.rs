use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::error::Action;
use crate::message::{Content, Recipient};

const TOKEN: &str = "EAAG-very-secret";

/// Short, because one test waits for it; no other test comes near it.
const TEST_TIMEOUT: Duration = Duration::from_secs(2);

fn client(address: SocketAddr) -> Client {
    Client::new(ClientConfig {
        connect_timeout: TEST_TIMEOUT,
        timeout: TEST_TIMEOUT,
        ..ClientConfig::new(format!("http://{address}/"), "v26.0", "1065", TOKEN.into())
    })
    .unwrap()
}

fn message() -> OutgoingMessage {
    OutgoingMessage::new(
        Recipient::wa_id("6281234567890").unwrap(),
        Content::text("Halo"),
    )
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads one request: its head and as many bytes as it announces.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.trim().parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "the request is whole"
        );
    }
}

/// A server that answers one request as told and returns what it was asked.
fn answering(listener: TcpListener, head: &str, body: &str) -> JoinHandle<String> {
    let answer = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked
    })
}

async fn answer_to_a_send(head: &str, body: &str) -> Result<MessageId, SendError> {
    let (listener, address) = listen().await;
    let server = answering(listener, head, body);
    let result = client(address).send(&message()).await;
    server.await.unwrap();
    result
}

#[tokio::test]
async fn a_message_is_posted_with_the_token_and_its_id_returned() {
    let (listener, address) = listen().await;
    let body = r#"{"messaging_product":"whatsapp","contacts":[{"input":"6281","wa_id":"6281"}],
        "messages":[{"id":"wamid.NEW","message_status":"accepted"}]}"#;
    let server = answering(listener, "200 OK", body);
    let sent = client(address).send(&message()).await;
    assert_eq!(sent, Ok(MessageId("wamid.NEW".to_owned())));
    let asked = server.await.unwrap().to_lowercase();
    assert!(
        asked.starts_with("post /v26.0/1065/messages http/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("authorization: bearer eaag-very-secret\r\n"));
    assert!(asked.contains("content-type: application/json\r\n"));
    assert!(asked.contains(r#""to":"6281234567890""#));
}

#[tokio::test]
async fn a_medium_is_posted_as_a_form() {
    let (listener, address) = listen().await;
    let server = answering(listener, "200 OK", r#"{"id":"990011"}"#);
    let png = Bytes::from_static(b"\x89PNG");
    let uploaded = client(address)
        .upload_media(png, "image/png", "qr.png")
        .await;
    assert_eq!(uploaded, Ok(MediaId("990011".to_owned())));
    let asked = server.await.unwrap();
    assert!(
        asked.starts_with("POST /v26.0/1065/media HTTP/1.1\r\n"),
        "{asked}"
    );
    for part in [
        "name=\"messaging_product\"",
        "name=\"type\"",
        "filename=\"qr.png\"",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    assert!(asked.contains("Content-Type: image/png"), "{asked}");
}

#[tokio::test]
async fn an_api_error_keeps_its_code_and_retry_after() {
    let body = r#"{"error":{"message":"(#131056) Pair rate limit hit","type":"OAuthException",
        "code":131056,"error_data":{"messaging_product":"whatsapp","details":"too many"},
        "fbtrace_id":"A1"}}"#;
    let error = answer_to_a_send("400 Bad Request\r\nretry-after: 7", body)
        .await
        .unwrap_err();
    let SendError::Api(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!((error.code, error.http_status), (131_056, 400));
    assert_eq!(error.details.as_deref(), Some("too many"));
    assert_eq!(error.trace_id.as_deref(), Some("A1"));
    assert_eq!(error.action(0), Action::DelayPair(Duration::from_secs(7)));
    assert_eq!(error.action(2), Action::DelayPair(Duration::from_secs(16)));
}

#[tokio::test]
async fn answers_that_leave_open_whether_it_was_sent() {
    for (head, body) in [
        ("502 Bad Gateway", "<html>upstream</html>"),
        ("500 Internal Server Error", ""),
        ("408 Request Timeout", ""),
        ("200 OK", r#"{"messages":[]}"#),
        ("200 OK", "half an answ"),
    ] {
        let result = answer_to_a_send(head, body).await;
        assert!(
            matches!(result, Err(SendError::Unknown(_))),
            "{head}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_by_something_before_the_api_sends_nothing() {
    for (head, body) in [
        ("413 Payload Too Large", "<html>proxy</html>"),
        ("302 Found\r\nlocation: http://127.0.0.1:1/", ""),
    ] {
        let result = answer_to_a_send(head, body).await;
        assert!(
            matches!(result, Err(SendError::NotSent(_))),
            "{head}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_server_error_with_an_api_error_is_the_apis() {
    let body = r#"{"error":{"message":"Something went wrong","code":131000}}"#;
    let error = answer_to_a_send("500 Internal Server Error", body)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SendError::Api(ApiError { code: 131_000, .. })),
        "{error:?}"
    );
}

#[test]
fn a_server_on_this_machine_is_reached_without_a_proxy() {
    for here in [
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:9/x",
    ] {
        assert!(is_loopback(here), "{here}");
    }
    for elsewhere in [
        "https://example.com",
        "http://127.0.0.1.example.com",
        "nonsense",
    ] {
        assert!(!is_loopback(elsewhere), "{elsewhere}");
    }
}

#[tokio::test]
async fn nobody_listening_means_not_sent() {
    let (listener, address) = listen().await;
    drop(listener);
    let result = client(address).send(&message()).await;
    assert!(matches!(result, Err(SendError::NotSent(_))), "{result:?}");
}

#[tokio::test]
async fn a_connection_lost_after_the_request_leaves_it_open() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
    });
    let result = client(address).send(&message()).await;
    assert!(matches!(result, Err(SendError::Unknown(_))), "{result:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_leaves_it_open() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream
    });
    let result = client(address).send(&message()).await;
    assert!(matches!(result, Err(SendError::Unknown(_))), "{result:?}");
    drop(server.await.unwrap());
}

#[tokio::test]
async fn a_reason_shows_no_customer() {
    let body = r#"{"contacts":[{"input":"6281234567890","wa_id":"6281234567890"}]}"#;
    let error = answer_to_a_send("200 OK", body).await.unwrap_err();
    assert!(!error.to_string().contains("6281234567890"), "{error}");
}

#[tokio::test]
async fn the_token_shows_nowhere() {
    let (listener, address) = listen().await;
    drop(listener);
    let client = client(address);
    let error = client.send(&message()).await.unwrap_err();
    let config = ClientConfig::new("http://x", "v26.0", "1065", TOKEN.into());
    for text in [
        format!("{client:?}"),
        format!("{config:?}"),
        format!("{error} {error:?}"),
    ] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}
