//! Faults 61 to 66: a rebuild from a log that is not, or no longer, what the live tables were made from.

use std::time::Duration;

use end_to_end::harness::{Api, GIVE_UP_AFTER, NewRecord, OwnServer, Program, Stage, eventually};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::support::{LOG_IDENTITY, wait_until_all_applied};

/// Exit code of a rebuild that found a difference.
const DIFFERENCE: i32 = 7;

/// An event of one order, keyed by it.
fn event(name: &str, order: u32) -> NewRecord {
    let mut event = keyed(order);
    event.value =
        Some(format!(r#"{{"event":"{name}","order_id":"O-{order}","note":"{name} {order}"}}"#).into());
    event
}

fn keyed(order: u32) -> NewRecord {
    NewRecord { partition: Some(0), key: Some(format!("O-{order}")), ..NewRecord::default() }
}

/// Three events of each of these orders: what compaction leaves is the last one.
fn lives(orders: std::ops::Range<u32>) -> Vec<NewRecord> {
    let names = ["OrderCreated", "OrderPaid", "OrderShipped"];
    names.iter().flat_map(|name| orders.clone().map(|order| event(name, order))).collect()
}

async fn expect_exit(stage: &Stage, arguments: &str, code: i32) -> String {
    let mut rebuild = stage.program("replay-rebuild").args(arguments).start();
    assert_eq!(rebuild.exit_code(GIVE_UP_AFTER).await, code, "{arguments}: {}", rebuild.log());
    rebuild.log()
}

/// The active build, and how many records its history has.
async fn active(stage: &Stage) -> (i64, i64) {
    let select = "SELECT (SELECT id FROM public.builds WHERE state = 'active'), (SELECT count(*) FROM public.order_history)";
    let row = stage.sql().await.query_one(select, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// A rebuild is refused, by a dry run and by itself, with these words, and changes nothing.
async fn expect_refusal(stage: &Stage, words: &[&str]) {
    let before = active(stage).await;
    for arguments in ["--dry-run", ""] {
        let log = expect_exit(stage, arguments, LOG_IDENTITY).await;
        for word in words {
            assert!(log.contains(word), "{word:?} is not printed:\n{log}");
        }
    }
    assert_eq!(active(stage).await, before);
}

/// Answers as of a complete cut, with the URLs that have to return them for ever.
async fn kept_answers(api: &Api, order: &str) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for path in [
        format!("/orders/{order}?"),
        format!("/orders/{order}/history?"),
        "/orders?".into(),
        "/stats?".into(),
    ] {
        let answer = api.get(&format!("{path}as_of_offsets=0=14")).await.ok();
        answers.push((answer.header("content-location").to_owned(), answer.body));
    }
    answers
}

async fn expect_same_answers(api: &Api, build: &str, before: &[(String, String)]) {
    for (location, body) in before {
        let again = api.get(location).await.ok();
        assert_eq!((again.header("view-build"), &again.body), (build, body), "{location}");
    }
}

fn admin(stage: &Stage) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &stage.kafka.bootstrap_servers).create().unwrap()
}

/// A topic that loses all but the last record of a key within moments.
async fn create_compacted_topic(stage: &Stage) {
    let cleaner = AlterConfig::new(ResourceSpecifier::Broker(1)).set("log.cleaner.backoff.ms", "200");
    admin(stage).alter_configs([&cleaner], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let topic = NewTopic::new(&stage.kafka.topic, 1, TopicReplication::Fixed(-1))
        .set("message.timestamp.type", "LogAppendTime")
        .set("cleanup.policy", "compact")
        .set("segment.ms", "100")
        .set("min.cleanable.dirty.ratio", "0.01")
        .set("delete.retention.ms", "0")
        .set("max.compaction.lag.ms", "100");
    admin(stage).create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

/// The offsets that the partition holds.
async fn offsets(stage: &Stage) -> Vec<i64> {
    let end = stage.ends().await[&0];
    let kafka = stage.kafka.clone();
    let read = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.bootstrap_servers)
            .set("group.id", "offsets-of-a-test")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset(&kafka.topic, 0, rdkafka::Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut offsets = Vec::new();
        loop {
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => offsets.push(rdkafka::Message::offset(&message)),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return offsets,
                _ => {}
            }
        }
    });
    let mut offsets = read.await.unwrap();
    offsets.retain(|offset| *offset < end);
    offsets
}

