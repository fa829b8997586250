//! The producer's flags, and the settings that they become.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use event_log::{KafkaArgs, KafkaSettings};
use fake::rand;
use orders::{OrderId, Time};
use schema_registry::{SchemaRegistry, SchemaRegistryArgs};
use service::settings::{Invalid, MetricsArgs, ShellArgs, number};

use crate::demand::Demand;
use crate::life;

/// Writes made-up orders to the topic: placed, paid, shipped and delivered, or cancelled on the way.
///
/// Ends with 0 if every event was acknowledged, with 1 if not, and with 2 if a setting is wrong. On SIGINT or SIGTERM it
/// waits for the last acknowledgements; orders that are under way stay as they are.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 120)]
pub struct Args {
    /// Events per second; 0 means as many as possible
    #[arg(long, env = "PRODUCER_RATE", value_name = "EVENTS_PER_SECOND", default_value_t = 10.0)]
    pub rate: f64,

    /// End after this many orders; 0 means never
    #[arg(long, env = "PRODUCER_ORDERS", value_name = "N", default_value_t = 0)]
    pub orders: u64,

    /// Seed of the simulation: the same seed makes the same orders for the same numbers; random if not given
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,

    /// Number of the first order; if not given, the first that no earlier run on this topic can have used
    #[arg(long, value_name = "NUMBER")]
    pub start_at_id: Option<u64>,

    /// Prefix of every order id; producers that run at the same time need different ones
    #[arg(long, value_name = "TEXT", default_value = "ORD-")]
    pub id_prefix: String,

    /// Share of orders that are cancelled, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub cancel_share: f64,

    /// Share of orders with one event that is written twice, as by a sender that missed an answer, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub duplicate_share: f64,

    /// How many times faster than real orders, which take about 42 minutes; not used with --rate 0, see --in-flight
    #[arg(long, value_name = "TIMES", default_value_t = 120.0)]
    pub time_compression: f64,

    /// Approximate number of orders under way at a time; only with --rate 0
    #[arg(long, value_name = "ORDERS", default_value_t = 5000)]
    pub in_flight: u64,

    /// Time at which `occurred_at` begins, to go on at the speed of real orders; if not given, it is the present
    #[arg(long, value_name = "TIME")]
    pub simulate_from: Option<String>,

    /// Key of the records
    #[arg(long, value_enum, default_value_t = Key::Order)]
    pub key: Key,

    /// Format of the values: `json` is plain JSON; `json-schema` and `avro` register their schema as TOPIC-value
    /// and need --schema-registry-url
    #[arg(long, env = "PRODUCER_FORMAT", value_enum, default_value_t = Format::Json)]
    pub format: Format,

    /// Write in transactions; a second such producer on the same topic fences the first
    #[arg(long)]
    pub transactional: bool,

    #[command(flatten, next_help_heading = "Kafka")]
    pub kafka: KafkaArgs,

    #[command(flatten, next_help_heading = "Schema registry")]
    pub schema_registry: SchemaRegistryArgs,

    #[command(flatten, next_help_heading = "Process")]
    pub metrics: MetricsArgs,

    #[command(flatten, next_help_heading = "Process")]
    pub shell: ShellArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Key {
    Order,
    Customer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Json,
    JsonSchema,
    Avro,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub kafka: KafkaSettings,
    pub metrics_listen: Option<SocketAddr>,
    pub transactional: bool,
    pub key: Key,
    pub format: Format,
    /// There is one unless the format is JSON.
    pub registry: Option<SchemaRegistry>,
    /// Events per second; `None`: as many as possible.
    pub rate: Option<f64>,
    pub start_at_id: Option<u64>,
    pub simulate_from: Option<Time>,
    pub orders: Demand,
}

impl Args {
    pub fn validate(self) -> Result<Settings, Invalid> {
        let rate = number("--rate", self.rate, 0.0, 1e9)?;
        let time_compression = number("--time-compression", self.time_compression, 0.001, 1e9)?;
        let in_flight =
            if rate > 0.0 { life::in_flight(rate, time_compression) } else { self.in_flight as f64 };
        let orders = Demand {
            count: Some(self.orders).filter(|count| *count > 0),
            seed: self.seed.unwrap_or_else(rand::random),
            cancel_share: number("--cancel-share", self.cancel_share, 0.0, 1.0)?,
            duplicate_share: number("--duplicate-share", self.duplicate_share, 0.0, 1.0)?,
            id_prefix: check_prefix(self.id_prefix)?,
            in_flight: in_flight.max(1.0),
        };
        let registry = self.schema_registry.validate()?;
        if self.format != Format::Json && registry.is_none() {
            return Err(Invalid::new(
                "SCHEMA_REGISTRY_URL",
                "is missing; --format json-schema and avro need a registry",
            ));
        }
        Ok(Settings {
            kafka: self.kafka.validate()?,
            metrics_listen: self.metrics.validate()?,
            transactional: self.transactional,
            key: self.key,
            format: self.format,
            registry,
            rate: Some(rate).filter(|rate| *rate > 0.0),
            start_at_id: self.start_at_id,
            simulate_from: self.simulate_from.as_deref().map(parse_time).transpose()?,
            orders,
        })
    }
}

/// The prefix must leave room for any number.
fn check_prefix(prefix: String) -> Result<String, Invalid> {
    match OrderId::parse(&format!("{prefix}{}", u64::MAX)) {
        Ok(_) => Ok(prefix),
        Err(_) => {
            Err(Invalid::new("--id-prefix", "has more than 108 characters or contains a NUL character"))
        }
    }
}

fn parse_time(text: &str) -> Result<Time, Invalid> {
    text.parse().map_err(|error: orders::time::BadTime| {
        Invalid::new("--simulate-from", format!("cannot be used: {error}"))
    })
}
