//! The ports of the demo: fixed, so that addresses can be bookmarked, and each changeable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warung_testkit::{RedisOptions, ports};

/// How often taken ports are looked at again.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Where everything listens, on the loopback interface.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Ports {
    /// The WhatsApp sandbox and its phone page.
    #[arg(long = "port-phone", env = "WARUNG_PORT_PHONE", default_value_t = 8100)]
    pub(crate) phone: u16,
    /// The Midtrans sandbox and its payment pages.
    #[arg(long = "port-pay", env = "WARUNG_PORT_PAY", default_value_t = 8200)]
    pub(crate) pay: u16,
    /// The first bot.
    #[arg(long = "port-bot1", env = "WARUNG_PORT_BOT1", default_value_t = 8301)]
    pub(crate) bot1: u16,
    /// The second bot.
    #[arg(long = "port-bot2", env = "WARUNG_PORT_BOT2", default_value_t = 8302)]
    pub(crate) bot2: u16,
    /// PostgreSQL.
    #[arg(
        long = "port-postgres",
        env = "WARUNG_PORT_POSTGRES",
        default_value_t = 8432
    )]
    pub(crate) postgres: u16,
    /// The first of six Redis nodes; the others follow, their buses 10,000 above.
    #[arg(long = "port-redis", env = "WARUNG_PORT_REDIS", default_value_t = 8600)]
    pub(crate) redis: u16,
}

impl Ports {
    /// Says which ports are taken, and by which variable each is changed. Ports that become free
    /// within `patience` are not taken.
    ///
    /// # Errors
    /// When a port is taken, or asked for twice.
    pub(crate) async fn check(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let faults = self.faults(|port| !ports::is_free(port));
            if faults.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{}", faults.join("\n  "));
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    fn faults(&self, taken: impl Fn(u16) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        if self.redis > u16::MAX - 10_005 {
            faults.push("WARUNG_PORT_REDIS must be at most 55530".to_owned());
        }
        let mut seen = BTreeMap::new();
        let mut named = BTreeSet::new();
        for (port, what, variable) in self.all() {
            if let Some(other) = seen.insert(port, variable) {
                faults.push(format!(
                    "port {port} is asked for by both {other} and {variable}"
                ));
            } else if taken(port) && named.insert(variable) {
                let other = self.base_of(variable, port).saturating_add(1000);
                faults.push(format!(
                    "port {port} ({what}) is taken: set {variable} to another, \
                     for example `make demo {variable}={other}`"
                ));
            }
        }
        faults
    }

    /// The value of the variable that led to a port.
    fn base_of(&self, variable: &str, port: u16) -> u16 {
        if variable == "WARUNG_PORT_REDIS" {
            self.redis
        } else {
            port
        }
    }

    fn all(&self) -> Vec<(u16, &'static str, &'static str)> {
        let mut all = vec![
            (self.phone, "phone page", "WARUNG_PORT_PHONE"),
            (self.pay, "payment page", "WARUNG_PORT_PAY"),
            (self.bot1, "first bot", "WARUNG_PORT_BOT1"),
            (self.bot2, "second bot", "WARUNG_PORT_BOT2"),
            (self.postgres, "PostgreSQL", "WARUNG_PORT_POSTGRES"),
        ];
        let redis = RedisOptions::new("").ports(self.redis);
        all.extend(
            redis
                .into_iter()
                .map(|port| (port, "Redis", "WARUNG_PORT_REDIS")),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports {
        phone: 8100,
        pay: 8200,
        bot1: 8301,
        bot2: 8302,
        postgres: 8432,
        redis: 8600,
    };

    #[test]
    fn a_taken_port_is_named_with_its_variable() {
        assert_eq!(PORTS.faults(|_| false), Vec::<String>::new());
        let faults = PORTS.faults(|port| port == 8301 || port >= 18_602);
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("8301") && faults[0].contains("WARUNG_PORT_BOT1"));
        assert!(faults[1].contains("18602") && faults[1].contains("WARUNG_PORT_REDIS"));
    }

    #[test]
    fn a_port_asked_for_twice_is_named() {
        let faults = Ports { pay: 8100, ..PORTS }.faults(|_| false);
        assert!(
            faults[0].contains("WARUNG_PORT_PHONE and WARUNG_PORT_PAY"),
            "{faults:?}"
        );
    }
}