/// Each key keeps its last record, so the log begins at a low offset and has holes.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_61_log_was_compacted_before_a_rebuild() {
    let kafka = OwnServer::kafka();
    let mut stage = Stage::new().await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    create_compacted_topic(&stage).await;
    stage.send(vec![event("OrderCreated", 99)]).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    let api = stage.api().await;
    let before = kept_answers(&api, "O-1").await;
    // The broker does not compact the last segment, and begins a new one with the next record.
    let compacted = eventually("the log is compacted", 3 * GIVE_UP_AFTER, async || {
        stage.send(vec![event("OrderCreated", 7)]).await;
        let offsets = offsets(&stage).await;
        (offsets.iter().filter(|offset| **offset < 16).count() == 6).then_some(offsets)
    });
    println!("the log holds the offsets {:?}", compacted.await);
    stage.catch_up().await;
    let (_, history) = active(&stage).await;
    expect_refusal(&stage, &["compacted", "partition 0", "the live tables have applied", "--keep-history"])
        .await;
    let answer = api.post("/rebuilds", r#"{"dry_run":true}"#).await.json();
    assert_eq!(answer["state"], "failed", "{answer}");
    assert!(answer["plan"]["topic_warnings"][0].as_str().unwrap().contains("compacted"), "{answer}");
    assert_eq!(answer["plan"]["log_comparison"]["differences"][0]["partition"], 0, "{answer}");

    for build in 2..=3 {
        if build == 3 {
            // The decision held for one rebuild.
            expect_exit(&stage, "", LOG_IDENTITY).await;
        }
        expect_exit(&stage, "--keep-history compacted", 0).await;
        let (active, rows) = active(&stage).await;
        assert_eq!(rows, history, "the history is complete");
        expect_same_answers(&api, &active.to_string(), &before).await;
    }
    let decisions = stage.program("consumer").args("decisions export").succeed(GIVE_UP_AFTER).await;
    assert_eq!(decisions.matches(r#""kind":"keep_history""#).count(), 2, "{decisions}");
    // The consumer continues in the new build.
    stage.send(vec![event("OrderDelivered", 1)]).await;
    stage.catch_up().await;
    stage.wait_for_status("O-1", "delivered").await;
}

/// The beginning of the log is gone; one of the records there was a dead letter.
#[tokio::test]
async fn fault_62_records_deleted_before_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![NewRecord { value: Some(b"{".to_vec()), ..keyed(1) }]).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    let api = stage.api().await;
    let before = kept_answers(&api, "O-1").await;
    stage.delete_records(0, 9).await;
    expect_refusal(&stage, &["partition 0 begins at offset 9", "--keep-history"]).await;
    expect_exit(&stage, "--keep-history deleted", 0).await;
    assert_eq!(active(&stage).await, (2, 15));
    expect_same_answers(&api, "2", &before).await;
    let kept = "SELECT (SELECT count(kept_by) FROM public.order_history), (SELECT count(kept_by) FROM public.dead_letters)";
    let row = stage.sql().await.query_one(kept, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (8, 1));
    // What was never applied cannot be kept.
    stage.send(lives(5..10)).await;
    stage.delete_records(0, 20).await;
    let log = expect_exit(&stage, "--keep-history deleted", LOG_IDENTITY).await;
    assert!(log.contains("begins at offset 20") && log.contains("up to offset 16 only"), "{log}");
}

