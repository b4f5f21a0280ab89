//! What is said beside buying: help, languages, people, consent, and what came too late.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Customer, Plan, STAFF, Says, World};

/// Long enough for an answer that must not come.
const QUIET: Duration = Duration::from_millis(1500);

async fn hears_nothing(customer: &Customer) {
    if let Err(surprise) = customer.expects_silence(QUIET).await {
        panic!("{surprise}");
    }
}

#[tokio::test]
async fn a_quantity_that_is_none_is_explained_and_buys_nothing() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    for text in ["beli kopi 0.001", "beli KOPI-01 1e-9", "beli kopi 1/2"] {
        let help = sari.asks(text).await;
        help.says_all(&["bilangan bulat", "999", "*beli kopi 2*"]);
    }
    sari.asks("beli kopi -1").await.says_all(&["minimal 1"]);
    sari.asks("beli kopi 1000").await.says_all(&["999"]);
    sari.asks("beli").await.says_all(&["*beli kopi 2*"]);
    let joe = world.customer("Joe");
    joe.asks("english").await;
    joe.asks("buy coffee 0.001")
        .await
        .says_all(&["whole number", "999", "*buy coffee 2*"]);
    joe.asks("topup -5000")
        .await
        .says_all(&["more than zero", "*topup 50k*"]);
    joe.asks("cancel 123").await.says_all(&["order number"]);
    assert_eq!(world.count("SELECT count(*) FROM quote").await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn the_example_in_the_help_works_as_it_stands() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("tambah kopi 0,5")
        .await
        .says_all(&["*tambah kopi 2*"]);
    sari.asks("topup gratis").await.says_all(&["*topup 50rb*"]);
    sari.asks("topup 50rb").await.says_all(&["Rp50.000"]);
    sari.asks("bahasa jawa").await.says_all(&["*bahasa en*"]);
    sari.asks("bahasa en").await.says_all(&["English"]);
    world.ends_well().await;
}

#[tokio::test]
async fn the_language_is_asked_set_and_kept() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let asked = sari.asks("bahasa").await;
    let titles: Vec<_> = asked
        .options()
        .iter()
        .map(|option| option.title.clone())
        .collect();
    assert_eq!(titles, ["Bahasa Indonesia", "English"]);
    sari.chooses("English")
        .await
        .says_all(&["We will speak English"]);
    // A sentence in another language does not change what was chosen.
    sari.asks("topup gratis dong kak")
        .await
        .says_all(&["For example"]);
    sari.asks("bahasa indonesia")
        .await
        .says_all(&["Bahasa Indonesia"]);
    world.ends_well().await;
}

#[tokio::test]
async fn a_number_beyond_the_options_shows_them_again_under_the_same_numbers() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("7").await.says_all(&["Belum ada pilihan"]);
    let asked = sari.asks("bahasa").await;
    let again = sari.asks("5").await;
    again.says_all(&["1 sampai 2"]);
    let ids = |message: &warung_sandbox::whatsapp::Received| -> Vec<String> {
        message
            .options()
            .into_iter()
            .map(|option| option.id)
            .collect()
    };
    assert_eq!(ids(&asked), ids(&again));
    sari.asks("2").await.says_all(&["We will speak English"]);
    world.ends_well().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_once() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let sticker = json!({"type": "sticker", "sticker": {"id": "1", "mime_type": "image/webp"}});
    let voice = json!({"type": "audio", "audio": {"id": "2", "mime_type": "audio/ogg"}});
    let unsupported = json!({"type": "unsupported", "errors": [{"code": 131_051, "title": "x"}]});
    let hologram = json!({"type": "hologram", "hologram": {"depth": 3}});
    sari.sends(hologram.clone()).await;
    sari.hears().await.says_all(&["belum bisa membaca"]);
    for content in [sticker, voice, unsupported, hologram] {
        sari.sends(content).await;
    }
    sari.sends(json!({"type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": "👍"}}))
        .await;
    world.settles().await;
    hears_nothing(&sari).await;
    sari.asks("bahasa").await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_person_takes_over_and_the_customer_calls_the_bot_back() {
    let world = World::new().await;
    let staff = world.staff();
    staff.asks("bahasa").await;
    let sari = world.customer("Sari");
    sari.asks("bahasa").await;
    sari.asks("cs")
        .await
        .says_all(&["admin", "selesai", "30 menit"]);
    let notice = staff.hears().await;
    notice
        .says_all(&["Sari", "› cs", "kosong"])
        .never_says(sari.wa_id());
    sari.says("pesanan saya kok belum sampai").await;
    sari.says("menu").await;
    world.settles().await;
    hears_nothing(&sari).await;
    // Consent is heard all the same, and the person keeps the chat.
    sari.asks("berhenti").await.says_all(&["promo"]);
    sari.says("halo?").await;
    world.settles().await;
    hears_nothing(&sari).await;
    sari.asks("selesai").await.says_all(&["Bot kembali"]);
    sari.asks("bahasa").await;
    world.ends_well().await;
}

