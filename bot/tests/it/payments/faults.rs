//! Lost answers, broken servers, and notifications that lie.

use warung_sandbox::midtrans::{Call, Fault, Forgery};
use warung_testkit::eventually;

use super::{
    VOUCHER, about_to_pay, all_is_read, attempt_becomes, gets_the_voucher, nothing_is_due, payment,
    pays_by, picks, picks_way, poll_now,
};
use crate::harness::{PATIENCE, Plan, Says, World};

/// Pays the voucher by QRIS while Midtrans misbehaves in this way on charging.
async fn pays_although(fault: Fault, method: &str) {
    let world = World::new().await;
    world.midtrans.faults().next_on(Call::Charge, fault, 1);
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, method).await.says_all(&["Rp10.000"]);
    assert_eq!(world.midtrans.payments().len(), 1, "charged once");
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_asked_about_and_not_made_twice() {
    pays_although(Fault::AnswerLost, "qris").await;
}

#[tokio::test]
async fn an_account_whose_charge_was_lost_is_read_from_the_status() {
    pays_although(Fault::AnswerLost, "va_bca").await;
}

#[tokio::test]
async fn a_charge_that_failed_after_its_effect_is_asked_about() {
    pays_although(Fault::ErrorAfterEffect, "qris").await;
}

#[tokio::test]
async fn a_charge_that_met_a_broken_server_is_made_again() {
    pays_although(Fault::ServerError, "qris").await;
}

#[tokio::test]
async fn a_charge_that_is_still_in_flight_is_waited_for() {
    pays_although(Fault::InFlight, "qris").await;
}

#[tokio::test]
async fn too_many_charges_wait_their_turn() {
    pays_although(Fault::RateLimited, "va_bca").await;
}

#[tokio::test]
async fn a_page_whose_answer_was_lost_is_made_again() {
    let world = World::new().await;
    let faults = world.midtrans.faults();
    faults.next_on(Call::SnapCreate, Fault::AnswerLost, 1);
    let sari = about_to_pay(&world, "Sari").await;
    let how = pays_by(&sari, "snap").await;
    assert!(how.link().is_some());
    let order: String = sqlx::query_scalar("SELECT provider_order_id FROM payment_attempt")
        .fetch_one(&world.db)
        .await
        .unwrap();
    let page = world.midtrans.find_snap(&order).unwrap();
    assert!(
        how.link().unwrap().contains(&page.token),
        "the page that lives"
    );
    world.midtrans.pay(&order).unwrap();
    sari.hears().await.says_all(&["Pembayaran diterima"]);
    world.ends_well().await;
}

