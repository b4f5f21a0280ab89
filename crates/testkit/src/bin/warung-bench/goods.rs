//! What the shop of the load sells, and the money of its customers.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use warung_testkit::bot::Shop;

/// Products of the load, and one more that everybody wants at once.
pub(crate) const PRODUCTS: usize = 40;
const HOT: &str = "BENCH-HOT";
/// Units of each.
const UNITS: usize = 600;
/// Units of the one that everybody wants: more than a ramp can sell.
const HOT_UNITS: usize = 9_000;
/// Rupiah that each customer has, enough for every purchase.
const SALDO: i64 = 100_000_000;

/// The SKU of a product.
pub(crate) fn sku(index: usize) -> String {
    format!("BENCH-{:02}", index % PRODUCTS)
}

/// The SKU that everybody wants.
pub(crate) fn hot_sku(_: usize) -> String {
    HOT.to_owned()
}

/// Loads digital products, which need neither address nor shipping.
pub(crate) async fn load(shop: &Shop, program: &Path, directory: &Path) -> Result<()> {
    let mut rows = String::new();
    let products = (0..PRODUCTS).map(|index| (sku(index), UNITS));
    let products: Vec<(String, usize)> = products.chain([(HOT.to_owned(), HOT_UNITS)]).collect();
    for (sku, _) in &products {
        writeln!(
            rows,
            "{sku},bench,Voucher {sku},Voucher {sku},Uji,Test,10000,9000,0,digital,0,"
        )?;
    }
    shop.import(program, directory, &rows).await?;
    for (sku, units) in &products {
        let units: Vec<String> = (0..*units).map(|unit| format!("{sku}-{unit:05}")).collect();
        shop.add_units(program, directory, sku, &units).await?;
    }
    Ok(())
}

/// How many customers the shop knows.
pub(crate) async fn customers(database: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM customer")
        .fetch_one(database)
        .await?)
}

/// Gives every customer saldo by an opening transaction in the ledger.
pub(crate) async fn fund(database: &mut PgConnection) -> Result<()> {
    const STEPS: [&str; 4] = [
        "INSERT INTO ledger_account (code, kind, customer_id, bounded)
         SELECT 'saldo:' || id, 'liability', id, true FROM customer
         ON CONFLICT (customer_id) DO NOTHING",
        "INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
         SELECT gen_random_uuid(), 'opening', 'bench', id::text, 'bench', now()
         FROM ledger_account WHERE customer_id IS NOT NULL",
        "INSERT INTO ledger_entry
                (txn_id, line, account_id, amount, account_version, balance_after)
         SELECT t.id, 1, a.id, $1, a.version + 1, a.posted + $1
         FROM ledger_txn t JOIN ledger_account a ON a.id::text = t.source_id
         WHERE t.source_type = 'bench'
         UNION ALL
         SELECT t.id, 2, (SELECT id FROM ledger_account WHERE code = 'adjustment'), -$1, NULL, NULL
         FROM ledger_txn t WHERE t.source_type = 'bench'",
        "UPDATE ledger_account SET posted = posted + $1, version = version + 1
         WHERE customer_id IS NOT NULL",
    ];
    let mut transaction = database.begin().await?;
    for (index, step) in STEPS.into_iter().enumerate() {
        let query = sqlx::query(step);
        let query = if index < 2 { query } else { query.bind(SALDO) };
        query.execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Gives the peer the same goods and customers, by SQL.
pub(crate) async fn stock_peer(database: &mut PgConnection, numbers: Vec<String>) -> Result<()> {
    let products = (0..PRODUCTS).map(|index| (sku(index), UNITS));
    let products = products.chain([(HOT.to_owned(), HOT_UNITS)]);
    let (skus, units): (Vec<String>, Vec<i32>) = products
        .map(|(sku, units)| (sku, i32::try_from(units).unwrap_or(i32::MAX)))
        .unzip();
    sqlx::query(
        "INSERT INTO product (sku, name, price, stock)
         SELECT sku, 'Voucher ' || sku, 10000, units
         FROM unnest($1::text[], $2::int[]) AS given (sku, units)",
    )
    .bind(&skus)
    .bind(&units)
    .execute(&mut *database)
    .await?;
    sqlx::query(
        "INSERT INTO stock_unit (product_id, secret)
         SELECT id, sku || '-' || unit FROM product, generate_series(1, stock) AS unit",
    )
    .execute(&mut *database)
    .await?;
    sqlx::query(
        "INSERT INTO customer (wa_id, name, saldo)
         SELECT wa_id, 'Pembeli', $2 FROM unnest($1::text[]) AS wa_id",
    )
    .bind(numbers)
    .bind(SALDO)
    .execute(&mut *database)
    .await?;
    sqlx::query("ANALYZE").execute(database).await?;
    Ok(())
}