#[tokio::test]
async fn staff_hand_a_chat_back_to_the_bot_and_the_customer_is_told() {
    let world = World::new().await;
    let (staff, sari) = (world.staff(), world.customer("Sari"));
    staff.asks("bahasa").await;
    sari.asks("cs").await;
    let notice = staff.hears().await;
    staff
        .chooses(&notice.option("handback"))
        .await
        .says_all(&["Sari", "dikabari"])
        .never_says(sari.wa_id());
    sari.hears().await.says_all(&["Admin kami sudah selesai"]);
    sari.asks("bahasa").await;

    // By the number, as people write it, and by quoting the notice.
    sari.asks("cs").await;
    let notice = staff.hears().await;
    let local = format!("0{}", &sari.wa_id()[2..]);
    staff
        .asks(&format!("selesai {local}"))
        .await
        .says_all(&["Sari"]);
    sari.hears().await.says_all(&["bot melayani lagi"]);
    staff.replies_to(&notice.wamid, "selesai").await;
    staff.hears().await.says_all(&["memang sudah"]);
    sari.asks("bahasa").await;
    for nobody in ["selesai 081299999999", "selesai WRG-241126-7K3QX"] {
        staff.says(nobody).await;
        let told = staff.hears().await;
        assert!(!told.text().contains("Sari"), "{}", told.text());
    }
    // It is nothing that customers can do to each other.
    sari.asks("cs").await;
    staff.hears().await;
    let tom = world.customer("Tom");
    tom.says(&format!("selesai {local}")).await;
    tom.hears().await.never_says("Sari");
    sari.says("menu").await;
    world.settles().await;
    hears_nothing(&sari).await;
    let actions = "SELECT count(*) FROM staff_action WHERE action = 'hand_back'";
    assert_eq!(world.count(actions).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn a_tap_calls_the_bot_back_and_so_does_half_an_hour_of_silence() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("cs").await;
    sari.chooses("🤖 Kembali ke bot")
        .await
        .says_all(&["Bot kembali"]);
    let asked = sari.asks("bahasa").await;
    sari.asks("cs").await;
    sari.taps_in(&asked.wamid, "English").await.unwrap();
    sari.hears().await.says_all(&["English"]);
    sari.asks("cs").await;
    sqlx::query(
        "UPDATE conversation
         SET state = jsonb_set(state, '{muted_until}', to_jsonb(now() - interval '1 minute'))",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sari.asks("language").await;
    world.ends_well().await;
}

#[tokio::test]
async fn marketing_stops_at_once_and_starts_only_when_asked() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let wants = "SELECT count(*) FROM customer WHERE marketing";
    sari.asks("langganan")
        .await
        .says_all(&["promo", "berhenti"]);
    assert_eq!(world.count(wants).await, 1);
    sari.asks("STOP")
        .await
        .says_all(&["tidak mengirim promo lagi", "pesanan"]);
    assert_eq!(world.count(wants).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn messages_older_than_ten_minutes_get_one_apology_and_do_nothing() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let old = |text: &str| {
        let mut message = sari.composes(&json!({"type": "text", "text": {"body": text}}));
        let sent = world.whatsapp.clock().now() - chrono::TimeDelta::minutes(25);
        message["timestamp"] = json!(sent.timestamp().to_string());
        message
    };
    let wants = "SELECT count(*) FROM customer WHERE marketing";
    sari.asks("langganan").await;
    let backlog = [old("beli KOPI-01 2"), old("ya"), old("berhenti")];
    assert_eq!(world.whatsapp.deliver(&backlog).await, Some(200));
    let apology = sari.hears().await;
    apology.says_all(&["Maaf", "tidak ada yang dibeli"]);
    assert!(!apology.options().is_empty(), "it says what to do now");
    assert_eq!(world.whatsapp.deliver(&[old("menu")]).await, Some(200));
    world.settles().await;
    let apologies = sari.inbox();
    let apologies = apologies.iter().filter(|said| said.text().contains("Maaf"));
    assert_eq!(apologies.count(), 1);
    assert_eq!(
        world.count(wants).await,
        0,
        "consent is withdrawn however late"
    );
    assert_eq!(world.count("SELECT count(*) FROM quote").await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_shop_may_put_a_text_its_own_way() {
    let world = Plan::default().open().await;
    let words = ["settings", "set", "text.id.human-closed", "Bot siap, Bos!"];
    world.administer(&words).await.unwrap();
    let sari = world.customer("Sari");
    warung_testkit::eventually(crate::harness::PATIENCE, async || {
        sari.says("selesai").await;
        let said = sari.hears().await.text().to_owned();
        if said.contains("Bos") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
    world.ends_well().await;
}

#[tokio::test]
async fn staff_who_have_not_written_for_a_day_are_not_written_to() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("cs").await.says_all(&["admin"]);
    world.settles().await;
    assert!(world.whatsapp.customer(STAFF, "Bu Sari").inbox().is_empty());
    world.ends_well().await;
}
