//! Each way to pay, from the quote to the receipt.

use warung_sandbox::midtrans::{Instrument, Method};

use super::{VOUCHER, about_to_pay, all_is_read, gets_the_voucher, payment, pays_by};
use crate::harness::{Says, World};

#[tokio::test]
async fn a_qris_code_is_scanned_and_the_voucher_comes() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "qris").await;
    how.says_all(&["Rp10.000", "Bayar sebelum", "WIB"]);
    assert!(how.image().is_some(), "the code is a picture");
    assert_eq!(how.options().len(), 2, "check and cancel");
    let bill = payment(&world, VOUCHER).await;
    let Instrument::Qr { qr_string } = &bill.instrument else {
        panic!("no code to scan: {bill:?}");
    };
    world.midtrans.pay_qr(qr_string).unwrap();
    gets_the_voucher(&sari).await;
    assert_eq!(
        sari.inbox().len(),
        3,
        "quote, how to pay, receipt: each message costs money"
    );
    world.ends_well().await;
}

#[tokio::test]
async fn a_virtual_account_is_paid_by_its_number() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "va_bca").await;
    let bill = payment(&world, VOUCHER).await;
    let Instrument::VirtualAccount { number } = &bill.instrument else {
        panic!("no account: {bill:?}");
    };
    how.says_all(&["BCA", number, "Rp10.000"]);
    world.midtrans.pay_va(number).unwrap();
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_mandiri_bill_names_both_codes_and_its_digital_goods_wait_for_the_bank() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "mandiri_bill").await;
    let bill = payment(&world, VOUCHER).await;
    let Instrument::Bill {
        biller_code,
        bill_key,
    } = &bill.instrument
    else {
        panic!("no bill: {bill:?}");
    };
    how.says_all(&[biller_code, bill_key]);
    world.midtrans.pay(&bill.order_id).unwrap();
    let receipt = sari.hears().await;
    receipt.says_all(&["Pembayaran diterima", "menyusul"]);
    receipt.never_says("KELAS-");
    sqlx::query("UPDATE orders SET deliver_after = now()")
        .execute(&world.db)
        .await
        .unwrap();
    sari.hears().await.says_all(&["KELAS-"]);
    world.ends_well().await;
}

#[tokio::test]
async fn an_indomaret_code_is_paid_at_the_till() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "indomaret").await;
    let bill = payment(&world, VOUCHER).await;
    let Instrument::PaymentCode { code } = &bill.instrument else {
        panic!("no code: {bill:?}");
    };
    how.says_all(&["Indomaret", code]);
    world.midtrans.pay_va(code).unwrap();
    sari.hears().await.says_all(&["Pembayaran diterima"]);
    world.ends_well().await;
}

#[tokio::test]
async fn on_midtrans_own_page_the_customer_chooses_how_to_pay() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "snap").await;
    let page = how.link().expect("a button that opens the page");
    assert!(page.starts_with(&world.midtrans.snap_url()), "{page}");
    let order: String = sqlx::query_scalar("SELECT provider_order_id FROM payment_attempt")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world.midtrans.choose(&order, Method::BcaVa).unwrap();
    world.midtrans.pay(&order).unwrap();
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn after_a_refusal_on_the_page_the_customer_may_choose_again() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "snap").await;
    let order: String = sqlx::query_scalar("SELECT provider_order_id FROM payment_attempt")
        .fetch_one(&world.db)
        .await
        .unwrap();
    world.midtrans.choose(&order, Method::BcaVa).unwrap();
    world.midtrans.fail(&order).unwrap();
    all_is_read(&world).await;
    world.midtrans.choose(&order, Method::Qris).unwrap();
    world.midtrans.pay(&order).unwrap();
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn equal_amounts_at_the_same_time_are_never_mixed_up() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    let budi = about_to_pay(&world, "Budi").await;
    pays_by(&sari, "qris").await;
    pays_by(&budi, "qris").await;
    let second = payment(&world, VOUCHER).await;
    world.midtrans.pay(&second.order_id).unwrap();
    gets_the_voucher(&budi).await;
    assert_eq!(sari.inbox().len(), 2, "Sari has not paid");
    let first = world.midtrans.payments()[0].clone();
    world.midtrans.pay(&first.order_id).unwrap();
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn the_way_to_pay_is_told_in_the_customers_language() {
    let world = World::new().await;
    let jane = world.customer("Jane");
    jane.asks("hello, what do you sell?").await;
    jane.asks("buy VOUCHER-10 1").await;
    pays_by(&jane, "va_bca")
        .await
        .says_all(&["Please pay before", "virtual account"]);
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    jane.hears().await.says_all(&["KELAS-", "Thank you"]);
    world.ends_well().await;
}
