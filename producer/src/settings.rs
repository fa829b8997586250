//! What the producer is told to do.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use event_log::{KafkaArgs, KafkaSettings};
use fake::rand;
use orders::{OrderId, Time};
use service::settings::{Invalid, MetricsArgs, ShellArgs, number};

/// Writes made-up orders to the topic: placed, paid, shipped and delivered, or cancelled on the way.
///
/// Ends with 0 if every event was acknowledged, with 1 if not, with 2 if a setting is wrong. SIGINT and SIGTERM stop it in
/// good order; orders that are under way stay as they are.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 120)]
pub struct Args {
    /// Events per second; 0 is as many as possible
    #[arg(long, env = "PRODUCER_RATE", value_name = "EVENTS_PER_SECOND", default_value_t = 10.0)]
    pub rate: f64,

    /// Ends after this many orders; 0 goes on for ever
    #[arg(long, env = "PRODUCER_ORDERS", value_name = "N", default_value_t = 0)]
    pub orders: u64,

    /// The same seed makes the same orders for the same numbers; random without it
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,

    /// Number of the first order; without it the first that no earlier run on this topic can have used
    #[arg(long, value_name = "NUMBER")]
    pub start_at_id: Option<u64>,

    /// Begins every order id; give each of several producers at once its own
    #[arg(long, value_name = "TEXT", default_value = "ORD-")]
    pub id_prefix: String,

    /// Share of orders that are cancelled, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub cancel_share: f64,

    /// Share of orders that have one event written twice, as a sender does that missed an answer, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub duplicate_share: f64,

    /// How many times faster than life; an order takes about 42 minutes in life. With --rate 0 see --in-flight
    #[arg(long, value_name = "TIMES", default_value_t = 120.0)]
    pub time_compression: f64,

    /// With --rate 0: how many orders are under way at a time, about
    #[arg(long, value_name = "ORDERS", default_value_t = 5000)]
    pub in_flight: u64,

    /// `occurred_at` begins here and goes at the speed of life, instead of telling the present
    #[arg(long, value_name = "TIME")]
    pub simulate_from: Option<String>,

    /// What the records are keyed by
    #[arg(long, value_enum, default_value_t = Key::Order)]
    pub key: Key,

    /// Write in transactions; a second such producer on the same topic shuts the first out
    #[arg(long)]
    pub transactional: bool,

    #[command(flatten, next_help_heading = "Kafka")]
    pub kafka: KafkaArgs,

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

/// Valid.
#[derive(Clone, Debug)]
pub struct Settings {
    pub kafka: KafkaSettings,
    pub metrics_listen: Option<SocketAddr>,
    pub transactional: bool,
    pub key: Key,
    /// Events per second; `None`: as many as possible.
    pub rate: Option<f64>,
    pub start_at_id: Option<u64>,
    pub simulate_from: Option<Time>,
    pub orders: Orders,
}

/// Which orders to make up.
#[derive(Clone, Debug)]
pub struct Orders {
    /// `None`: without end.
    pub count: Option<u64>,
    pub seed: u64,
    pub id_prefix: String,
    pub cancel_share: f64,
    pub duplicate_share: f64,
    /// Under way at a time, on average.
    pub in_flight: f64,
}

impl Args {
    pub fn validate(self) -> Result<Settings, Invalid> {
        let rate = number("--rate", self.rate, 0.0, 1e9)?;
        let time_compression = number("--time-compression", self.time_compression, 0.001, 1e9)?;
        let in_flight =
            if rate > 0.0 { crate::life::in_flight(rate, time_compression) } else { self.in_flight as f64 };
        let orders = Orders {
            count: Some(self.orders).filter(|count| *count > 0),
            seed: self.seed.unwrap_or_else(rand::random),
            cancel_share: number("--cancel-share", self.cancel_share, 0.0, 1.0)?,
            duplicate_share: number("--duplicate-share", self.duplicate_share, 0.0, 1.0)?,
            id_prefix: check_prefix(self.id_prefix)?,
            in_flight: in_flight.max(1.0),
        };
        Ok(Settings {
            kafka: self.kafka.validate()?,
            metrics_listen: self.metrics.validate()?,
            transactional: self.transactional,
            key: self.key,
            rate: Some(rate).filter(|rate| *rate > 0.0),
            start_at_id: self.start_at_id,
            simulate_from: self.simulate_from.as_deref().map(parse_time).transpose()?,
            orders,
        })
    }
}

/// With room for the number.
fn check_prefix(prefix: String) -> Result<String, Invalid> {
    match OrderId::parse(&format!("{prefix}{}", u64::MAX)) {
        Ok(_) => Ok(prefix),
        Err(_) => Err(Invalid::new("--id-prefix", "has more than 108 characters or holds a NUL character")),
    }
}

fn parse_time(text: &str) -> Result<Time, Invalid> {
    text.parse()
        .map_err(|error: orders::time::BadTime| Invalid::new("--simulate-from", format!("is {error}")))
}