/// What was taken over is verified against the live tables.
#[tokio::test]
async fn fault_62_kept_row_damaged_before_the_switch() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    stage.delete_records(0, 9).await;
    expect_exit(&stage, "--switch manual --keep-history deleted", 0).await;
    let damage = "UPDATE build_2.order_history SET trace_id = 'another' WHERE \"offset\" = 4";
    assert_eq!(stage.sql().await.execute(damage, &[]).await.unwrap(), 1);
    let log = expect_exit(&stage, "", DIFFERENCE).await;
    assert!(log.contains("order_history partition 0 offset 4"), "{log}");
    assert_eq!(active(&stage).await, (1, 15));
}

/// Records of aborted transactions, markers and empty values are no loss.
#[tokio::test]
async fn fault_63_aborted_records_and_empty_values_before_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    for round in 0..3 {
        stage.send_in_transaction(lives(round * 10..round * 10 + 3), true).await;
        stage.send_in_transaction(lives(round * 10 + 3..round * 10 + 6), false).await;
        stage.send(vec![keyed(round)]).await;
    }
    stage.catch_up().await;
    let printed = expect_exit(&stage, "--dry-run", 0).await;
    assert!(printed.contains("compared 30 of the 30 records"), "{printed}");
    expect_exit(&stage, "", 0).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (30, 3));
}

async fn create_topic_anew(stage: &Stage) {
    stage.delete_topic().await;
    let admin = admin(stage);
    eventually("the topic is gone", GIVE_UP_AFTER, async || {
        let metadata = admin.inner().fetch_metadata(None, GIVE_UP_AFTER).unwrap();
        (!metadata.topics().iter().any(|topic| topic.name() == stage.kafka.topic)).then_some(())
    })
    .await;
    stage.create_topic(1).await;
}

/// As many records, with other bytes, in a topic of the same name whose id is not known.
#[tokio::test]
async fn fault_64_topic_with_other_records_before_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    create_topic_anew(&stage).await;
    let mut other = lives(0..5);
    other[7].value = Some(br#"{"event":"OrderPaid","order_id":"O-2","note":"another"}"#.to_vec());
    stage.send(other).await;
    let sql = stage.sql().await;
    sql.execute("UPDATE build_1.log_identity SET topic_id = NULL", &[]).await.unwrap();
    expect_refusal(&stage, &["partition 0", "as many, but other ones", "created again"]).await;
    // What the log and the live tables both have is not the same, so there is nothing that could be kept.
    let log = expect_exit(&stage, "--keep-history anyway", DIFFERENCE).await;
    assert!(log.contains("order_history partition 0 offset 7"), "{log}");
    assert_eq!(active(&stage).await, (1, 15));
}

/// A rebuild whose switch waits for a long read of the public views.
struct Waiting {
    reader: tokio_postgres::Client,
    rebuild: Program,
}

impl Waiting {
    async fn start(stage: &Stage) -> Self {
        let reader = stage.sql().await;
        reader.batch_execute("BEGIN; SELECT * FROM public.orders LIMIT 1").await.unwrap();
        let rebuild = stage.program("replay-rebuild").start();
        let sql = stage.sql().await;
        eventually("the switch waits", 2 * GIVE_UP_AFTER, async || {
            let waits = "SELECT FROM public.rebuilds WHERE state = 'switching' AND progress ->> 'waits_for' IS NOT NULL";
            sql.query_opt(waits, &[]).await.unwrap().map(drop)
        })
        .await;
        Self { reader, rebuild }
    }

    /// Ends the long read. Returns the exit code and the output of the rebuild.
    async fn end(mut self) -> (i32, String) {
        self.reader.batch_execute("COMMIT").await.unwrap();
        let code = self.rebuild.exit_code(2 * GIVE_UP_AFTER).await;
        (code, self.rebuild.log())
    }
}

/// Somebody has to hold the lock of the live positions. All that an attempt of the switch does before is over then.
async fn wait_until_the_lock_is_asked_for(stage: &Stage) {
    let sql = stage.sql().await;
    eventually("the switch waits for its lock", GIVE_UP_AFTER, async || {
        let waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'build_1.positions'::regclass";
        sql.query_opt(waits, &[]).await.unwrap().map(drop)
    })
    .await;
}

async fn stage_with_orders() -> Stage {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..20)).await;
    stage.catch_up().await;
    stage
}

