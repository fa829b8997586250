//! Hostile clients: what they cost the others. See `food-orders-hostile --help`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it reports failures by panics, and progress by prints"
)]

mod attack;
mod data;
mod http;
mod probe;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use end_to_end::harness::{Cluster, OwnServer, Stage};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use self::attack::Attack;
use self::probe::Probe;

/// Attacks a real api as hostile clients do, one way after another, and measures what the others get meanwhile.
///
/// Starts a Kafka, a PostgreSQL and an api of its own on this machine, and sends all requests to 127.0.0.1. Prints a line
/// for each attack: how long `GET /health/live` and `GET /orders/{order_id}` take for clients that open a connection for
/// each request, how much memory the api takes, and which answers the attackers get. The exit code is 1 if one of the two
/// takes longer than 100 ms for more than one request of a hundred, or if the api takes more than 256 MiB.
#[derive(Parser, Debug)]
#[command(name = "food-orders-hostile", version)]
struct Args {
    /// How long each attack lasts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    seconds: f64,

    /// How many connections are opened that send nothing, or a byte now and then
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    connections: usize,

    /// How many clients ask for scans at the same time
    #[arg(long, value_name = "N", default_value_t = 1000)]
    scans: usize,

    /// How many orders of four events the tables have
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    orders: u32,

    /// How many dead letters are open
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    dead_letters: usize,

    /// Only the attacks with these words in their names
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    only: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    allow_many_files();
    let (kafka, postgres) = (Cluster::of(1), OwnServer::postgres(&[]));
    let stage = Stage::on(kafka.bootstrap_servers(), "food-orders-hostile".into(), postgres.url());
    stage.create_topic(6).await;
    data::fill(&stage, args.orders, args.dead_letters).await;
    let api = stage.api().await;
    let address: SocketAddr = api.base.trim_start_matches("http://").parse().unwrap();
    let process = api.program.id();
    output::say!("{}", probe::HEAD);
    let mut is_fine = true;
    let mut attacks = Attack::all(args.connections, args.scans);
    attacks.retain(|attack| {
        args.only.is_empty() || args.only.iter().any(|word| attack.name().contains(word.as_str()))
    });
    assert!(!attacks.is_empty(), "no attack has one of these words in its name");
    for attack in attacks {
        let name = attack.name();
        probe::forget_peak(process);
        let running = attack.start(address);
        // Until the attack is at its height.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let measured = Probe::new(address, process).run(Duration::from_secs_f64(args.seconds)).await;
        let answers = running.end().await;
        output::say!("{}", measured.line(&name, &answers));
        is_fine &= measured.is_fine();
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each connection is a file of this process.
fn allow_many_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}