#[tokio::test]
async fn a_method_that_is_not_open_ends_kindly_and_gives_the_stock_back() {
    // Midtrans refuses the voucher's price for a virtual account of BCA when it is too small.
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    sqlx::query(
        "CREATE FUNCTION shrink() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN NEW.amount := 1; RETURN NEW; END $$",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sqlx::query(
        "CREATE TRIGGER shrink BEFORE INSERT ON payment_attempt
         FOR EACH ROW EXECUTE FUNCTION shrink()",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let sorry = pays_by(&sari, "va_bca").await;
    sorry.says_all(&["tidak bisa diproses", "Tidak ada yang ditagih"]);
    assert!(!sorry.options().is_empty(), "a way to try again");
    let held = "SELECT count(*) FROM stock_reservation WHERE state = 'held'";
    assert_eq!(world.count(held).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn each_notification_twice_is_one_receipt() {
    let world = World::new().await;
    world.midtrans.faults().next(Fault::Duplicate, 4);
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    gets_the_voucher(&sari).await;
    world.midtrans.quiet(PATIENCE).await.unwrap();
    for _ in 0..3 {
        world.midtrans.resend_notification(&bill.order_id).unwrap();
    }
    all_is_read(&world).await;
    world.settles().await;
    assert_eq!(sari.inbox().len(), 3);
    world.ends_well().await;
}

#[tokio::test]
async fn a_settlement_told_before_its_pending_stays_settled() {
    let world = World::new().await;
    world.midtrans.faults().next(Fault::Reorder, 1);
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    gets_the_voucher(&sari).await;
    all_is_read(&world).await;
    attempt_becomes(&world, "settled").await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_notification_that_never_comes_is_made_up_for_by_asking() {
    let world = World::new().await;
    world.midtrans.faults().next(Fault::Drop, 2);
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    // The customer asks; the schedule would, half a minute later.
    picks(&sari, "|check|").await;
    sari.hears().await.says_all(&["sedang kami cek"]);
    gets_the_voucher(&sari).await;
    world.ends_well().await;
}

#[tokio::test]
async fn forged_notifications_give_nothing_away() {
    let world = World::new().await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "qris").await;
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.quiet(PATIENCE).await.unwrap();
    let forgeries = [
        Forgery::BadSignature,
        Forgery::EditedStatus,
        Forgery::ShiftedBoundary,
        Forgery::WrongMerchant,
        Forgery::WrongAmount,
        Forgery::WrongCurrency,
        Forgery::UnknownOrder,
    ];
    let before = world.midtrans.notifications().len();
    for forgery in forgeries {
        world.midtrans.forge(&bill.order_id, forgery).unwrap();
    }
    notified(&world, before + forgeries.len()).await;
    attempt_becomes(&world, "pending").await;
    poll_now(&world).await;
    nothing_is_due(&world).await;
    attempt_becomes(&world, "pending").await;
    assert_eq!(world.count("SELECT count(*) FROM ledger_txn").await, 0);
    // After the true settlement, a forged refund takes nothing back.
    world.midtrans.pay(&bill.order_id).unwrap();
    gets_the_voucher(&sari).await;
    let before = world.midtrans.notifications().len();
    let edited = Forgery::EditedStatus;
    world.midtrans.forge(&bill.order_id, edited).unwrap();
    notified(&world, before + 1).await;
    poll_now(&world).await;
    nothing_is_due(&world).await;
    attempt_becomes(&world, "settled").await;
    world.ends_well().await;
}

/// Waits until this many notifications were tried; refused ones are tried again for long.
async fn notified(world: &World, count: usize) {
    eventually(PATIENCE, async || {
        let tried = world.midtrans.notifications().len();
        if tried >= count {
            Ok(())
        } else {
            Err(format!("{tried} of {count} were tried"))
        }
    })
    .await;
}

#[tokio::test]
async fn money_of_another_amount_is_kept_for_a_person_to_look_at() {
    let world = World::new().await;
    let boss = world.staff();
    boss.asks("halo").await;
    let sari = about_to_pay(&world, "Sari").await;
    pays_by(&sari, "va_bca").await;
    sqlx::query("UPDATE payment_attempt SET amount = amount - 1")
        .execute(&world.db)
        .await
        .unwrap();
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears()
        .await
        .says_all(&["tidak sesuai"])
        .never_says("KELAS-");
    boss.hears()
        .await
        .says_all(&["Perlu diperiksa", &bill.order_id]);
    let suspense = "SELECT sum(e.amount)::bigint FROM ledger_entry e
        JOIN ledger_account a ON a.id = e.account_id WHERE a.code = 'suspense'";
    assert_eq!(world.count(suspense).await, VOUCHER);
    world.midtrans.resend_notification(&bill.order_id).unwrap();
    all_is_read(&world).await;
    assert_eq!(world.count(suspense).await, VOUCHER, "booked once");
    world.ends_well().await;
}

#[tokio::test]
async fn a_bot_killed_while_charging_is_made_up_for_by_another() {
    let world = Plan::bots(2).open().await;
    let faults = world.midtrans.faults();
    faults.next_on(Call::Charge, Fault::AnswerNever, 1);
    let sari = about_to_pay(&world, "Sari").await;
    picks_way(&sari, "va_permata").await;
    payment(&world, VOUCHER).await;
    let owner: String = sqlx::query_scalar(
        "SELECT b.address FROM payment_attempt p JOIN bot_instance b ON b.id = p.owner",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    let at_work = world
        .bots
        .iter()
        .position(|bot| bot.url("").contains(&owner));
    let at_work = at_work.expect("the bot that charges");
    world.bots[at_work].process.kill().unwrap();
    world.route_webhooks();
    sari.hears().await.says_all(&["PERMATA"]);
    assert_eq!(
        world.midtrans.payments().len(),
        1,
        "Permata knows no idempotency key"
    );
    let bill = payment(&world, VOUCHER).await;
    world.midtrans.pay(&bill.order_id).unwrap();
    sari.hears().await.says_all(&["Pembayaran diterima"]);
    world.ends_well().await;
}

#[tokio::test]
async fn twenty_pay_at_once_over_two_bots_and_every_notification_comes_twice_out_of_order() {
    let world = Plan::bots(2).open().await;
    let faults = world.midtrans.faults();
    faults.chance(Fault::Duplicate, None, 1_000);
    faults.chance(Fault::Reorder, None, 300);
    faults.chance(Fault::AnswerLost, Some(Call::Charge), 200);
    let mut crowd = Vec::new();
    for n in 0..20 {
        let customer = about_to_pay(&world, &format!("Pembeli {n}")).await;
        picks_way(&customer, "qris").await;
        crowd.push(customer);
    }
    for customer in &crowd {
        customer.hears().await.says_all(&["Rp10.000"]);
    }
    let bills = world.midtrans.payments();
    assert_eq!(bills.len(), 20, "one charge each");
    for bill in &bills {
        world.midtrans.pay(&bill.order_id).unwrap();
    }
    for customer in &crowd {
        gets_the_voucher(customer).await;
        assert_eq!(customer.inbox().len(), 3);
    }
    let sold = "SELECT count(DISTINCT order_line_id) FROM stock_unit";
    assert_eq!(world.count(sold).await, 20);
    world.ends_well().await;
}
