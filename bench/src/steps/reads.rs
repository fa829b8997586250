//! Reads through the API, of a drained database at rest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::{Bench, drain};
use crate::child;
use crate::latency::Latency;
use crate::measurement::Measurement;
use crate::server::Fresh;

/// Clients that ask at the same time, each one request after the other.
const CLIENTS: usize = 4;
/// In which all kinds are asked in turn: what else goes on meets all of them.
const ROUNDS: u32 = 4;
const SAMPLED_ORDERS: i64 = 10_000;
const READY_WITHIN: Duration = Duration::from_secs(20);

/// One kind of request. `{id}` stands for an order's id, `{cut}` for offsets in the middle of the log.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    path: &'static str,
    compared_with: Option<&'static str>,
}

const KINDS: [Kind; 6] = [
    Kind { name: "get-order", path: "/orders/{id}", compared_with: None },
    Kind {
        name: "get-order-as-of",
        path: "/orders/{id}?as_of_offsets={cut}",
        compared_with: Some("get-order"),
    },
    Kind { name: "get-history", path: "/orders/{id}/history", compared_with: None },
    Kind { name: "list", path: "/orders?limit=50&sort=order_id", compared_with: None },
    Kind {
        name: "list-as-of",
        path: "/orders?limit=50&sort=order_id&as_of_offsets={cut}",
        compared_with: Some("list"),
    },
    Kind { name: "list-latest", path: "/orders?limit=50", compared_with: None },
];

pub async fn reads(bench: &Bench<'_>, fresh: &Fresh, repetition: u32) -> Result<Vec<Measurement>, Failure> {
    drain(bench, fresh, repetition).await?;
    let context = bench.context;
    let address = format!("127.0.0.1:{}", local_stack::free_port()?);
    let mut command = Command::new(context.program("api"));
    command
        .env("API_LISTEN", &address)
        .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &context.kafka.topic)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    // Ended when it is dropped.
    let _api = child::start("api", command)?;
    let client = Client::new();
    ready(&client, &address).await?;
    let (orders, cut) = sample(fresh).await?;
    let orders = Arc::new(orders);
    let urls = KINDS.map(|kind| format!("http://{address}{}", kind.path.replace("{cut}", &cut)));
    for url in &urls {
        // Not counted: caches, and the plans of prepared statements.
        ask(&client, url, &orders, Duration::from_millis(500)).await?;
    }
    let slice = Duration::from_secs(context.options.sample_seconds) / 2 / ROUNDS;
    let mut asked = KINDS.map(|_| (Vec::new(), Duration::ZERO));
    for _ in 0..ROUNDS {
        for (url, (samples, time)) in urls.iter().zip(&mut asked) {
            let began = Instant::now();
            samples.extend(ask(&client, url, &orders, slice).await?);
            *time += began.elapsed();
        }
    }
    let measured = KINDS.iter().zip(asked).map(|(kind, (samples, time))| {
        let requests = samples.len() as u64;
        Measurement {
            latency_ms: Latency::of(samples),
            compared_with: kind.compared_with,
            ..Measurement::timed(kind.name, repetition, requests, time.as_secs_f64())
        }
    });
    Ok(measured.collect())
}

async fn ready(client: &Client, address: &str) -> Result<(), Failure> {
    let began = Instant::now();
    let url = format!("http://{address}/health/ready");
    while began.elapsed() < READY_WITHIN {
        if client.get(&url).send().await.is_ok_and(|response| response.status() == StatusCode::OK) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure::new(Exit::Unexpected, format!("the api was not ready within {READY_WITHIN:?}")))
}

/// Ids of orders, evenly spread, and a cut in the middle of the log.
async fn sample(fresh: &Fresh) -> Result<(Vec<String>, String), Failure> {
    let client = fresh.sql().await?;
    let rows = client
        .query(
            "/* bench::reads */ SELECT order_id FROM public.orders ORDER BY hashtext(order_id) LIMIT $1",
            &[&SAMPLED_ORDERS],
        )
        .await?;
    let cut = client
        .query_one(
            "/* bench::reads */ SELECT string_agg(partition || '=' || next_offset / 2, ',' ORDER BY partition)
             FROM public.positions",
            &[],
        )
        .await?;
    Ok((rows.iter().map(|row| row.get(0)).collect(), cut.get(0)))
}

/// Asks for so long; how long each answer took to its last byte.
async fn ask(
    client: &Client,
    url: &str,
    orders: &Arc<Vec<String>>,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (client, url, orders) = (client.clone(), url.to_owned(), orders.clone());
        clients.spawn(async move {
            let mut samples = Vec::new();
            // Each client walks through all of them from another place.
            for order in orders.iter().cycle().skip(number * orders.len() / CLIENTS) {
                let began = Instant::now();
                if began >= end {
                    break;
                }
                let response = client.get(url.replace("{id}", order)).send().await?;
                let status = response.status();
                response.bytes().await?;
                // An order that was not there yet is an answer as of a cut.
                if status != StatusCode::OK && status != StatusCode::NOT_FOUND {
                    return Err(Failure::new(Exit::Unexpected, format!("{url} answered {status}")));
                }
                samples.push(began.elapsed());
            }
            Ok::<_, Failure>(samples)
        });
    }
    let mut all = Vec::new();
    while let Some(samples) = clients.join_next().await {
        all.extend(samples??);
    }
    Ok(all)
}
