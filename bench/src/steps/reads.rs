//! Reads of a drained database through the API, while nothing else runs.

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
use crate::server::FreshDatabase;

/// How many clients send requests at the same time. Each waits for an answer before its next request.
const CLIENTS: usize = 4;
/// In each round, all kinds of reads take turns, so that a disturbance of the machine affects all of them.
const ROUNDS: u32 = 4;
const SAMPLED_ORDERS: i64 = 10_000;
const READY_WITHIN: Duration = Duration::from_secs(20);

/// One kind of request. In its path, `{id}` is replaced by an order's id, and `{cut}` by offsets in the
/// middle of the log.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    path: &'static str,
    compared_with: Option<&'static str>,
}

const KINDS: [Kind; 6] = [
    kind("get-order", "/orders/{id}", None),
    kind("get-order-as-of", "/orders/{id}?as_of_offsets={cut}", Some("get-order")),
    kind("get-history", "/orders/{id}/history", None),
    kind("list", "/orders?limit=50&sort=order_id", None),
    kind("list-as-of", "/orders?limit=50&sort=order_id&as_of_offsets={cut}", Some("list")),
    kind("list-latest", "/orders?limit=50", None),
];

const fn kind(name: &'static str, path: &'static str, compared_with: Option<&'static str>) -> Kind {
    Kind { name, path, compared_with }
}

pub async fn reads(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
    repetition: u32,
) -> Result<Vec<Measurement>, Failure> {
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
    // Dropping this ends the API.
    let _api = child::start("api", command)?;
    let client = Client::new();
    wait_until_ready(&client, &address).await?;
    let (orders, cut) = sample(fresh).await?;
    let orders = Arc::new(orders);
    let urls = KINDS.map(|kind| format!("http://{address}{}", kind.path.replace("{cut}", &cut)));
    for url in &urls {
        // The first requests fill caches and plan statements, and are not counted.
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

async fn wait_until_ready(client: &Client, address: &str) -> Result<(), Failure> {
    let began = Instant::now();
    let url = format!("http://{address}/health/ready");
    while began.elapsed() < READY_WITHIN {
        if client.get(&url).send().await.is_ok_and(|response| response.status() == StatusCode::OK) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure::new(Exit::Unexpected, format!("the API was not ready within {READY_WITHIN:?}")))
}

/// The ids of orders in random order, and a cut in the middle of the log.
async fn sample(fresh: &FreshDatabase) -> Result<(Vec<String>, String), Failure> {
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

/// Sends requests for this time, and returns how long each answer took to its last byte.
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
            // Each client goes through all orders, beginning at another one.
            for order in orders.iter().cycle().skip(number * orders.len() / CLIENTS) {
                let began = Instant::now();
                if began >= end {
                    break;
                }
                let response = client.get(url.replace("{id}", order)).send().await?;
                let status = response.status();
                response.bytes().await?;
                // As of a cut, an order may not exist yet.
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
