//! A database, a topic and live tables for one test, and a fold of the topic to compare
//! the tables with.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)] // test code; no test target uses all of it

pub mod events;
pub mod live;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use event_log::{
    ChunkLimits, KafkaSettings, LogClient, LogWriter, Outgoing, Replay, Sent, Span, TopicSpec, ensure_topic,
};
use local_stack::TestServers;
use orders::{EventType, Partition, Position, decode};
use rebuild::{Error, Job, Outcome, RebuildView, Request, Settings, Stop};
use schema_registry::SchemaLookup;
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls};
use views::apply::{Codec, envelope};
use views::{Database, Parts, SessionKind};

use events::Written;

const SOON: Duration = Duration::from_secs(60);

pub struct World {
    pub settings: Settings,
    pub url: String,
}

impl World {
    pub async fn new(partitions: i32) -> Self {
        Self::divided(partitions, Parts::ONE).await
    }

    /// The live tables have this many parts.
    pub async fn divided(partitions: i32, parts: Parts) -> Self {
        // Visible for a failing test, or with `cargo test -- --nocapture`; RUST_LOG=info says more.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let servers = TestServers::shared().await.unwrap();
        let url = servers.fresh_database().await.unwrap();
        let topic = servers.fresh_topic_name();
        let kafka = KafkaSettings::new(servers.bootstrap_servers(), &topic);
        ensure_topic(&kafka, &TopicSpec { partitions, ..TopicSpec::default() }).await.unwrap();
        let database = Database::parse(&url.clone().into(), None).unwrap();
        views::migrate::migrate_divided(&database, parts).await.unwrap();
        let codec = Codec::new(&topic, 10_000);
        let schemas = SchemaLookup::new(&codec.schemas, &database, None);
        Self { settings: Settings { database, kafka, codec, schemas, process: "test".into() }, url }
    }

    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub async fn write(&self, records: Vec<Written>) {
        let kafka = self.settings.kafka.clone();
        tokio::task::spawn_blocking(move || write(&kafka, &records)).await.unwrap();
    }

    pub async fn start(&self) -> Job {
        self.start_as(&Request::default()).await.unwrap()
    }

    /// Starts a rebuild, or continues one. PostgreSQL may keep the lock of a session that has just ended for a moment.
    pub async fn start_as(&self, request: &Request) -> rebuild::Result<Job> {
        let deadline = Instant::now() + SOON;
        loop {
            match rebuild::start(&self.settings, request).await {
                Err(Error::AlreadyRunning { .. }) if Instant::now() < deadline => {
                    // PostgreSQL does not say when a session has ended.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                started => return started,
            }
        }
    }

    /// Runs a rebuild to its end.
    pub async fn rebuild(&self) -> (Outcome, RebuildView) {
        self.rebuild_as(&Request::default()).await
    }

    pub async fn rebuild_as(&self, request: &Request) -> (Outcome, RebuildView) {
        let job = self.start_as(request).await.unwrap();
        let id = job.id();
        let outcome = job.run(Stop::default()).await.unwrap();
        (outcome, self.view(id).await)
    }

    pub async fn view(&self, id: i64) -> RebuildView {
        rebuild::get(&self.settings.database, id).await.unwrap().unwrap()
    }

    pub async fn ends(&self) -> BTreeMap<Partition, Position> {
        let kafka = self.settings.kafka.clone();
        let ends = tokio::task::spawn_blocking(move || {
            LogClient::new(&kafka).unwrap().offset_ranges(Duration::from_secs(10))
        })
        .await
        .unwrap()
        .unwrap();
        ends.into_iter().map(|(partition, marks)| (partition, marks.end_offset)).collect()
    }

    /// Compares the public tables with a fold of the topic, which shares only `crates/orders`
    /// with the code that made the tables. Returns the number of orders.
    pub async fn assert_tables_follow_from_the_log(&self) -> usize {
        let (orders, history, dead_letters) = self.fold().await;
        let client = self.client().await;
        let positions: BTreeMap<Partition, Position> = client
            .query("SELECT partition, next_offset FROM public.positions", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (Partition(row.get(0)), Position(row.get(1))))
            .collect();
        assert_eq!(positions, self.ends().await, "not everything was applied");
        let count = async |table: &str| -> i64 {
            client.query_one(&format!("SELECT count(*) FROM public.{table}"), &[]).await.unwrap().get(0)
        };
        assert_eq!(count("order_history").await, history as i64);
        assert_eq!(count("dead_letters").await, dead_letters as i64);
        let session = self.settings.database.session("test", SessionKind::Short).await.unwrap();
        let build = views::builds::active(&session).await.unwrap().build;
        let totals = build.totals(&session).await.unwrap();
        assert_eq!(totals, build.counted_totals(&session).await.unwrap());
        let rows = client
            .query("SELECT order_id, to_jsonb(o) - 'order_id' FROM public.orders o", &[])
            .await
            .unwrap();
        let mut found: HashMap<String, Value> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found.len(), orders.len());
        for (order_id, expected) in &orders {
            let row = found.remove(order_id).unwrap_or_else(|| panic!("order {order_id} is missing"));
            for (column, value) in expected.as_object().unwrap() {
                assert_eq!(
                    normal(column, &row[column]),
                    normal(column, value),
                    "{order_id} {column}: {row} {expected}"
                );
            }
        }
        orders.len()
    }

