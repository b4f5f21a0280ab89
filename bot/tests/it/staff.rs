//! The shop run by chat.

use crate::harness::{STAFF, Says, World};

/// Actions written down so far.
const ACTIONS: &str = "SELECT count(*) FROM staff_action";

#[tokio::test]
async fn stock_is_shown_set_raised_and_lowered_but_never_below_what_orders_hold() {
    let world = World::new().await;
    let staff = world.staff();
    world.stock("KOPI-02", 2).await;
    staff
        .asks("stok")
        .await
        .says_all(&["KOPI-02", "Kopi Toraja"])
        .never_says("KOPI-01 ");
    staff
        .asks("stok KOPI-01")
        .await
        .says_all(&["Kopi Gayo", "*100*"]);
    staff
        .asks("stok KOPI-01 50")
        .await
        .says_all(&["100 → *50*"]);
    staff.asks("stok KOPI-01 +5").await.says_all(&["50 → *55*"]);
    staff
        .asks("stok KOPI-01 -15")
        .await
        .says_all(&["55 → *40*"]);
    sqlx::query(
        "UPDATE stock_item s SET reserved = 30 FROM variant v
         WHERE v.id = s.variant_id AND v.sku = 'KOPI-01'",
    )
    .execute(&world.db)
    .await
    .unwrap();
    staff
        .asks("stok KOPI-01 10")
        .await
        .says_all(&["30", "dipegang pesanan"]);
    staff
        .asks("stok KOPI-99")
        .await
        .says_all(&["tidak ada di katalog"]);
    staff
        .asks("stok VOUCHER-10 5")
        .await
        .says_all(&["addstok VOUCHER-10"]);
    staff
        .asks("stok KOPI-01 banyak")
        .await
        .says_all(&["stok KOPI-01 50"]);
    assert_eq!(world.count(ACTIONS).await, 3);
    let sum = "SELECT sum(m.delta)::bigint FROM stock_movement m JOIN variant v
               ON v.id = m.variant_id WHERE v.sku = 'KOPI-01'";
    assert_eq!(world.count(sum).await, 40);
    sqlx::query("UPDATE stock_item SET reserved = 0")
        .execute(&world.db)
        .await
        .unwrap();
    world.ends_well().await;
}

