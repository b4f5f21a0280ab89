//! Money from outside: every way to pay, and everything that goes wrong between Midtrans and us.

mod faults;
mod late;
mod methods;
mod saldo;

use warung_sandbox::{midtrans::Payment, whatsapp::Received};
use warung_testkit::eventually;

use crate::harness::{Customer, PATIENCE, Says, World};

/// The price of the voucher that most stories are about.
const VOUCHER: i64 = 10_000;

/// A customer with a quote for one voucher on the screen.
async fn about_to_pay(world: &World, name: &str) -> Customer {
    let customer = world.customer(name);
    let quote = customer.asks("beli VOUCHER-10 1").await;
    quote.says_all(&["Rp10.000"]);
    customer
}

/// Picks the way to pay the quote on the screen; how to pay it comes.
async fn pays_by(customer: &Customer, method: &str) -> Received {
    picks_way(customer, method).await;
    customer.hears().await
}

/// Picks the way to pay the quote on the screen.
async fn picks_way(customer: &Customer, method: &str) {
    picks(customer, &format!("|{method}~")).await;
}

/// Picks the option of the last message whose id holds `mark`.
async fn picks(customer: &Customer, mark: &str) {
    customer.taps(&customer.option(mark)).await.unwrap();
}

/// The newest payment at Midtrans of this amount.
async fn payment(world: &World, amount: i64) -> Payment {
    let found = world
        .midtrans
        .wait_for_payment(|payment| payment.amount == amount, PATIENCE)
        .await;
    found.expect("a payment at Midtrans")
}

/// Fails unless the next message is the receipt of the voucher, with its secret.
async fn gets_the_voucher(customer: &Customer) {
    let receipt = customer.hears().await;
    receipt.says_all(&["Pembayaran diterima", "KELAS-"]);
}

/// Waits until the newest payment attempt is in this state.
async fn attempt_becomes(world: &World, state: &str) {
    eventually(PATIENCE, async || {
        let is: Option<String> =
            sqlx::query_scalar("SELECT state FROM payment_attempt ORDER BY id DESC LIMIT 1")
                .fetch_optional(&world.db)
                .await
                .map_err(|error| error.to_string())?;
        if is.as_deref() == Some(state) {
            Ok(())
        } else {
            Err(format!("the payment is {is:?}"))
        }
    })
    .await;
}

/// Lets the time to pay of every unpaid order run out.
async fn time_runs_out(world: &World) {
    for change in [
        "UPDATE payment_attempt SET expires_at = now(), act_at = now()
         WHERE state IN ('creating', 'unknown', 'pending')",
        "UPDATE orders SET expires_at = now() WHERE state = 'awaiting_payment'",
    ] {
        sqlx::query(change).execute(&world.db).await.unwrap();
    }
}

/// Makes every payment due now, as the schedule of polls would.
async fn poll_now(world: &World) {
    sqlx::query("UPDATE payment_attempt SET act_at = now()")
        .execute(&world.db)
        .await
        .unwrap();
}

/// Waits until Midtrans has told everything and every payment was read since.
async fn all_is_read(world: &World) {
    world.midtrans.quiet(PATIENCE).await.unwrap();
    nothing_is_due(world).await;
}

/// Waits until no payment is due, and no bot works on one.
async fn nothing_is_due(world: &World) {
    let due = "SELECT count(*) FROM payment_attempt WHERE owner IS NOT NULL OR act_at <= now()";
    eventually(PATIENCE, async || match world.count(due).await {
        0 => Ok(()),
        due => Err(format!("{due} payments are due")),
    })
    .await;
}

/// A customer's saldo.
async fn saldo_of(world: &World, customer: &Customer) -> i64 {
    sqlx::query_scalar(
        "SELECT a.posted FROM ledger_account a
         JOIN customer_alias k USING (customer_id) WHERE k.kind = 'wa_id' AND k.value = $1",
    )
    .bind(customer.wa_id())
    .fetch_one(&world.db)
    .await
    .unwrap()
}
