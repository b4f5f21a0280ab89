//! Products that come in several kinds, carts filled in WhatsApp's own catalogue, and a shop that
//! is closed.

use serde_json::{Value, json};
use warung_sandbox::whatsapp::Received;
use warung_testkit::eventually;

use crate::harness::{Customer, PATIENCE, Says, World};

const ADDRESS: &str = "alamat Sari, Jl. Melati No. 5, Coblong, Bandung 40132";

/// Coffee in bags of two sizes, each with a code, a price and a stock of its own.
const BAGS: &str = "\
sku,category,name_id,name_en,description_id,description_en,price,reseller_price,stock,kind,weight_grams,image
MANDHELING-250,kopi,Kopi Mandheling|250 g,Mandheling Coffee|250 g,Dari Sumatra.,From Sumatra.,60000,55000,10,physical,250,
MANDHELING-1000,kopi,Kopi Mandheling|1 kg,Mandheling Coffee|1 kg,,,200000,185000,1,physical,1000,
";

async fn with_bags() -> World {
    let world = World::new().await;
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(file.path(), BAGS).unwrap();
    let path = file.path().to_str().unwrap();
    let words = ["products", "import", path, "--apply"];
    world.administer(&words).await.unwrap();
    // Bots learn of new products within seconds.
    let eva = world.customer("Eva");
    eventually(PATIENCE, async || {
        let found = eva.asks("cari mandheling").await.text().to_owned();
        if found.contains("Mandheling") {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
    world
}

#[tokio::test]
async fn a_product_of_two_sizes_asks_which_and_sells_the_one_that_was_meant() {
    let world = with_bags().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 1_000_000).await;
    sari.asks(ADDRESS).await;
    let which = sari.asks("beli mandheling 2").await;
    which.says_all(&["Kopi Mandheling", "yang mana"]);
    let titles: Vec<String> = which
        .options()
        .into_iter()
        .map(|option| option.title)
        .collect();
    assert_eq!(titles, ["250 g", "1 kg"]);
    sari.chooses("250 g").await.says_all(&[
        "2 × Kopi Mandheling",
        "250 g",
        "Rp120.000",
        "Rp130.000",
    ]);
    sari.asks("bayar saldo").await.says_all(&["250 g", "WRG-"]);

    // One size's page leads to the other; the last bag is one bag.
    let small = sari.asks("detail MANDHELING-250").await;
    small.says_all(&["250 g", "Rp60.000", "stok 8"]);
    let large = sari.chooses(&small.option("MANDHELING-1000")).await;
    large.says_all(&["1 kg", "Rp200.000", "Dari Sumatra"]);
    sari.asks("beli MANDHELING-1000 2")
        .await
        .says_all(&["1 kg", "1"])
        .never_says("Rp400.000");
    sari.asks("tambah mandheling")
        .await
        .says_all(&["yang mana"]);
    sari.chooses("1 kg").await.says_all(&["1 × ", "1 kg"]);
    sari.asks("checkout").await.says_all(&["Rp210.000"]);
    sari.asks("bayar saldo").await.says_all(&["1 kg", "WRG-"]);
    let left = "SELECT sum(on_hand)::bigint FROM stock_item s JOIN variant v ON v.id = s.variant_id
                WHERE v.sku LIKE 'MANDHELING-%'";
    assert_eq!(world.count(left).await, 8);
    world.ends_well().await;
}

fn item(sku: &str, quantity: u32, price: u32) -> Value {
    json!({
        "product_retailer_id": sku, "quantity": quantity, "item_price": price, "currency": "IDR",
    })
}

/// What WhatsApp sends when a customer sends the cart of the shop's catalogue there.
async fn sends_cart(customer: &Customer, items: &[Value]) -> Received {
    let order = json!({"catalog_id": "CAT-1", "text": "", "product_items": items});
    customer
        .sends(json!({"type": "order", "order": order}))
        .await;
    customer.hears().await
}

#[tokio::test]
async fn a_cart_of_whatsapps_catalogue_is_quoted_at_the_shops_own_prices_and_bought() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 500_000).await;
    sari.asks(ADDRESS).await;
    world.stock("TEH-01", 1).await;
    // A stale or forged price is none of the shop's; what it does not sell is named.
    let quote = sends_cart(
        &sari,
        &[
            item("KOPI-01", 2, 1),
            item("TEH-01", 3, 15_000),
            item("SEPATU-9", 1, 99_000),
        ],
    )
    .await;
    quote.says_all(&[
        "2 × Kopi Gayo",
        "Rp90.000",
        "1 × Teh Melati",
        "SEPATU-9",
        "Rp115.000",
    ]);
    quote.never_says("99.000");
    sari.chooses(&quote.option("|saldo~")).await.says_all(&[
        "2 × Kopi Gayo",
        "1 × Teh Melati",
        "Rp115.000",
    ]);
    let quantities = "SELECT sum(qty)::bigint FROM order_line";
    assert_eq!(world.count(quantities).await, 3);
    world.ends_well().await;
}

