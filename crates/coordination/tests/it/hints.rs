//! Wake-up calls from bot to bot.

use futures_util::FutureExt;
use warung_coordination::{Hint, HintReceiver, HintSet};

use crate::harness::{SOON, Shop};

const INBOX: Hint = Hint::new(0);
const OUTBOX: Hint = Hint::new(1);

async fn next(receiver: &mut HintReceiver) -> HintSet {
    tokio::time::timeout(SOON, receiver.recv()).await.unwrap()
}

#[tokio::test]
async fn a_hint_reaches_every_bot_of_the_shop_only() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let stranger = Shop::open().await.bot().await;
    let mut at_home = a.coordination.hints().subscribe();
    let mut abroad = b.coordination.hints().subscribe();
    let mut elsewhere = stranger.coordination.hints().subscribe();
    a.coordination.hints().publish(INBOX);
    assert!(
        at_home.recv().now_or_never().unwrap().contains(INBOX),
        "at home it is instant"
    );
    let got = next(&mut abroad).await;
    assert!(got.contains(INBOX) && !got.contains(OUTBOX));
    b.coordination.hints().publish(OUTBOX);
    assert!(next(&mut at_home).await.contains(OUTBOX));
    assert!(elsewhere.recv().now_or_never().is_none());
}

#[tokio::test]
async fn a_thousand_hints_are_a_few_messages() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let mut abroad = b.coordination.hints().subscribe();
    let before = a.samples("warung_redis_command_seconds");
    for _ in 0..1_000 {
        a.coordination.hints().publish(INBOX);
    }
    a.coordination.hints().publish(OUTBOX);
    let mut got = next(&mut abroad).await;
    while !got.contains(OUTBOX) {
        got = next(&mut abroad).await;
    }
    assert!(a.samples("warung_redis_command_seconds") - before <= 3);
}