#[tokio::test]
async fn units_are_added_once_duplicates_are_named_and_no_secret_is_kept_in_the_open() {
    let world = World::new().await;
    let staff = world.staff();
    let before = world.count("SELECT count(*) FROM stock_unit").await;
    let message = "addstok VOUCHER-10\nRAHASIA-A1\nRAHASIA-B2\nRAHASIA-A1";
    let added = staff.asks(message).await;
    added.says_all(&["2 kode baru", "1 kode sudah", "baris 3"]);
    let again = staff.asks(message).await;
    again.says_all(&["0 kode baru", "3 kode sudah", "baris 1, 2, 3"]);
    let after = world.count("SELECT count(*) FROM stock_unit").await;
    assert_eq!(after - before, 2);
    let on_hand = "SELECT on_hand::bigint FROM stock_item s JOIN variant v ON v.id = s.variant_id
                   WHERE v.sku = 'VOUCHER-10'";
    assert_eq!(world.count(on_hand).await, after);
    world.settles().await;
    let leaks = "SELECT (SELECT count(*) FROM inbox WHERE payload LIKE '%RAHASIA%')
                      + (SELECT count(*) FROM outbox WHERE payload::text LIKE '%RAHASIA%')
                      + (SELECT count(*) FROM staff_action WHERE detail::text LIKE '%RAHASIA%')
                      + (SELECT count(*) FROM stock_unit WHERE secret LIKE '%RAHASIA%'::bytea)";
    assert_eq!(world.count(leaks).await, 0);
    staff
        .asks("addstok KOPI-01\nX-1")
        .await
        .says_all(&["produk fisik"]);
    assert_eq!(world.count(ACTIONS).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn the_same_message_about_units_twice_is_one() {
    let world = World::new().await;
    let staff = world.staff();
    let wamid = staff.says("addstok VOUCHER-10\nSEKALI-1").await;
    staff.hears().await.says_all(&["1 kode baru"]);
    staff.sends_again(&wamid).await.unwrap();
    world.whatsapp.idle(crate::harness::PATIENCE).await;
    world.settles().await;
    assert_eq!(staff.inbox().len(), 1);
    assert_eq!(world.count(ACTIONS).await, 1);
    world.ends_well().await;
}

#[tokio::test]
async fn a_price_is_set_for_everybody_and_never_above_for_resellers() {
    let world = World::new().await;
    let staff = world.staff();
    let sari = world.customer("Sari");
    sari.asks("detail KOPI-01").await.says_all(&["45.000"]);
    staff
        .asks("harga KOPI-01 52.500")
        .await
        .says_all(&["Rp45.000 → *Rp52.500*", "Rp40.000"]);
    staff
        .asks("harga KOPI-01 30rb")
        .await
        .says_all(&["reseller", "*harga KOPI-01 25000 22000*"]);
    staff
        .asks("harga KOPI-01 30rb 28rb")
        .await
        .says_all(&["Rp30.000", "Rp28.000"]);
    staff
        .asks("harga KOPI-01 1e9")
        .await
        .says_all(&["harga KOPI-01 25000"]);
    warung_testkit::eventually(crate::harness::PATIENCE, async || {
        let page = sari.asks("detail KOPI-01").await.text().to_owned();
        if page.contains("30.000") {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
    assert_eq!(world.count(ACTIONS).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn the_shop_closes_and_opens_on_every_bot() {
    let world = crate::harness::Plan::bots(2).open().await;
    let staff = world.staff();
    staff.asks("tutup").await.says_all(&["Toko tutup"]);
    let open = "SELECT count(*) FROM setting WHERE key = 'shop.open' AND value = 'true'";
    assert_eq!(world.count(open).await, 0);
    let sari = world.customer("Sari");
    sari.asks("bahasa id").await;
    for _ in 0..2 {
        // Both bots follow within seconds.
        warung_testkit::eventually(crate::harness::PATIENCE, async || {
            let said = sari.asks("beli VOUCHER-10 1").await.text().to_owned();
            if said.contains("tutup") {
                Ok(())
            } else {
                Err(said)
            }
        })
        .await;
    }
    staff.asks("buka").await.says_all(&["Toko buka"]);
    assert_eq!(world.count(open).await, 1);
    assert_eq!(world.count(ACTIONS).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn a_customer_has_no_staff_commands() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    for text in [
        "stok KOPI-01 999",
        "addstok VOUCHER-10\nX-1",
        "tutup",
        "rekap",
        "harga KOPI-01 1",
    ] {
        sari.says(text).await;
    }
    sari.asks("bahasa").await;
    world.settles().await;
    assert_eq!(world.count(ACTIONS).await, 0);
    let untouched = "SELECT count(*) FROM variant v JOIN stock_item s ON s.variant_id = v.id
                     WHERE v.sku = 'KOPI-01' AND v.price = 45000 AND s.on_hand = 100";
    assert_eq!(world.count(untouched).await, 1);
    assert_eq!(
        world
            .count("SELECT count(*) FROM setting WHERE key = 'shop.open'")
            .await,
        0
    );
    world.ends_well().await;
}

#[tokio::test]
async fn the_record_of_staff_cannot_be_changed() {
    let world = World::new().await;
    let staff = world.staff();
    staff.asks("rekap").await.says_all(&["Rekap", "Dibayar: 0"]);
    staff
        .asks("kirim WRG-241126-7K3QX JNE 0123456789")
        .await
        .says_all(&["tidak ada"]);
    staff
        .asks("kirimulang WRG-241126-7K3QX")
        .await
        .says_all(&["tidak ada"]);
    for change in [
        "DELETE FROM staff_action",
        "UPDATE staff_action SET action = 'x'",
    ] {
        assert!(sqlx::query(change).execute(&world.db).await.is_err());
    }
    assert_eq!(staff.wa_id(), STAFF);
    world.ends_well().await;
}

#[tokio::test]
async fn a_parcel_is_shipped_a_receipt_sent_again_and_the_day_summed_up() {
    let world = World::new().await;
    let staff = world.staff();
    let sari = world.customer("Sari");
    sari.asks("alamat Jl. Melati No. 5, Bandung 40115").await;
    world.give_saldo(&sari, 500_000).await;
    sari.asks("beli KOPI-01 2").await;
    let unpaid = "SELECT count(*) FROM orders WHERE state <> 'paid'";
    sari.asks("bayar saldo").await.says_all(&["Rp100.000"]);
    assert_eq!(world.count(unpaid).await, 0);
    let number: String = sqlx::query_scalar("SELECT number FROM orders")
        .fetch_one(&world.db)
        .await
        .unwrap();
    staff.asks("rekap").await.says_all(&[
        "Dibayar: 1",
        "Rp100.000",
        "Saldo: Rp100.000",
        "2 × Kopi Gayo",
        "Menunggu dikirim: 1",
    ]);
    staff
        .asks(&format!("kirim {number} jne jp123456789"))
        .await
        .says_all(&[&number, "JNE", "JP123456789"]);
    sari.hears().await.says_all(&["JNE", "JP123456789"]);
    staff
        .asks(&format!("kirimulang {number}"))
        .await
        .says_all(&["dikirim ulang"]);
    sari.hears().await.says_all(&[&number, "Rp100.000"]);
    staff.asks("rekap").await.says_all(&["Menunggu dikirim: 0"]);
    staff
        .asks(&format!("kirim {number}"))
        .await
        .says_all(&["*kirim WRG-"]);
    let actor = format!(
        "staff:{}",
        world
            .count("SELECT customer_id FROM staff_action LIMIT 1")
            .await
    );
    let actors: Vec<String> = sqlx::query_scalar("SELECT DISTINCT actor FROM staff_action")
        .fetch_all(&world.db)
        .await
        .unwrap();
    assert_eq!(actors, [actor]);
    assert_eq!(world.count(ACTIONS).await, 4);
    world.ends_well().await;
}

#[tokio::test]
async fn a_digital_order_is_not_shipped_but_its_code_is_sent_again_and_stays_the_same() {
    let world = World::new().await;
    let staff = world.staff();
    let sari = world.customer("Sari");
    sari.asks("bahasa id").await;
    world.give_saldo(&sari, 50_000).await;
    sari.asks("beli VOUCHER-10 1").await;
    let receipt = sari.asks("bayar saldo").await.text().to_owned();
    let code = receipt
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .find(|word| word.starts_with("KELAS-"))
        .unwrap_or_else(|| panic!("no code in {receipt}"));
    let number: String = sqlx::query_scalar("SELECT number FROM orders")
        .fetch_one(&world.db)
        .await
        .unwrap();
    staff
        .asks(&format!("kirim {number} JNE JP123456789"))
        .await
        .says_all(&["kirimulang"]);
    staff
        .asks(&format!("kirimulang {number}"))
        .await
        .says_all(&["dikirim ulang"]);
    sari.hears().await.says_all(&[code]);
    let sold = "SELECT count(*) FROM stock_unit WHERE sold_at IS NOT NULL";
    assert_eq!(world.count(sold).await, 1);
    world.ends_well().await;
}
