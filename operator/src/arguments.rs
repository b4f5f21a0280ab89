//! The command line. In a cluster the chart fills it by environment variables; a test compares the two.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

/// Turns each WhatsAppShop into a selling shop.
#[derive(Parser)]
#[command(version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the controllers.
    Run(Box<Run>),
    /// Print the custom resource definitions.
    Crds,
    /// Ask an address of the operator whether it is well.
    Check {
        /// Such as `http://warung-operator:8080/readyz`.
        url: String,
    },
}

/// How the controllers are run. The chart says it by environment variables.
#[derive(Args, Clone)]
pub struct Run {
    /// Namespaces whose shops are looked after; all of the cluster when none is given.
    #[arg(long = "namespace", env = "WATCH_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Namespace of the operator itself: of its Lease and its pods.
    #[arg(long, env = "OPERATOR_NAMESPACE", default_value = "warung")]
    pub operator_namespace: String,
    /// Name of the Lease that decides which operator acts.
    #[arg(long, env = "LEASE_NAME", default_value = "warung-operator")]
    pub lease_name: String,
    /// Name of this process in the Lease and in events, such as its pod's.
    #[arg(long, env = "POD_NAME", default_value = "warung-operator")]
    pub identity: String,
    /// Shops that are looked at at the same time.
    #[arg(long, env = "CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// Where /livez, /readyz and /metrics are served.
    #[arg(long, env = "LISTEN_ADDR", default_value = "[::]:8080")]
    pub listen: SocketAddr,
    /// Image of the bots where a manifest names none.
    #[arg(long, env = "BOT_IMAGE")]
    pub bot_image: String,
    /// Image of PostgreSQL where a manifest names none.
    #[arg(long, env = "POSTGRES_IMAGE")]
    pub postgres_image: String,
    /// Image of Redis or Valkey where a manifest names none.
    #[arg(long, env = "REDIS_IMAGE")]
    pub redis_image: String,
    /// Domain of the cluster.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Log filter, such as `info` or `info,warung_operator=debug`.
    #[arg(long, env = "LOG", default_value = "info")]
    pub log: String,
    /// Log for people instead of JSON.
    #[arg(long, env = "LOG_PLAIN")]
    pub log_plain: bool,
}