    async fn fold(&self) -> (HashMap<String, Value>, usize, usize) {
        let spans =
            self.ends().await.into_iter().map(|(partition, to)| (partition, Span { from: Position(0), to }));
        let mut replay =
            Replay::start(&self.settings.kafka, spans.collect(), ChunkLimits::default()).unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = replay.next().await {
            chunks.push(chunk.unwrap());
        }
        let mut states: HashMap<String, orders::OrderState<'_>> = HashMap::new();
        let (mut history, mut dead_letters) = (0, 0);
        for (_, record) in chunks.iter().flat_map(|chunk| chunk.records()) {
            match decode(envelope(&record, self.settings.codec.max_record_bytes), record.value) {
                Ok(decoded) => {
                    history += 1;
                    states.entry(decoded.order_id.into_owned()).or_default().add(decoded.fact);
                }
                Err(_) => dead_letters += 1,
            }
        }
        let orders = states.iter().map(|(id, state)| (id.clone(), expected(&state.row().unwrap()))).collect();
        (orders, history, dead_letters)
    }
}

fn expected(row: &orders::OrderRow<'_>) -> Value {
    let time = |time: Option<orders::Time>| time.map(|time| time.to_string());
    json!({
        "status": row.status.as_str(), "last_updated": time(Some(row.last_updated)), "sequence": row.sequence,
        "customer_id": row.customer_id, "restaurant_id": row.restaurant_id, "total_cents": row.total_cents,
        "currency": row.currency, "created_at": time(row.created_at), "paid_at": time(row.paid_at),
        "shipped_at": time(row.shipped_at), "delivered_at": time(row.delivered_at),
        "cancelled_at": time(row.cancelled_at), "payment_method": row.payment_method, "courier_id": row.courier_id,
        "cancel_reason": row.cancel_reason,
        "details": row.details.as_deref().map(|text| serde_json::from_str::<Value>(text).unwrap()),
    })
}

/// Times as microseconds and numbers as doubles, so that equal values compare equal.
fn normal(column: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if column.ends_with("_at") || column == "last_updated" => {
            json!(text.parse::<orders::Time>().unwrap().as_micros())
        }
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(|value| normal("", value)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), normal("", value))).collect())
        }
        other => other.clone(),
    }
}

pub fn write(kafka: &KafkaSettings, records: &[Written]) {
    let mut writer = LogWriter::connect(kafka, false).unwrap();
    for record in records {
        let outgoing = Outgoing {
            event: EventType::OrderCreated,
            key: record.key.as_deref(),
            value: record.value.as_bytes(),
            content_type: "application/json",
            traceparent: record.traceparent.as_deref(),
        };
        while writer.send(&outgoing).unwrap() == Sent::Full {
            writer.serve(Duration::from_millis(10)).unwrap();
        }
    }
    let totals = writer.finish(Duration::from_secs(30)).unwrap();
    assert_eq!(totals.acknowledged.iter().sum::<u64>(), records.len() as u64);
}

/// Waits for a condition, at most a minute.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what} did not happen within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
