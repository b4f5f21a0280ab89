//! A hundred customers who browse, buy, top up, cancel and tap twice, each on a seed of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use warung_sandbox::whatsapp::{Customer, Received};

use crate::bed::Bed;
use crate::goods;

/// How long a customer waits before the silence is a violation: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long a customer waits for what comes by itself, such as a receipt after paying.
const RECEIPT: Duration = Duration::from_secs(15);
/// How long a look into the database may take.
const LOOK_LIMIT: Duration = Duration::from_secs(3);
/// Time between two things a customer does: the shop sends one of them no more than a message in
/// six seconds for long, as WhatsApp asks.
const THINK_MS: std::ops::Range<u64> = 4_000..21_000;
/// What an eager customer buys in a row, and how they rest from it.
const EAGER_PURCHASES: usize = 5;
const EAGER_REST_MS: std::ops::Range<u64> = 70_000..110_000;
/// How often one who waits looks whether the run comes to its end.
const LOOK: Duration = Duration::from_millis(250);
/// Time in which customers who know each other's numbers come in.
const ARRIVAL_MS: u64 = 3_000;
const ADDRESS: &str = "Jl. Melati No. 5, Coblong, Bandung 40132";

/// What the crowd shares.
#[derive(Debug)]
pub(crate) struct Crowd {
    closing: AtomicBool,
    stock_rush: AtomicBool,
    doors_open: AtomicBool,
    /// Who waited in vain, and for what.
    unanswered: Mutex<Vec<String>>,
    /// How often each thing was done to its end.
    pub(crate) bought: AtomicUsize,
    pub(crate) paid: AtomicUsize,
    pub(crate) cancelled: AtomicUsize,
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            closing: AtomicBool::new(false),
            stock_rush: AtomicBool::new(false),
            doors_open: AtomicBool::new(false),
            unanswered: Mutex::default(),
            bought: AtomicUsize::new(0),
            paid: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
        })
    }

    /// Who waited in vain.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        let list = self.unanswered.lock();
        list.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has everybody want what there is little of, and keep the quote until [`Crowd::open`].
    pub(crate) fn rush(&self) {
        self.stock_rush.store(true, Ordering::Relaxed);
    }

    /// Lets everybody pay at once.
    pub(crate) fn open(&self) {
        self.doors_open.store(true, Ordering::Relaxed);
    }

    fn holds_quotes(&self) -> bool {
        !self.doors_open.load(Ordering::Relaxed) && !self.is_closing()
    }

    /// Asks everybody to come to an end.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Makes the customers known and sets them going.
pub(crate) fn numbers(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|index| format!("62812{:08}", 20_000_000 + index))
}

/// Sets the customers going; they end after [`Crowd::close`].
pub(crate) fn start(bed: &Arc<Bed>, crowd: &Arc<Crowd>, count: usize, seed: u64) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (index, number) in numbers(count).enumerate() {
        let person = Person {
            phone: bed.whatsapp.customer(&number, &format!("Pembeli {index}")),
            bed: Arc::clone(bed),
            crowd: Arc::clone(crowd),
            dice: StdRng::seed_from_u64(seed ^ (0x9e37_79b9 * (index as u64 + 1))),
            is_eager: index % 10 == 0,
            told_address: false,
        };
        tasks.spawn(person.live());
    }
    tasks
}

struct Person {
    phone: Customer,
    bed: Arc<Bed>,
    crowd: Arc<Crowd>,
    dice: StdRng,
    /// Buys as fast as the shop lets them.
    is_eager: bool,
    told_address: bool,
}

