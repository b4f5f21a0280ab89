//! Least rights: every story's bots serve as a role that can sell, and can't touch the past. Here
//! it tries to.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use warung_testkit::{process::Program, stores};

use crate::harness::{
    Says, World,
    shop::{self, SERVING_ROLE, as_role, as_serving, ensure_role},
};

/// PostgreSQL's word for "you may not".
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// What a bot that was taken over might try.
const FORBIDDEN: [&str; 17] = [
    "UPDATE ledger_txn SET memo = 'nothing happened'",
    "DELETE FROM ledger_txn",
    "UPDATE ledger_entry SET amount = amount * 2",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry",
    "UPDATE ledger_account SET bounded = false",
    "DELETE FROM ledger_account",
    "UPDATE order_event SET reason = 'x'",
    "DELETE FROM payment_event",
    "DELETE FROM payment_notification",
    "UPDATE stock_movement SET delta = 1",
    "DELETE FROM staff_action",
    "DELETE FROM orders",
    "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
    "CREATE TABLE mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "DELETE FROM _sqlx_migrations",
];

#[tokio::test]
async fn the_serving_role_sells_but_cannot_change_the_past() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    let quote = sari.asks("beli VOUCHER-10 1").await;
    let options = quote.options();
    let saldo = options.iter().find(|option| option.id.contains("|saldo~"));
    sari.chooses(&saldo.unwrap().id).await.says_all(&["KELAS-"]);
    // What holds for a database is not copied with its template.
    migrate(&world.owner_url, SERVING_ROLE).await.unwrap();
    let mut bot = PgConnection::connect(&as_serving(&world.owner_url))
        .await
        .unwrap();
    let who: String = sqlx::query_scalar("SELECT current_user::text")
        .fetch_one(&mut bot)
        .await
        .unwrap();
    assert_eq!(who, SERVING_ROLE);
    for sql in FORBIDDEN {
        let refused = bot.execute(sql).await.expect_err(sql);
        let code = refused
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // An owner's deeds (ALTER) have the same code.
        assert_eq!(
            code.as_deref(),
            Some(INSUFFICIENT_PRIVILEGE),
            "{sql}: {refused}"
        );
    }
    bot.close().await.unwrap();
    world.ends_well().await;
}

#[tokio::test]
async fn a_table_without_a_decision_fails_the_migration_and_so_does_a_role_that_owns() {
    let stores = stores().await;
    let url = stores.empty_database().await.unwrap();
    ensure_role(&url, SERVING_ROLE).await;
    migrate(&url, SERVING_ROLE).await.unwrap();
    // Twice is as good as once.
    let said = migrate(&url, SERVING_ROLE).await.unwrap();
    assert!(said.contains("warung_bot may serve it"), "{said}");
    let complaint = migrate(&url, "nobody_at_all").await.unwrap_err();
    assert!(complaint.contains("create it first"), "{complaint}");
    let complaint = migrate(&url, "warung").await.unwrap_err();
    assert!(
        complaint.contains("serve with a role of its own"),
        "{complaint}"
    );
    let mut owner = PgConnection::connect(&url).await.unwrap();
    owner.execute("CREATE TABLE wishes (id int)").await.unwrap();
    owner.close().await.unwrap();
    let complaint = migrate(&url, SERVING_ROLE).await.unwrap_err();
    assert!(complaint.contains("wishes"), "{complaint}");
    assert!(complaint.contains("\"kind\":\"migrate\""), "{complaint}");
}

#[tokio::test]
async fn what_an_earlier_version_gave_is_taken_back_and_a_strange_name_is_only_a_name() {
    let stores = stores().await;
    let url = stores.empty_database().await.unwrap();
    let role = "\"bot\"\"; DROP TABLE orders; --\"";
    let mut owner = PgConnection::connect(&url).await.unwrap();
    owner
        .execute(AssertSqlSafe(format!("CREATE ROLE {role}")))
        .await
        .unwrap();
    let name = "bot\"; DROP TABLE orders; --";
    migrate(&url, name).await.unwrap();
    owner
        .execute(AssertSqlSafe(format!(
            "GRANT ALL ON ledger_entry TO {role}; GRANT UPDATE (memo) ON ledger_txn TO {role}"
        )))
        .await
        .unwrap();
    migrate(&url, name).await.unwrap();
    let rights = "SELECT has_table_privilege($1, 'ledger_entry', 'UPDATE')
        OR has_any_column_privilege($1, 'ledger_txn', 'UPDATE')
        OR NOT has_table_privilege($1, 'orders', 'UPDATE')";
    let wrong: bool = sqlx::query_scalar(rights)
        .bind(name)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert!(!wrong);
    // Roles outlive databases, and the next run's PostgreSQL is a new one.
    owner.close().await.unwrap();
}

#[tokio::test]
async fn an_owner_without_privileges_migrates_and_grants() {
    let stores = stores().await;
    let url = stores.empty_database().await.unwrap();
    ensure_role(&url, SERVING_ROLE).await;
    ensure_role(&url, "warung_owner").await;
    let mut superuser = PgConnection::connect(&url).await.unwrap();
    superuser
        .execute(
            "DO $$ BEGIN
                 EXECUTE format('ALTER DATABASE %I OWNER TO warung_owner', current_database());
             END $$",
        )
        .await
        .unwrap();
    superuser.close().await.unwrap();
    // It brings the extension, and takes from the public what is its to take.
    migrate(&as_role(&url, "warung_owner"), SERVING_ROLE)
        .await
        .unwrap();
}

/// Migrates and grants; what was printed, with the report behind it.
async fn migrate(url: &str, role: &str) -> Result<String, String> {
    let report = std::env::temp_dir().join(format!("warung-report-{}", uuid::Uuid::new_v4()));
    let (status, text) = Program::new(shop::program())
        .clear_environment()
        .env("DATABASE_URL", url)
        .env("MIGRATE_GRANT_TO", role)
        .args(["migrate", "--report"])
        .arg(&report)
        .run_to_end()
        .await
        .unwrap();
    let reported = std::fs::read_to_string(&report).unwrap();
    let _ = std::fs::remove_file(&report);
    assert!(reported.len() <= 4_096 && reported.ends_with('\n'));
    let text = format!("{text}\n{reported}");
    if status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}
