use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::amount::Amount;
use crate::core::{ChargeRequest, Method as Payment};
use crate::order_id::OrderId;

const KEY: &str = "SB-Mid-server-secret";

/// Short, because one test waits for it; no other test comes near it.
const TEST_TIMEOUT: Duration = Duration::from_secs(2);

fn client(address: SocketAddr) -> Client {
    let base = format!("http://{address}/");
    Client::new(ClientConfig {
        connect_timeout: TEST_TIMEOUT,
        timeout: TEST_TIMEOUT,
        ..ClientConfig::new(base.clone(), base, KEY.into())
    })
    .unwrap()
}

fn order_id() -> OrderId {
    OrderId::parse("WRG-7f3a9cx").unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server that answers one request and returns the request's head in lower case.
fn answering(listener: TcpListener, status: &str, body: &str) -> JoinHandle<String> {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            assert_ne!(
                stream.read_buf(&mut bytes).await.unwrap(),
                0,
                "the request is whole"
            );
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&bytes).to_lowercase()
    })
}

async fn head_of_a_charge(method: Payment, key: Uuid) -> String {
    let (listener, address) = listen().await;
    let server = answering(listener, "200 OK", r#"{"status_code":"406"}"#);
    let request = ChargeRequest {
        order_id: order_id(),
        amount: Amount::new(10_000).unwrap(),
        method,
        items: Vec::new(),
        customer: None,
        expiry: None,
    };
    let result = client(address).charge(&request, key).await;
    assert_eq!(result, Err(CallError::Duplicate));
    server.await.unwrap()
}

#[tokio::test]
async fn a_charge_is_posted_with_key_and_idempotency_key() {
    let key = Uuid::from_u128(7);
    let head = head_of_a_charge(Payment::Qris, key).await;
    assert!(head.starts_with("post /v2/charge http/1.1\r\n"), "{head}");
    // printf 'SB-Mid-server-secret:' | base64, in lower case.
    assert!(
        head.contains("authorization: basic u0ittwlklxnlcnzlci1zzwnyzxq6\r\n"),
        "{head}"
    );
    assert!(head.contains("accept: application/json\r\n"));
    assert!(head.contains(&format!("idempotency-key: {key}\r\n")));
}

#[tokio::test]
async fn permata_is_charged_without_idempotency_key() {
    let head = head_of_a_charge(Payment::VaPermata, Uuid::from_u128(7)).await;
    assert!(!head.contains("idempotency-key"), "{head}");
}

#[tokio::test]
async fn reading_and_ending_go_to_the_orders_address() {
    for (call, line) in [
        ("status", "get /v2/wrg-7f3a9cx/status http/1.1"),
        ("cancel", "post /v2/wrg-7f3a9cx/cancel http/1.1"),
        ("expire", "post /v2/wrg-7f3a9cx/expire http/1.1"),
    ] {
        let (listener, address) = listen().await;
        let server = answering(listener, "200 OK", r#"{"status_code":"404"}"#);
        let client = client(address);
        let error = match call {
            "status" => client.status(&order_id()).await.err(),
            "cancel" => client.cancel(&order_id()).await.err(),
            _ => client.expire(&order_id()).await.err(),
        };
        assert_eq!(error, Some(CallError::NotFound));
        let head = server.await.unwrap();
        assert!(head.starts_with(line), "{head}");
    }
}

#[tokio::test]
async fn a_snap_page_is_closed_by_its_token() {
    let (listener, address) = listen().await;
    let server = answering(
        listener,
        "200 OK",
        r#"{"canceled_at":"2026-11-24T03:00:00.000Z"}"#,
    );
    assert_eq!(client(address).cancel_snap("66e4fa55-fdac").await, Ok(()));
    let head = server.await.unwrap();
    assert!(
        head.starts_with("post /snap/v1/transactions/66e4fa55-fdac/cancel http/1.1"),
        "{head}"
    );
}

#[tokio::test]
async fn a_token_that_would_change_the_address_is_not_sent() {
    let (_listener, address) = listen().await;
    let result = client(address).cancel_snap("../x").await;
    assert_eq!(result, Err(CallError::Invalid(InvalidRequest::Token)));
}

#[tokio::test]
async fn too_many_calls_say_when_to_come_back() {
    let (listener, address) = listen().await;
    let server = answering(listener, "429 Too Many Requests\r\nretry-after: 9", "");
    let result = client(address).status(&order_id()).await;
    let retry_after = Some(Duration::from_secs(9));
    assert_eq!(result.err(), Some(CallError::RateLimited { retry_after }));
    server.await.unwrap();
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
    let result = client(address).cancel(&order_id()).await;
    assert!(matches!(result, Err(CallError::NotSent(_))), "{result:?}");
}

#[tokio::test]
async fn a_lost_or_late_answer_leaves_it_open() {
    for answers_late in [false, true] {
        let (listener, address) = listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 1024];
            assert_ne!(stream.read(&mut bytes).await.unwrap(), 0);
            answers_late.then_some(stream)
        });
        let result = client(address).cancel(&order_id()).await;
        assert!(matches!(result, Err(CallError::Unknown(_))), "{result:?}");
        drop(server.await.unwrap());
    }
}

#[tokio::test]
async fn the_server_key_shows_nowhere() {
    let (listener, address) = listen().await;
    drop(listener);
    let client = client(address);
    let error = client.status(&order_id()).await.unwrap_err();
    let config = ClientConfig::new("http://x", "http://x", KEY.into());
    for text in [
        format!("{client:?}"),
        format!("{config:?}"),
        format!("{error} {error:?}"),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
}
