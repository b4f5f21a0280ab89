//! Sessions that any bot can go on with.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use warung_coordination::{SESSION_MAX_BYTES, SessionError};
use warung_testkit::eventually;

use crate::harness::{SOON, Shop};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Talk {
    step: String,
    choices: Vec<u32>,
}

const QUARTER: Duration = Duration::from_mins(15);

#[tokio::test]
async fn another_bot_goes_on_with_the_talk() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let talk = Talk {
        step: "alamat".to_owned(),
        choices: vec![2, 7],
    };
    a.coordination
        .sessions()
        .put("628", &talk, QUARTER)
        .await
        .unwrap();
    let sessions = b.coordination.sessions();
    assert_eq!(sessions.get::<Talk>("628").await.unwrap(), Some(talk));
    assert_eq!(sessions.get::<Talk>("629").await.unwrap(), None);
    sessions.delete("628").await.unwrap();
    assert_eq!(sessions.get::<Talk>("628").await.unwrap(), None);
}

#[tokio::test]
async fn a_session_is_forgotten_in_time() {
    let sessions = Shop::open().await.bot().await.coordination.sessions();
    sessions
        .put("628", &1, Duration::from_millis(300))
        .await
        .unwrap();
    assert_eq!(sessions.get::<u32>("628").await.unwrap(), Some(1));
    eventually(SOON, async || {
        sessions.get::<u32>("628").await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let sessions = Shop::open().await.bot().await.coordination.sessions();
    let large = "x".repeat(SESSION_MAX_BYTES);
    let refused = sessions.put("628", &large, QUARTER).await.unwrap_err();
    assert!(matches!(refused, SessionError::TooLarge { bytes } if bytes == large.len() + 2));
    sessions.put("628", "kopi", QUARTER).await.unwrap();
    assert!(matches!(
        sessions.get::<Talk>("628").await,
        Err(SessionError::Malformed(_))
    ));
}