#[tokio::test]
async fn a_cart_of_nothing_the_shop_sells_orders_nothing() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sends_cart(&sari, &[item("SEPATU-9", 1, 1), item("TOPI-3", 2, 1)])
        .await
        .says_all(&["SEPATU-9", "TOPI-3"]);
    assert_eq!(world.count("SELECT count(*) FROM quote").await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_quote_keeps_its_price_and_a_new_one_has_the_new() {
    let world = World::new().await;
    let (staff, sari) = (world.staff(), world.customer("Sari"));
    world.give_saldo(&sari, 500_000).await;
    sari.asks(ADDRESS).await;
    let quote = sends_cart(&sari, &[item("KOPI-01", 1, 45_000)]).await;
    quote.says_all(&["Rp55.000"]);
    staff.asks("harga KOPI-01 50000").await;
    sari.chooses(&quote.option("|saldo~"))
        .await
        .says_all(&["Rp55.000", "WRG-"]);
    sends_cart(&sari, &[item("KOPI-01", 1, 45_000)])
        .await
        .says_all(&["Rp60.000"]);
    world.ends_well().await;
}

/// Waits until the one bot has heard whether the shop is open.
async fn hears(world: &World, open: bool) {
    let eva = world.customer("Eva");
    eventually(PATIENCE, async || {
        let said = eva.asks("beli VOUCHER-10 1").await.text().to_owned();
        if said.contains("sedang tutup") == open {
            Err(said)
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_closes_takes_no_order_on_any_way_and_keeps_carts_and_quotes() {
    let world = World::new().await;
    let (staff, sari) = (world.staff(), world.customer("Sari"));
    world.give_saldo(&sari, 500_000).await;
    sari.asks(ADDRESS).await;
    sari.asks("tambah KOPI-01 2").await;
    let quote = sari.asks("checkout").await;
    quote.says_all(&["Rp100.000"]);
    staff.asks("tutup").await.says_all(&["Toko tutup"]);
    hears(&world, false).await;

    // The quote on the screen, the cart, a product, WhatsApp's cart: all are told the same.
    sari.chooses(&quote.option("|saldo~"))
        .await
        .says_all(&["sedang tutup"]);
    for ask in ["ya", "checkout", "beli KOPI-01 1"] {
        sari.asks(ask).await.says_all(&["sedang tutup"]);
    }
    sends_cart(&sari, &[item("KOPI-01", 1, 45_000)])
        .await
        .says_all(&["sedang tutup"]);
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 0);
    // Looking around and filling the cart stay possible.
    sari.asks("detail KOPI-01").await.says_all(&["Kopi Gayo"]);
    sari.asks("keranjang").await.says_all(&["2 × Kopi Gayo"]);

    staff.asks("buka").await.says_all(&["Toko buka"]);
    hears(&world, true).await;
    sari.taps_in(&quote.wamid, &quote.option("|saldo~"))
        .await
        .unwrap();
    sari.hears().await.says_all(&["WRG-", "Rp100.000"]);
    world.ends_well().await;
}
