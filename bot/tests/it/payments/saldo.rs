//! Saldo bought at Midtrans, and orders paid partly by it.

use warung_sandbox::whatsapp::Received;

use super::{gets_the_voucher, late::end_hold, payment, pays_by, picks, saldo_of, time_runs_out};
use crate::harness::{Customer, Says, World};

#[tokio::test]
async fn saldo_is_topped_up_and_spent() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("topup").await.says_all(&["berapa"]);
    sari.asks("50rb").await.says_all(&["Rp50.000"]);
    let how = pays_by_top_up(&sari, "qris").await;
    how.says_all(&["Isi saldo", "Rp50.000"]);
    assert!(how.image().is_some());
    sari.asks("saldo")
        .await
        .says_all(&["Rp0", "menunggu pembayaran"]);
    let bill = payment(&world, 50_000).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["bertambah", "Rp50.000"]);
    sari.asks("saldo").await.says_all(&["Rp50.000"]);
    sari.asks("beli VOUCHER-10 1").await;
    pays_by(&sari, "saldo").await.says_all(&["KELAS-"]);
    sari.asks("mutasi")
        .await
        .says_all(&["Isi saldo", "+Rp50.000", "−Rp10.000", "Rp40.000"]);
    world.ends_well().await;
}

/// Picks the way to pay the top-up on the screen; how to pay it comes.
async fn pays_by_top_up(customer: &Customer, method: &str) -> Received {
    picks(customer, &format!("|{method}|")).await;
    customer.hears().await
}

#[tokio::test]
async fn the_same_tap_twice_is_one_top_up() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("topup 50rb").await;
    let choice = sari.inbox().pop().unwrap();
    picks(&sari, "|qris|").await;
    let qris = choice
        .options()
        .into_iter()
        .find(|option| option.id.contains("|qris|"))
        .unwrap();
    for _ in 0..5 {
        sari.taps_in(&choice.wamid, &qris.id).await.unwrap();
    }
    sari.hears().await.says_all(&["Rp50.000"]);
    world.settles().await;
    assert_eq!(world.count("SELECT count(*) FROM payment_attempt").await, 1);
    assert_eq!(sari.inbox().len(), 2, "one way to pay, told once");
    world.ends_well().await;
}

#[tokio::test]
async fn equal_top_ups_reach_whoever_paid() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let budi = world.customer("Budi");
    for customer in [&sari, &budi] {
        customer.asks("topup 50rb").await;
        pays_by_top_up(customer, "va_bca").await;
    }
    let second = payment(&world, 50_000).await;
    world.midtrans.pay(&second.order_id).unwrap();
    budi.hears().await.says_all(&["bertambah"]);
    assert_eq!(saldo_of(&world, &budi).await, 50_000);
    assert_eq!(saldo_of(&world, &sari).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_top_up_that_its_bank_may_take_back_cannot_be_spent_before_its_time() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("topup 50rb").await;
    pays_by_top_up(&sari, "va_permata").await;
    let bill = payment(&world, 50_000).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["sudah kami terima"]);
    sari.asks("saldo").await.says_all(&["Rp0", "sudah dibayar"]);
    end_hold(&world).await;
    sari.hears().await.says_all(&["bertambah"]);
    assert_eq!(saldo_of(&world, &sari).await, 50_000);
    world.ends_well().await;
}

#[tokio::test]
async fn a_top_up_that_was_taken_back_in_time_never_was() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("topup 50rb").await;
    pays_by_top_up(&sari, "va_permata").await;
    let bill = payment(&world, 50_000).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["sudah kami terima"]);
    world.midtrans.reverse(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["ditarik kembali"]);
    assert_eq!(world.count("SELECT count(*) FROM ledger_txn").await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn amounts_outside_the_bounds_are_refused_with_the_bounds() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    for amount in ["topup 9999", "topup 10000001"] {
        sari.asks(amount)
            .await
            .says_all(&["Rp10.000", "Rp10.000.000"]);
    }
    world.ends_well().await;
}

#[tokio::test]
async fn saldo_pays_a_part_and_midtrans_the_rest() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 4_000).await;
    sari.asks("beli VOUCHER-10 1").await.says_all(&["Rp10.000"]);
    picks(&sari, "|saldo+qris~").await;
    sari.hears().await.says_all(&["Rp6.000"]);
    sari.asks("saldo").await.says_all(&["Rp0", "Rp4.000"]);
    let bill = payment(&world, 6_000).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    gets_the_voucher(&sari).await;
    assert_eq!(saldo_of(&world, &sari).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn saldo_set_aside_comes_back_when_the_rest_is_not_paid() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 4_000).await;
    sari.asks("beli VOUCHER-10 1").await.says_all(&["Rp10.000"]);
    picks(&sari, "|saldo+qris~").await;
    sari.hears().await.says_all(&["Rp6.000"]);
    time_runs_out(&world).await;
    sari.hears()
        .await
        .says_all(&["sudah habis", "Rp4.000", "kembali"]);
    // The rest paid after all is saldo too.
    let bill = payment(&world, 6_000).await;
    world.midtrans.pay_late(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["Rp6.000", "saldo"]);
    sari.asks("saldo").await.says_all(&["Rp10.000"]);
    world.ends_well().await;
}
