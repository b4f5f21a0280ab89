//! Does a shop that grew a hundredfold answer as fast? Browse, search and buy one after the other,
//! before and after the tables are filled.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use warung_sandbox::whatsapp::{Customer, Observed};
use warung_testkit::console::say;

use crate::bed::{Bed, CUSTOMERS};
use crate::browse::{self, says};
use crate::goods;
use crate::load::{histogram, record};
use crate::purchase::onward;
use crate::report::milliseconds;

/// The name by which it is chosen; it is not part of the default run.
pub(crate) const NAME: &str = "growth";
/// Products, and customers with an order each, before and after.
const SMALL: Size = Size {
    products: 1_000,
    customers: 10_000,
};
const LARGE: Size = Size {
    products: 100_000,
    customers: 1_000_000,
};
/// Rows of one statement that fills.
const CHUNK: i64 = 50_000;
/// Messages of each kind, one after the other.
const MESSAGES: usize = 300;
const REPLY_LIMIT: Duration = Duration::from_secs(10);
/// How much longer the median may take.
const BAR: f64 = 1.3;

#[derive(Clone, Copy, Debug)]
struct Size {
    products: i64,
    customers: i64,
}

/// How long one kind of message took before and after.
#[derive(Debug, Serialize)]
pub(crate) struct Grown {
    what: &'static str,
    small_p50_ms: f64,
    large_p50_ms: f64,
    small_p99_ms: f64,
    large_p99_ms: f64,
    pub(crate) times: f64,
    pub(crate) met: bool,
}

/// What is asked, with what: `{}` is a number that differs each time.
const QUESTIONS: [(&str, &str); 6] = [
    ("browse: the list", "produk"),
    ("browse: one product", "detail GROW-{}"),
    ("search: a rare word", "cari langka {}"),
    ("search: words of many products", "cari kopi susu"),
    ("orders", "pesanan"),
    ("buy: from \"beli\" to the receipt", "beli BENCH-{}"),
];

/// Measures, fills, measures again.
pub(crate) async fn run(bed: &Bed) -> Result<Vec<Grown>> {
    let begun = Instant::now();
    fill(
        bed,
        Size {
            products: 0,
            customers: CUSTOMERS.try_into()?,
        },
        SMALL,
    )
    .await?;
    say(&format!("filled {SMALL:?} in {:.0?}", begun.elapsed()));
    browse::warm_up(bed).await?;
    let small = measure(bed).await?;
    let begun = Instant::now();
    fill(bed, SMALL, LARGE).await?;
    say(&format!("filled {LARGE:?} in {:.0?}", begun.elapsed()));
    browse::warm_up(bed).await?;
    let large = measure(bed).await?;
    let grown = QUESTIONS.iter().zip(small.iter().zip(&large));
    let grown: Vec<Grown> = grown
        .map(|((what, _), (small, large))| compare(what, small, large))
        .collect();
    for one in &grown {
        say(&format!(
            "  {} {:<36} p50 {:6.1} → {:6.1} ms ({:.2}×), p99 {:6.1} → {:6.1} ms",
            if one.met { "✓" } else { "✗" },
            one.what,
            one.small_p50_ms,
            one.large_p50_ms,
            one.times,
            one.small_p99_ms,
            one.large_p99_ms,
        ));
    }
    Ok(grown)
}

fn compare(what: &'static str, small: &Histogram<u64>, large: &Histogram<u64>) -> Grown {
    let at = |times: &Histogram<u64>, quantile| milliseconds(times.value_at_quantile(quantile));
    let times = at(large, 0.5) / at(small, 0.5).max(0.001);
    Grown {
        what,
        small_p50_ms: at(small, 0.5),
        large_p50_ms: at(large, 0.5),
        small_p99_ms: at(small, 0.99),
        large_p99_ms: at(large, 0.99),
        times,
        met: times <= BAR,
    }
}

async fn measure(bed: &Bed) -> Result<Vec<Histogram<u64>>> {
    let mut all: Vec<Histogram<u64>> = QUESTIONS.iter().map(|_| histogram()).collect();
    let mut replies = bed.tracker.follow();
    let mut customers = bed.customers.iter().cycle();
    // In turns, so that a busy moment of the machine does not strike one of them alone.
    for number in 0..MESSAGES {
        for (times, (what, question)) in all.iter_mut().zip(QUESTIONS) {
            let customer = customers.next().context("no customers")?;
            let text = if question.starts_with("beli") {
                format!("beli {} 1", goods::sku(number))
            } else {
                question.replace("{}", &format!("{:06}", 1 + number * 3))
            };
            let begun = Instant::now();
            let mut reply = ask(bed, customer, &says(&text), &mut replies).await?;
            if let Some(tap) = onward(&reply.payload) {
                reply = ask(bed, customer, &tap, &mut replies).await?;
            } else if question.starts_with("beli") {
                bail!("{what}: nothing was offered: {}", reply.payload);
            }
            record(times, reply.at.saturating_duration_since(begun));
        }
    }
    Ok(all)
}

async fn ask(
    bed: &Bed,
    customer: &Customer,
    content: &Value,
    replies: &mut mpsc::UnboundedReceiver<Observed>,
) -> Result<Observed> {
    bed.sandbox.deliver(&[customer.composes(content)]).await;
    let answered = async {
        while let Some(reply) = replies.recv().await {
            if reply.wa_id == customer.wa_id() {
                return Some(reply);
            }
        }
        None
    };
    let reply = tokio::time::timeout(REPLY_LIMIT, answered).await;
    reply
        .ok()
        .flatten()
        .with_context(|| format!("no answer within {REPLY_LIMIT:?} to {content}"))
}

/// Fills the tables from one size to another, in statements of bounded size, as valid rows: the
/// auditor finds nothing wrong with them.
async fn fill(bed: &Bed, from: Size, to: Size) -> Result<()> {
    const SQL: &str = include_str!("../../../../../bench/growth.sql");
    let mut database = bed.database().await?;
    sqlx::raw_sql(SQL).execute(&mut database).await?;
    let ranges = [
        ("SELECT grow_products($1, $2)", from.products, to.products),
        (
            "SELECT grow_customers($1, $2)",
            from.customers,
            to.customers,
        ),
        // Each customer of the load has one order as well, so that both sizes have one each.
        (
            "SELECT grow_orders($1, $2)",
            if from.products == 0 {
                0
            } else {
                from.customers
            },
            to.customers,
        ),
    ];
    for (statement, first, last) in ranges {
        let mut next = first;
        while next < last {
            let end = (next + CHUNK).min(last);
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(next + 1)
                .bind(end)
                .execute(&mut database)
                .await
                .with_context(|| format!("{statement} from {next}"))?;
            next = end;
        }
    }
    for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::query(statement).execute(&mut database).await?;
    }
    Ok(())
}
