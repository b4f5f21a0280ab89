//! From greeting to receipt, the whole way: by buttons and by text, in both languages, goods and
//! vouchers; and how many messages WhatsApp bills for it.

use warung_sandbox::whatsapp::{Kind, Received};

use crate::harness::{Customer, Says, World};

/// Messages from greeting to receipt of a simple purchase, at most: each is billed.
const BILLED_MESSAGES: usize = 4;
const ADDRESS: &str = "Sari, Jl. Melati No. 5, Coblong, Bandung 40132";

/// Pays the newest bill at Midtrans and waits for the receipt.
async fn pays(world: &World, customer: &Customer) -> Received {
    let bill = world.midtrans.payments().pop().expect("a bill");
    world.midtrans.pay(&bill.order_id).unwrap();
    customer.hears().await
}

fn was_billed_little(customer: &Customer) {
    let billed = customer.inbox().len();
    assert!(
        billed <= BILLED_MESSAGES,
        "{billed} messages for one simple purchase"
    );
}

#[tokio::test]
async fn a_voucher_is_bought_by_buttons_alone_and_four_messages_are_billed() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let menu = sari.asks("halo").await;
    menu.says_all(&["Toko Sari"]);
    // Who knows what they want says so to the menu; everything after is taps.
    let quote = sari.asks("beli VOUCHER-10 1").await;
    quote.says_all(&["Rp10.000"]);
    let bill = sari.chooses(&quote.option("|qris~")).await;
    assert!(bill.image().is_some(), "the QR code is a picture");
    pays(&world, &sari)
        .await
        .says_all(&["Pembayaran diterima", "KELAS-", "WIB"]);
    was_billed_little(&sari);
    world.ends_well().await;
}

#[tokio::test]
async fn goods_are_found_by_tapping_through_the_shop_and_sent_to_an_address() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let menu = sari.asks("menu").await;
    assert_eq!(menu.kind(), Kind::List);
    let products = sari.chooses(&menu.option("kopi")).await;
    let detail = sari.chooses(&products.option("KOPI-01")).await;
    detail.says_all(&["Kopi Gayo", "Rp45.000", "stok"]);
    let asked = sari.chooses(&detail.option("v1|buy")).await;
    asked.says_all(&["Rp45.000", "Rp55.000", "alamat", "QRIS"]);
    // Another way than the first is tapped; then only the address is missing.
    sari.chooses(&asked.option("|va_bca~"))
        .await
        .says_all(&["VA BCA", "Rp55.000", "alamat"]);
    sari.asks(ADDRESS)
        .await
        .says_all(&["BCA", "Rp55.000", "Jl. Melati"]);
    pays(&world, &sari)
        .await
        .says_all(&["WRG-", "1 × Kopi Gayo", "Ongkir: Rp10.000"]);
    let held = "SELECT count(*) FROM stock_item WHERE reserved > 0";
    assert_eq!(world.count(held).await, 0, "what was held is sold");
    world.ends_well().await;
}

#[tokio::test]
async fn goods_to_a_new_address_take_four_messages_too() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("halo").await.says_all(&["Toko Sari"]);
    let quote = sari.asks("beli KOPI-01 1").await;
    quote.says_all(&["Rp55.000", "alamat", "QRIS"]);
    let bill = sari.asks(ADDRESS).await;
    assert!(bill.image().is_some(), "{}", bill.text());
    bill.says_all(&["Rp55.000", "Jl. Melati"]);
    pays(&world, &sari)
        .await
        .says_all(&["Pembayaran diterima", "Kopi Gayo", "Jl. Melati"]);
    was_billed_little(&sari);
    world.ends_well().await;
}

#[tokio::test]
async fn only_an_address_confirms_and_what_is_none_buys_nothing() {
    let world = World::new().await;
    let orders = "SELECT count(*) FROM orders";
    let sari = world.customer("Sari");
    sari.asks("beli KOPI-01 1").await;
    // A question with a number in it, a chat, a change of mind.
    sari.asks("ongkir ke Bandung 40132 berapa ya kak?").await;
    sari.asks("yang enak yang mana ya kak").await;
    assert_eq!(world.count(orders).await, 0);
    sari.asks("beli KOPI-01 1").await;
    sari.asks("tidak").await;
    sari.asks(&format!("alamat {ADDRESS}")).await;
    assert_eq!(world.count(orders).await, 0);
    // Now the address is known, and the next quote asks how to pay.
    sari.asks("beli KOPI-01 1")
        .await
        .says_all(&["Jl. Melati", "Mau bayar pakai apa"]);
    // With saldo enough, the address alone spends none of it.
    let tom = world.customer("Tom");
    world.give_saldo(&tom, 200_000).await;
    tom.asks("beli KOPI-01 1").await;
    let bill = tom.asks(ADDRESS).await;
    assert!(bill.image().is_some(), "{}", bill.text());
    let sold = "SELECT count(*) FROM orders WHERE state = 'paid'";
    assert_eq!(world.count(sold).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_whole_purchase_by_text_alone_in_english() {
    let world = World::new().await;
    let tom = world.customer("Tom");
    tom.asks("language en").await;
    tom.asks("hello").await.says_all(&["Toko Sari"]);
    tom.asks("search gayo coffe")
        .await
        .says_all(&["Gayo Coffee"]);
    tom.asks("add KOPI-01 1").await;
    tom.asks("add TEH-01 2").await;
    tom.asks("cart")
        .await
        .says_all(&["Gayo Coffee", "Jasmine Tea", "Rp75.000"]);
    tom.asks("checkout")
        .await
        .says_all(&["address", "Rp85.000"]);
    // The number of the option does as well as a tap.
    tom.asks("1").await.says_all(&["QRIS", "address"]);
    let bill = tom
        .asks("Tom, Jl. Kemang Raya 12, Jakarta Selatan 12730")
        .await;
    assert!(bill.image().is_some(), "{}", bill.text());
    bill.says_all(&["Rp85.000"]);
    pays(&world, &tom)
        .await
        .says_all(&["Gayo Coffee", "Rp85.000"]);
    tom.asks("orders").await.says_all(&["WRG-"]);
    tom.asks("cart").await.never_says("Gayo");
    world.ends_well().await;
}

#[tokio::test]
async fn yes_confirms_the_quote_on_the_screen_once_and_no_drops_it() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("beli VOUCHER-10 1").await;
    sari.asks("tidak").await;
    sari.asks("ya").await;
    assert_eq!(
        world.count("SELECT count(*) FROM orders").await,
        0,
        "nothing was asked"
    );
    sari.asks("beli VOUCHER-10 1").await;
    let bill = sari.asks("YA!").await;
    assert!(bill.image().is_some(), "the first way to pay is QRIS");
    sari.asks("ya").await;
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 1);
    pays(&world, &sari).await.says_all(&["KELAS-"]);
    world.ends_well().await;
}

#[tokio::test]
async fn a_customer_with_an_address_pays_from_saldo_in_three_messages() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 200_000).await;
    sari.asks(&format!("alamat {ADDRESS}")).await;
    let before = sari.inbox().len();
    sari.asks("menu").await;
    let quote = sari.asks("beli KOPI-01 1").await;
    sari.chooses(&quote.option("|saldo~"))
        .await
        .says_all(&["Rp55.000", "WRG-"]);
    assert_eq!(sari.inbox().len() - before, 3);
    world.ends_well().await;
}