#[tokio::test]
async fn fault_65_log_changes_while_the_switch_waits() {
    let stage = stage_with_orders().await;
    // Records that the live tables have applied and that the new build has not read yet are deleted.
    let waiting = Waiting::start(&stage).await;
    stage.send(lives(20..30)).await;
    stage.catch_up().await;
    stage.delete_records(0, 70).await;
    let (code, log) = waiting.end().await;
    assert_eq!(code, LOG_IDENTITY, "{log}");
    assert_eq!(active(&stage).await.0, 1);

    let stage = stage_with_orders().await;
    let waiting = Waiting::start(&stage).await;
    create_topic_anew(&stage).await;
    stage.send(lives(0..20)).await;
    let (code, log) = waiting.end().await;
    assert_eq!(code, LOG_IDENTITY, "{log}");
    assert!(log.contains("created again"), "{log}");
    assert_eq!(active(&stage).await.0, 1);
}

/// The topic is deleted when all that is done before the lock is over, and the switch waits for the lock.
#[tokio::test]
async fn fault_65_topic_deleted_while_the_switch_waits_for_its_lock() {
    let stage = stage_with_orders().await;
    let holder = stage.sql().await;
    holder.batch_execute("BEGIN; UPDATE build_1.positions SET owner = owner").await.unwrap();
    let mut rebuild = stage.program("replay-rebuild").start();
    // By then an attempt waits for a second, which is longer than the deletion takes.
    for attempt in 1..=5 {
        rebuild.wait_for_log(&format!("attempt={attempt} "), 2 * GIVE_UP_AFTER).await;
    }
    wait_until_the_lock_is_asked_for(&stage).await;
    stage.delete_topic().await;
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rebuild.exit_code(2 * GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", rebuild.log());
    assert!(rebuild.log().contains("no longer exists"), "{}", rebuild.log());
    assert_eq!(active(&stage).await.0, 1);
}

/// What is applied after the verification is verified as well.
#[tokio::test]
async fn fault_66_row_damaged_after_the_verification() {
    let damage = |table: &str, change: &str| {
        format!(
            "CREATE FUNCTION damage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; RETURN NEW; END $$;
             CREATE TRIGGER damage BEFORE INSERT ON build_2.{table} FOR EACH ROW EXECUTE FUNCTION damage()"
        )
    };
    for (table, change, words) in [
        ("order_history", "NEW.event_id := 'another'", "event_id"),
        ("orders", "NEW.status := 'cancelled'", "status"),
        ("dead_letters", "NEW.cause := 'bad_json'", "cause"),
    ] {
        let stage = stage_with_orders().await;
        let waiting = Waiting::start(&stage).await;
        stage.sql().await.batch_execute(&damage(table, change)).await.unwrap();
        stage.send(lives(20..25)).await;
        stage.send(vec![keyed(1)]).await;
        stage.catch_up().await;
        let (code, log) = waiting.end().await;
        assert_eq!(code, DIFFERENCE, "{table}: {log}");
        assert!(log.contains(table) && log.contains(words), "{log}");
        assert_eq!(active(&stage).await.0, 1);
    }

    // A row that was verified before the lock was taken, and damaged since.
    let stage = stage_with_orders().await;
    let waiting = Waiting::start(&stage).await;
    stage.send(lives(20..25)).await;
    stage.catch_up().await;
    let holder = stage.sql().await;
    holder.batch_execute("BEGIN; UPDATE build_1.positions SET owner = owner").await.unwrap();
    let sql = stage.sql().await;
    let ended = async {
        wait_until_the_lock_is_asked_for(&stage).await;
        let damage = "UPDATE build_2.order_history SET trace_id = 'another' WHERE \"offset\" = 62";
        assert_eq!(sql.execute(damage, &[]).await.unwrap(), 1);
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let ((code, log), ()) = tokio::join!(waiting.end(), ended);
    assert_eq!(code, DIFFERENCE, "{log}");
    assert!(log.contains("order_history partition 0 offset 62"), "{log}");
    wait_until_all_applied(&stage).await;
}
