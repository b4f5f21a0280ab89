//! The stories' shop: what it sells, how its bots are told, how the scene is set.

use std::path::PathBuf;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use warung_testkit::process::Program;

use super::STAFF;

/// The stories' data key: 32 bytes of zero, in base64.
pub(crate) const DATA_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The bot under test.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_warung-bot"))
}

/// What the stories' bots are told beyond addresses and secrets. Bursts are answered one by one,
/// so that a story need not wait between two sentences.
pub(super) fn defaults() -> Vec<(String, String)> {
    [
        ("BURST_WINDOW", "0s"),
        (
            "PAYMENT_METHODS",
            "qris,va_bca,va_permata,mandiri_bill,indomaret,snap,saldo",
        ),
        ("STAFF_IDENTITIES", STAFF),
        ("LOG", "info,warung_bot=debug"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The role that every story's bots serve as: it has the rights of `migrations/grants.sql` alone.
pub(crate) const SERVING_ROLE: &str = "warung_bot";

/// The address of a database as the serving role reaches it.
pub(crate) fn as_serving(owner_url: &str) -> String {
    as_role(owner_url, SERVING_ROLE)
}

/// The address of a database for a role made by [`ensure_role`].
pub(crate) fn as_role(url: &str, role: &str) -> String {
    let mut url = reqwest::Url::parse(url).unwrap();
    url.set_username(role).unwrap();
    url.set_password(Some(role)).unwrap();
    url.into()
}

/// Makes a role without any right, its password being its name.
pub(crate) async fn ensure_role(url: &str, role: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let there = sqlx::query("SELECT FROM pg_roles WHERE rolname = $1").bind(role);
    let there = there.fetch_optional(&mut connection).await.unwrap();
    if there.is_none() {
        let made = AssertSqlSafe(format!("CREATE ROLE {role} LOGIN PASSWORD '{role}'"));
        // Another story may have been quicker.
        if let Err(error) = sqlx::query(made).execute(&mut connection).await {
            let known = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code);
            assert!(
                matches!(known.as_deref(), Some("42710" | "23505")),
                "make {role}: {error}"
            );
        }
    }
    connection.close().await.unwrap();
}

/// Fills an empty database: schema, rights, catalogue, digital units, settings.
pub(super) async fn prepare(database_url: String) -> Result<()> {
    ensure_role(&database_url, SERVING_ROLE).await;
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures");
    let products = format!("{fixtures}/products.csv");
    let vouchers = format!("{fixtures}/units/VOUCHER-10.txt");
    let commands: [&[&str]; 5] = [
        &["migrate", "--grant-to", SERVING_ROLE],
        &["products", "import", &products, "--apply"],
        &["products", "add-units", "VOUCHER-10", &vouchers],
        &["settings", "set", "shop.name", "Toko Sari"],
        &["settings", "set", "shipping.flat_fee", "10000"],
    ];
    for command in commands {
        let (status, text) = Program::new(program())
            .clear_environment()
            .env("DATABASE_URL", &database_url)
            .env("DATA_KEY", DATA_KEY)
            .args(command)
            .run_to_end()
            .await?;
        anyhow::ensure!(status.success(), "warung-bot {}: {text}", command.join(" "));
    }
    Ok(())
}

pub(super) async fn connect(database_url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .connect(database_url)
        .await
        .unwrap()
}

/// Books saldo for a customer, who need not have written yet.
pub(super) async fn give_saldo(db: &PgPool, wa_id: &str, rupiah: i64) {
    sqlx::query(
        "WITH known AS (
             SELECT customer_id AS id FROM customer_alias WHERE kind = 'wa_id' AND value = $1
         ), fresh AS (
             INSERT INTO customer (profile_name)
             SELECT NULL WHERE NOT EXISTS (SELECT FROM known) RETURNING id
         ), alias AS (
             INSERT INTO customer_alias (kind, value, customer_id)
             SELECT 'wa_id', $1, id FROM fresh
         ), talk AS (
             INSERT INTO conversation (customer_id) SELECT id FROM fresh
         ), purse AS (
             INSERT INTO ledger_account (code, kind, customer_id, bounded)
             SELECT 'customer:' || id || ':saldo', 'liability', id, true FROM fresh
         )
         SELECT 1",
    )
    .bind(wa_id)
    .execute(db)
    .await
    .unwrap();
    sqlx::query(
        "WITH purse AS (
             UPDATE ledger_account a
             SET posted = posted + $2, version = version + 1
             FROM customer_alias k
             WHERE k.kind = 'wa_id' AND k.value = $1 AND a.customer_id = k.customer_id
             RETURNING a.id, a.posted, a.version
         ), txn AS (
             INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
             SELECT gen_random_uuid(), 'adjustment', 'story', gen_random_uuid()::text, 'story', now()
             RETURNING id
         )
         INSERT INTO ledger_entry (txn_id, line, account_id, amount, account_version, balance_after)
         SELECT txn.id, 1, purse.id, $2, purse.version, purse.posted FROM txn, purse
         UNION ALL
         SELECT txn.id, 2, a.id, -$2, NULL, NULL FROM txn, ledger_account a
         WHERE a.code = 'adjustment'",
    )
    .bind(wa_id)
    .bind(rupiah)
    .execute(db)
    .await
    .unwrap();
}

/// Sets how many of a physical product are on hand.
pub(super) async fn set_stock(db: &PgPool, sku: &str, on_hand: i32) {
    sqlx::query(
        "WITH item AS (
             SELECT s.variant_id, s.on_hand FROM stock_item s
             JOIN variant v ON v.id = s.variant_id WHERE v.sku = $1
         ), moved AS (
             INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
             SELECT variant_id, $2 - on_hand, 'staff', 'story', now() FROM item
             WHERE on_hand <> $2
         )
         UPDATE stock_item s SET on_hand = $2 FROM item WHERE s.variant_id = item.variant_id",
    )
    .bind(sku)
    .bind(on_hand)
    .execute(db)
    .await
    .unwrap();
}

/// Runs `warung-bot migrate` as the owner at `url`. Returns whether it went well, and what it said.
pub(crate) async fn migrate(url: &str) -> (bool, String) {
    let (status, said) = Program::new(program())
        .clear_environment()
        .env("DATABASE_URL", url)
        .args(["migrate", "--grant-to", SERVING_ROLE])
        .run_to_end()
        .await
        .unwrap();
    (status.success(), said)
}
