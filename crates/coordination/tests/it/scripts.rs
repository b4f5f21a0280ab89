//! The scripts against plain models of them, on the real server.

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};
use warung_testkit::stores;

const ACQUIRE: &str = include_str!("../../src/lua/lock_acquire.lua");
const EXTEND: &str = include_str!("../../src/lua/lock_extend.lua");
const RELEASE: &str = include_str!("../../src/lua/lock_release.lua");
const RATE_LIMIT: &str = include_str!("../../src/lua/rate_limit.lua");
const WINDOW: i64 = 60_000;

/// One key on the node that serves it.
struct Server {
    connection: MultiplexedConnection,
    key: String,
}

impl Server {
    async fn new() -> Self {
        let redis = &stores().await.redis;
        let key = format!("scripts:{:016x}", rand::random::<u64>());
        let node = redis.primary_of(&key).await.unwrap();
        Self {
            connection: redis.connect(node).await.unwrap(),
            key,
        }
    }

    async fn eval<T: FromRedisValue>(&mut self, script: &str, arguments: &[&str]) -> T {
        let mut cmd = redis::cmd("EVAL");
        cmd.arg(script).arg(1).arg(&self.key).arg(arguments);
        cmd.query_async(&mut self.connection).await.unwrap()
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &str, arguments: &[&str]) -> T {
        let mut cmd = redis::cmd(command);
        cmd.arg(&self.key).arg(arguments);
        cmd.query_async(&mut self.connection).await.unwrap()
    }

    async fn clear(&mut self) {
        self.ask::<i64>("DEL", &[]).await;
    }

    /// The rate limit at a given time of the server.
    async fn charge(&mut self, now: i64, limit: usize, id: &str) -> (i64, i64) {
        let script = format!("local now, skew = {now}, 1000\n{RATE_LIMIT}");
        self.eval(&script, &[&limit.to_string(), &WINDOW.to_string(), id])
            .await
    }
}

/// Runs a property over the server, a case after the other.
fn check<S: Strategy>(
    strategy: &S,
    property: &impl AsyncFn(&mut Server, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = std::cell::RefCell::new(runtime.block_on(Server::new()));
    let cases = Cases {
        cases: 64,
        failure_persistence: None,
        ..Cases::default()
    };
    TestRunner::new(cases)
        .run(strategy, |case| {
            let mut server = server.borrow_mut();
            runtime.block_on(async {
                server.clear().await;
                property(&mut server, case).await
            })
        })
        .unwrap();
}

#[derive(Debug, Clone, Copy)]
enum LockStep {
    Acquire(usize),
    Extend(usize),
    Release(usize),
    Lose,
}

fn lock_step() -> impl Strategy<Value = LockStep> {
    prop_oneof![
        (0..3usize).prop_map(LockStep::Acquire),
        (0..3usize).prop_map(LockStep::Extend),
        (0..3usize).prop_map(LockStep::Release),
        Just(LockStep::Lose),
    ]
}

#[test]
fn a_locks_key_has_one_holder_and_repeats_are_harmless() {
    let nonces = ["first", "second", "third"];
    check(
        &prop::collection::vec(lock_step(), 1..24),
        &async |server, steps| {
            let mut holder: Option<usize> = None;
            for step in steps {
                match step {
                    LockStep::Acquire(who) => {
                        let reply: Vec<Value> = server.eval(ACQUIRE, &[nonces[who], "30000"]).await;
                        match holder {
                            None => prop_assert_eq!(&reply, &[Value::Int(1)]),
                            Some(other) if other == who => {
                                prop_assert_eq!(&reply, &[Value::Int(2)]);
                            }
                            Some(other) => {
                                let name = Value::BulkString(nonces[other].into());
                                prop_assert_eq!(&reply[0], &Value::Int(0));
                                prop_assert_eq!(&reply[2], &name);
                            }
                        }
                        holder = holder.or(Some(who));
                    }
                    LockStep::Extend(who) => {
                        let reply: i64 = server.eval(EXTEND, &[nonces[who], "30000"]).await;
                        let expected = holder.map_or(2, |other| i64::from(other == who));
                        prop_assert_eq!(reply, expected);
                        holder = holder.or(Some(who));
                    }
                    LockStep::Release(who) => {
                        let reply: i64 = server.eval(RELEASE, &[nonces[who]]).await;
                        prop_assert_eq!(reply, i64::from(holder == Some(who)));
                        holder = holder.filter(|other| *other != who);
                    }
                    LockStep::Lose => {
                        server.clear().await;
                        holder = None;
                    }
                }
                let stored: Option<String> = server.ask("GET", &[]).await;
                prop_assert_eq!(stored.as_deref(), holder.map(|who| nonces[who]));
                if holder.is_some() {
                    let left: i64 = server.ask("PTTL", &[]).await;
                    prop_assert!((1..=30_000).contains(&left));
                }
            }
            Ok(())
        },
    );
}

/// Time passed, id, refund before, limit.
fn charges() -> impl Strategy<Value = Vec<(i64, usize, bool, usize)>> {
    let passed = prop_oneof![
        Just(0),
        Just(1),
        Just(WINDOW - 1),
        Just(WINDOW),
        Just(WINDOW + 1),
        0..WINDOW / 2,
    ];
    prop::collection::vec(
        (passed, 0..6usize, prop::bool::weighted(0.1), 0..5usize),
        1..32,
    )
}

#[test]
fn the_log_of_charges_is_exact() {
    check(&charges(), &async |server, steps| {
        let mut now = 1_700_000_000_000;
        let mut log: Vec<(i64, usize)> = Vec::new();
        for (passed, id, refund, limit) in steps {
            now += passed;
            let name = format!("wamid.{id}");
            if refund {
                // Expired charges that were not trimmed yet are still in the server's log.
                server.ask::<i64>("ZREM", &[&name]).await;
                log.retain(|(_, other)| *other != id);
            }
            log.retain(|(at, _)| now - at < WINDOW);
            log.sort_unstable();
            let reply = server.charge(now, limit, &name).await;
            let count = log.len();
            let expected = if log.iter().any(|(_, other)| *other == id) {
                (2, limit.saturating_sub(count))
            } else if count >= limit {
                let blocking = log.get(count - limit);
                let wait = blocking.map_or(WINDOW, |(at, _)| at + WINDOW - now);
                (0, usize::try_from(wait).unwrap())
            } else {
                log.push((now, id));
                (1, limit - count - 1)
            };
            prop_assert_eq!(reply, (expected.0, i64::try_from(expected.1).unwrap()));
        }
        Ok(())
    });
}

#[tokio::test]
async fn a_charge_is_gone_at_exactly_the_window() {
    let mut server = Server::new().await;
    let start = 1_700_000_000_000;
    for (number, at) in [0, 10, 20].into_iter().enumerate() {
        let reply = server
            .charge(start + at, 3, &format!("wamid.{number}"))
            .await;
        assert_eq!(reply.0, 1);
    }
    assert_eq!(
        server.charge(start + WINDOW - 1, 3, "wamid.4").await,
        (0, 1)
    );
    assert_eq!(
        server.charge(start + WINDOW - 1, 3, "wamid.0").await,
        (2, 0)
    );
    assert_eq!(server.charge(start + WINDOW, 3, "wamid.4").await, (1, 0));
    assert_eq!(server.charge(start + WINDOW, 3, "wamid.5").await, (0, 10));
}
