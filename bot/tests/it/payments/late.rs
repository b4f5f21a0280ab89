//! What ends without money, what comes too late, and what is taken back.

use serde_json::json;
use warung_sandbox::midtrans::{Fault, Status};
use warung_testkit::eventually;

use super::{
    VOUCHER, about_to_pay, all_is_read, attempt_becomes, payment, pays_by, picks, poll_now,
    saldo_of, time_runs_out,
};
use crate::harness::{PATIENCE, Says, World};

const HELD: &str = "SELECT count(*) FROM stock_reservation WHERE state = 'held'";

#[tokio::test]
async fn a_cancelled_order_is_called_off_at_midtrans_before_its_stock_is_free() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "va_bca").await;
    picks(&sari, "|cancel|").await;
    sari.hears().await.says_all(&["sedang dibatalkan"]);
    sari.hears().await.says_all(&["sudah dibatalkan"]);
    let bill = payment(&world, VOUCHER).await;
    assert_eq!(bill.status, Status::Cancel);
    assert_eq!(world.count(HELD).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn an_order_paid_while_it_was_being_cancelled_is_paid() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    let bill = payment(&world, VOUCHER).await;
    all_is_read(&world).await;
    world.midtrans.faults().next(Fault::Drop, 1);
    world.midtrans.pay(&bill.order_id).unwrap();
    picks(&sari, "|cancel|").await;
    sari.hears().await.says_all(&["sedang dibatalkan"]);
    sari.hears().await.says_all(&["Pembayaran diterima"]);
    world.ends_well().await;
}

#[tokio::test]
async fn a_page_that_nobody_used_is_closed_with_its_order() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "snap").await;
    sari.asks("batal").await.says_all(&["dibatalkan"]);
    sari.hears().await.says_all(&["sudah dibatalkan"]);
    let order: String = sqlx::query_scalar("SELECT provider_order_id FROM payment_attempt")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(world.midtrans.find_snap(&order).unwrap().is_closed);
    world.ends_well().await;
}

#[tokio::test]
async fn an_order_that_nobody_pays_expires_at_midtrans_too() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    time_runs_out(&world).await;
    sari.hears().await.says_all(&["Waktu bayar", "sudah habis"]);
    let bill = payment(&world, VOUCHER).await;
    assert_eq!(bill.status, Status::Expire);
    assert_eq!(world.count(HELD).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn money_after_the_end_becomes_saldo_and_is_never_dropped() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    time_runs_out(&world).await;
    sari.hears().await.says_all(&["Waktu bayar"]);
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay_late(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["Rp10.000", "saldo"]);
    assert_eq!(saldo_of(&world, &sari).await, VOUCHER);
    sari.asks("mutasi")
        .await
        .says_all(&["terlambat", "+Rp10.000"]);
    world.ends_well().await;
}

#[tokio::test]
async fn late_money_that_its_bank_may_take_back_waits_before_it_is_saldo() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "va_permata").await;
    time_runs_out(&world).await;
    sari.hears().await.says_all(&["Waktu bayar"]);
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay_late(&bill.order_id).unwrap();
    sari.hears()
        .await
        .says_all(&["sudah kami terima", "memeriksanya"]);
    assert_eq!(saldo_of(&world, &sari).await, 0);
    end_hold(&world).await;
    sari.hears().await.says_all(&["Rp10.000", "saldo"]);
    assert_eq!(saldo_of(&world, &sari).await, VOUCHER);
    world.ends_well().await;
}

#[tokio::test]
async fn goods_of_a_payment_that_its_bank_took_back_are_never_sent() {
    let world = World::new().await;
    let boss = world.staff();
    boss.asks("halo").await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "va_permata").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears()
        .await
        .says_all(&["Pembayaran diterima", "menyusul"]);
    world.midtrans.reverse(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["ditarik kembali"]);
    boss.hears().await.says_all(&["ditarik bank"]);
    attempt_becomes(&world, "reversed").await;
    let disputed = "SELECT count(*) FROM orders WHERE state = 'disputed' AND deliver_after IS NULL";
    assert_eq!(world.count(disputed).await, 1);
    assert_eq!(world.count(CLEARING).await, 0);
    for message in sari.inbox() {
        message.never_says("KELAS-");
    }
    world.ends_well().await;
}

const CLEARING: &str = "SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entry e
    JOIN ledger_account a ON a.id = e.account_id WHERE a.code = 'midtrans:clearing'";

/// Lets the hold of every payment end.
pub(super) async fn end_hold(world: &World) {
    sqlx::query("UPDATE payment_attempt SET hold_until = now() WHERE hold_until IS NOT NULL")
        .execute(&world.db)
        .await
        .unwrap();
    poll_now(world).await;
}

#[tokio::test]
async fn midtrans_says_no_after_the_customer_tried() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "va_bca").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.fail(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["tidak bisa diproses"]);
    eventually(PATIENCE, async || {
        let held = world.count(HELD).await;
        if held == 0 {
            Ok(())
        } else {
            Err(format!("{held} held"))
        }
    })
    .await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_refund_made_at_midtrans_is_booked_once_its_bank_has_confirmed_it() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("alamat Sari, Jl. Melati 1, Coblong, Bandung 40111")
        .await;
    sari.asks("beli KOPI-01 1").await.says_all(&["Rp55.000"]);
    pays_by(&sari, "qris").await;
    let bill = payment(&world, 55_000).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["Pembayaran diterima"]);
    let api = world.midtrans.api_url();
    for (key, amount) in [("satu", 5_000), ("dua", 50_000)] {
        let refund = json!({"refund_key": key, "amount": amount, "reason": "rusak"});
        let answer = world
            .http
            .post(format!("{api}/v2/{}/refund", bill.order_id))
            .basic_auth("SB-Mid-server-sandbox", Some(""))
            .json(&refund)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    attempt_becomes(&world, "refunded").await;
    let refunds = "SELECT count(*) FROM ledger_txn WHERE kind = 'refund'";
    assert_eq!(world.count(refunds).await, 2);
    assert_eq!(world.count(CLEARING).await, 0);
    let refunded = "SELECT refunded FROM orders WHERE state = 'refunded'";
    assert_eq!(world.count(refunded).await, 55_000);
    world.ends_well().await;
}