/// What a customer sends.
enum Says<'a> {
    Text(&'a str),
    Tap(&'a Received, String),
}

impl Person {
    async fn live(mut self) {
        self.pause(0..ARRIVAL_MS).await;
        while !self.crowd.is_closing() {
            self.catch_up().await;
            // Whoever was not answered begins anew.
            let _ = self.errand().await;
            self.thinks().await;
        }
        // The last word: everything before it must have been worked on by then.
        self.catch_up().await;
        self.asks("menu").await;
    }

    async fn pause(&mut self, range: std::ops::Range<u64>) {
        let wait = self.dice.random_range(range);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    async fn thinks(&mut self) {
        let range = if self.is_eager {
            EAGER_REST_MS
        } else {
            THINK_MS
        };
        let until = Instant::now() + Duration::from_millis(self.dice.random_range(range));
        while Instant::now() < until && !self.crowd.is_closing() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reads what came by itself.
    async fn catch_up(&self) {
        while self
            .phone
            .next_reply(Duration::from_millis(1))
            .await
            .is_ok()
        {}
    }

    async fn errand(&mut self) -> Option<()> {
        if self.crowd.stock_rush.load(Ordering::Relaxed) {
            return self.wants_the_last().await;
        }
        if self.is_eager {
            for _ in 0..EAGER_PURCHASES {
                self.buys_by_saldo().await?;
            }
            return Some(());
        }
        match self.dice.random_range(0..100) {
            0..30 => self.browses().await,
            30..55 => self.buys_by_saldo().await,
            55..73 => self.buys_at_midtrans("qris").await,
            73..83 => self.buys_at_midtrans("va_bca").await,
            83..86 => self.buys_at_midtrans("va_permata").await,
            86..91 => self.tops_up().await,
            91..97 => self.taps_three_times().await,
            _ => self.wants_a_parcel().await,
        }
    }

    async fn browses(&mut self) -> Option<()> {
        const WORDS: [&str; 6] = [
            "menu",
            "katalog",
            "saldo",
            "pesanan",
            "cari voucher",
            "keranjang",
        ];
        for _ in 0..self.dice.random_range(1..4) {
            let word = WORDS[self.dice.random_range(0..WORDS.len())];
            self.asks(word).await?;
            self.pause(100..800).await;
        }
        Some(())
    }

    fn wants(&mut self) -> String {
        let index = self.dice.random_range(0..goods::VOUCHERS - 1);
        format!(
            "beli {} {}",
            goods::voucher(index),
            self.dice.random_range(1..3)
        )
    }

    async fn buys_by_saldo(&mut self) -> Option<()> {
        let wish = self.wants();
        let quote = self.asks(&wish).await?;
        self.pays_by_saldo(&quote).await
    }

    async fn pays_by_saldo(&mut self, quote: &Received) -> Option<()> {
        let option = option(quote, "v1|pay|", "|saldo")?;
        let answer = self.talks(Says::Tap(quote, option), true).await?;
        if !goods::codes_in(answer.text()).is_empty() {
            self.crowd.bought.fetch_add(1, Ordering::Relaxed);
        }
        Some(())
    }

    async fn taps_three_times(&mut self) -> Option<()> {
        let wish = self.wants();
        let quote = self.asks(&wish).await?;
        let pay = option(&quote, "v1|pay|", "|saldo")?;
        for _ in 0..2 {
            let _ = self.phone.taps_in(&quote.wamid, &pay).await;
        }
        self.talks(Says::Tap(&quote, pay.clone()), false).await?;
        // Once more when it is answered, which is no second purchase and needs no second answer.
        self.pause(500..1_500).await;
        let _ = self.phone.taps_in(&quote.wamid, &pay).await;
        self.pause(1_000..2_000).await;
        Some(())
    }

    async fn wants_the_last(&mut self) -> Option<()> {
        let quote = if self.dice.random_bool(0.5) {
            self.asks_for_a_parcel(goods::LAST_PARCEL).await?
        } else {
            let voucher = goods::voucher(goods::VOUCHERS - 1);
            self.asks(&format!("beli {voucher} 1")).await?
        };
        while self.crowd.holds_quotes() {
            tokio::time::sleep(LOOK).await;
        }
        self.pays_by_saldo(&quote).await
    }

    async fn wants_a_parcel(&mut self) -> Option<()> {
        let quote = self.asks_for_a_parcel(goods::PARCEL).await?;
        self.pays_by_saldo(&quote).await
    }

    /// The quote. Where to send it the shop knows before, so that paying is one tap.
    async fn asks_for_a_parcel(&mut self, sku: &str) -> Option<Received> {
        if !self.told_address {
            self.asks(&format!("alamat {ADDRESS}")).await?;
            self.told_address = true;
        }
        self.asks(&format!("beli {sku} 1")).await
    }

    async fn buys_at_midtrans(&mut self, method: &str) -> Option<()> {
        let wish = self.wants();
        let quote = self.asks(&wish).await?;
        let by = format!("|{method}");
        let with_saldo = format!("|saldo+{method}");
        let mut shown = quote;
        let mut pay = option(&shown, "v1|pay|", &with_saldo).or(option(&shown, "v1|pay|", &by));
        if pay.is_none() {
            let others = option(&shown, "v1|methods|", "")?;
            shown = self.talks(Says::Tap(&shown, others), true).await?;
            pay = option(&shown, "v1|pay|", &by);
        }
        self.talks(Says::Tap(&shown, pay?), false).await?;
        self.pays_or_not().await
    }

    async fn tops_up(&mut self) -> Option<()> {
        let amount = 20 + 10 * self.dice.random_range(0..4);
        let shown = self.asks(&format!("topup {amount}rb")).await?;
        let method = if self.dice.random_bool(0.5) {
            "|qris|"
        } else {
            "|va_bca|"
        };
        let choice = shown
            .options()
            .into_iter()
            .find(|choice| choice.id.contains(method))?;
        self.talks(Says::Tap(&shown, choice.id), false).await?;
        self.pays_or_not().await
    }

    /// Most pay, some call it off (and some of them pay all the same), some forget it.
    async fn pays_or_not(&mut self) -> Option<()> {
        self.pause(100..1_500).await;
        let bill = self.bill().await?;
        match self.dice.random_range(0..10) {
            0..7 => {
                self.bed.midtrans.pay(&bill).ok()?;
                self.crowd.paid.fetch_add(1, Ordering::Relaxed);
                let _ = self.phone.next_reply(RECEIPT).await;
            }
            7..9 => {
                self.asks("batal").await?;
                self.crowd.cancelled.fetch_add(1, Ordering::Relaxed);
                let _ = self.phone.next_reply(RECEIPT).await;
                if self.dice.random_bool(0.4) {
                    // Money that comes after all.
                    let _ = self.bed.midtrans.pay_late(&bill);
                    self.crowd.paid.fetch_add(1, Ordering::Relaxed);
                    let _ = self.phone.next_reply(RECEIPT).await;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// What the customer's bank shows: the name of the newest payment that waits.
    async fn bill(&self) -> Option<String> {
        let until = Instant::now() + RECEIPT;
        while Instant::now() < until {
            if let Some(bill) = self.look_up().await {
                return Some(bill);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        None
    }

    async fn look_up(&self) -> Option<String> {
        let found = sqlx::query_scalar(
            "SELECT p.provider_order_id FROM payment_attempt p
             JOIN customer_alias k USING (customer_id)
             WHERE k.kind = 'wa_id' AND k.value = $1 AND p.state = 'pending'
             ORDER BY p.created_at DESC LIMIT 1",
        )
        .bind(self.phone.wa_id())
        .fetch_optional(&self.bed.window);
        let found = tokio::time::timeout(LOOK_LIMIT, found).await;
        found.ok()?.ok()?
    }

    /// How the customer's newest payments stand, to explain a silence.
    async fn payments(&self) -> String {
        let found = sqlx::query_scalar::<_, String>(
            "SELECT coalesce(string_agg(p.state || '/' || coalesce(p.provider_status, '-')
                    || ' after ' || p.failures || ' failures, due ' || coalesce(p.act_at::text, '-')
                    || ', made ' || p.created_at, '; '), 'no payments')
             FROM (SELECT p.* FROM payment_attempt p JOIN customer_alias k USING (customer_id)
                   WHERE k.kind = 'wa_id' AND k.value = $1 ORDER BY p.created_at DESC LIMIT 2) p",
        )
        .bind(self.phone.wa_id())
        .fetch_one(&self.bed.window);
        let found = tokio::time::timeout(LOOK_LIMIT, found).await;
        found.map_or_else(
            |_| "?".to_owned(),
            |found| found.unwrap_or_else(|e| e.to_string()),
        )
    }

    async fn asks(&self, text: &str) -> Option<Received> {
        self.talks(Says::Text(text), true).await
    }

    /// Sends something and waits for the next message of the shop.
    async fn talks(&self, says: Says<'_>, plain: bool) -> Option<Received> {
        self.catch_up().await;
        let ask = self.bed.timing.asked(plain);
        let what = match &says {
            Says::Text(text) => {
                self.phone.says(text).await;
                (*text).to_owned()
            }
            Says::Tap(message, option) => {
                if self.phone.taps_in(&message.wamid, option).await.is_err() {
                    self.bed.timing.forget(ask);
                    return None;
                }
                option.split('~').next().unwrap_or_default().to_owned()
            }
        };
        if let Ok(reply) = self.phone.next_reply(PATIENCE).await {
            self.bed.timing.answered(ask);
            return Some(reply);
        }
        let at = self.bed.begun.elapsed().as_secs();
        let (number, payments) = (self.phone.wa_id(), self.payments().await);
        let line = format!(
            "{number} waited for {what:?} in vain, until second {at}; payments: {payments}"
        );
        let list = self.crowd.unanswered.lock();
        list.unwrap_or_else(PoisonError::into_inner).push(line);
        None
    }
}

/// The option of a message that begins and ends so, its signature left out of account.
fn option(message: &Received, begin: &str, end: &str) -> Option<String> {
    let fits = |id: &str| {
        let command = id.split('~').next().unwrap_or_default();
        command.starts_with(begin) && command.ends_with(end)
    };
    let options = message.options().into_iter();
    options.map(|choice| choice.id).find(|id| fits(id))
}
