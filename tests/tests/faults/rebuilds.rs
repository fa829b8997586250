//! Faults 61 to 64: a rebuild from a log that is not, or no longer, what the live tables were made from.

use std::time::Duration;

use end_to_end::harness::{Api, GIVE_UP_AFTER, NewRecord, OwnServer, Program, Stage, eventually};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::support::LOG_IDENTITY;

/// Exit code of a rebuild that found a difference.
pub const DIFFERENCE: i32 = 7;

/// An event of one order, keyed by it.
fn event(name: &str, order: u32) -> NewRecord {
    let mut event = keyed(order);
    event.value =
        Some(format!(r#"{{"event":"{name}","order_id":"O-{order}","note":"{name} {order}"}}"#).into());
    event
}

pub fn keyed(order: u32) -> NewRecord {
    NewRecord { partition: Some(0), key: Some(format!("O-{order}")), ..NewRecord::default() }
}

/// Three events of each of these orders: what compaction leaves is the last one.
pub fn lives(orders: std::ops::Range<u32>) -> Vec<NewRecord> {
    let names = ["OrderCreated", "OrderPaid", "OrderShipped"];
    names.iter().flat_map(|name| orders.clone().map(|order| event(name, order))).collect()
}

async fn expect_exit(stage: &Stage, arguments: &str, code: i32) -> String {
    let mut rebuild = stage.program("replay-rebuild").args(arguments).start();
    assert_eq!(rebuild.exit_code(GIVE_UP_AFTER).await, code, "{arguments}: {}", rebuild.log());
    rebuild.log()
}

/// The active build, and how many records its history has.
pub async fn active(stage: &Stage) -> (i64, i64) {
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

/// Settings of a topic that loses all but the last record of a key within moments.
const COMPACTED: [(&str, &str); 6] = [
    ("message.timestamp.type", "LogAppendTime"),
    ("cleanup.policy", "compact"),
    ("segment.ms", "100"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", "0"),
    ("max.compaction.lag.ms", "100"),
];

/// Lets the broker look often for what it can compact.
async fn hasten_cleaner(stage: &Stage) {
    let cleaner = AlterConfig::new(ResourceSpecifier::Broker(1)).set("log.cleaner.backoff.ms", "200");
    admin(stage).alter_configs([&cleaner], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

async fn create_compacted_topic(stage: &Stage) {
    hasten_cleaner(stage).await;
    let topic = NewTopic::new(&stage.kafka.topic, 1, TopicReplication::Fixed(-1));
    let topic = COMPACTED.into_iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    admin(stage).create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

/// Waits until compaction has left only `left` of the first 16 offsets.
async fn wait_until_compacted(stage: &Stage, left: usize) {
    // The broker does not compact the last segment, and begins a new one with the next record.
    let compacted = eventually("the log is compacted", 3 * GIVE_UP_AFTER, async || {
        stage.send(vec![event("OrderCreated", 7)]).await;
        let offsets = offsets(stage).await;
        (offsets.iter().filter(|offset| **offset < 16).count() == left).then_some(offsets)
    });
    println!("the log holds the offsets {:?}", compacted.await);
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
    wait_until_compacted(&stage, 6).await;
    stage.catch_up().await;
    let (_, history) = active(&stage).await;
    expect_refusal(&stage, &["compacted", "partition 0", "the live tables have applied", "--keep-history"])
        .await;
    let answer = api.post("/rebuilds", r#"{"dry_run":true}"#).await.ok().json();
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

/// A rebuild that cannot leave the state that it is in.
pub struct Held {
    /// Has a transaction open, which holds it.
    pub holder: tokio_postgres::Client,
    rebuild: Program,
}

/// Holds a rebuild for two seconds once it has loaded; otherwise it could move on between two looks. A trigger of the
/// statement fires before the row is locked.
const LINGER: &str = "
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM public.rebuilds WHERE state = 'loading') THEN
            PERFORM pg_sleep(2);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER linger BEFORE UPDATE OF state ON public.rebuilds FOR EACH STATEMENT EXECUTE FUNCTION linger()";

impl Held {
    /// Holds it once it has loaded what `condition` says, before the verification.
    pub async fn start(stage: &Stage, arguments: &str, condition: &str) -> Self {
        let holder = stage.sql().await;
        holder.batch_execute(LINGER).await.unwrap();
        let rebuild = stage.program("replay-rebuild").args(arguments).start();
        eventually("the rebuild has loaded", GIVE_UP_AFTER, async || {
            // An operator's decision may lock the row as well, but the rebuild may not change it.
            let hold = format!("BEGIN; SELECT FROM public.rebuilds FOR SHARE; {condition}");
            let loaded = holder.batch_execute(&hold).await.is_ok();
            if !loaded {
                holder.batch_execute("ROLLBACK").await.unwrap();
            }
            loaded.then_some(())
        })
        .await;
        let state = holder.query_one("SELECT state FROM public.rebuilds ORDER BY id DESC LIMIT 1", &[]).await;
        let state: String = state.unwrap().get(0);
        println!("the rebuild is held while it is {state}");
        assert!(["loading", "deriving", "catching_up"].contains(&state.as_str()), "{state}");
        Self { holder, rebuild }
    }

    /// Returns the exit code and the output of the rebuild.
    pub async fn release(mut self) -> (i32, String) {
        self.holder.batch_execute("COMMIT").await.unwrap();
        (self.rebuild.exit_code(2 * GIVE_UP_AFTER).await, self.rebuild.log())
    }
}

/// Fails unless a query returns true, for [`Held`].
pub fn only_if(query: &str) -> String {
    format!("SELECT 1 / ({query})::int")
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_61_log_is_compacted_while_a_rebuild_runs() {
    let kafka = OwnServer::kafka();
    let mut stage = Stage::new().await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    hasten_cleaner(&stage).await;
    stage.create_topic(1).await;
    stage.send(vec![event("OrderCreated", 99)]).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    let loaded = only_if("SELECT count(*) = 16 FROM build_2.order_history");
    let held = Held::start(&stage, "", &loaded).await;
    let topic = AlterConfig::new(ResourceSpecifier::Topic(&stage.kafka.topic));
    let topic = COMPACTED.into_iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    admin(&stage).alter_configs([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    wait_until_compacted(&stage, 6).await;
    let (code, log) = held.release().await;
    assert_eq!(code, LOG_IDENTITY, "{log}");
    for word in ["no longer holds", "the new build has applied", "and the log holds", "--keep-history"] {
        assert!(log.contains(word), "{word:?} is not printed:\n{log}");
    }
    assert_eq!(active(&stage).await, (1, 16));
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
    let damage = "UPDATE build_2.order_history SET trace_id = gen_random_uuid() WHERE \"offset\" = 4";
    assert_eq!(stage.sql().await.execute(damage, &[]).await.unwrap(), 1);
    let log = expect_exit(&stage, "", DIFFERENCE).await;
    assert!(log.contains("order_history partition 0 offset 4"), "{log}");
    assert_eq!(active(&stage).await, (1, 15));
}

/// The log has lost the record, but the dead letter keeps all of it.
#[tokio::test]
async fn fault_62_kept_dead_letter_is_retried_while_the_rebuild_runs() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let note = "x".repeat(400);
    let value = format!(r#"{{"event":"OrderPaid","order_id":"O-1","note":"{note}"}}"#).into_bytes();
    stage.send(vec![NewRecord { value: Some(value), ..keyed(1) }]).await;
    stage.send(lives(0..5)).await;
    stage.program("consumer").args("--until-caught-up --max-record-bytes 300").succeed(GIVE_UP_AFTER).await;
    stage.delete_records(0, 9).await;
    let kept = only_if("SELECT count(kept_by) = 1 FROM build_2.dead_letters");
    let held = Held::start(&stage, "--keep-history deleted --max-record-bytes 300", &kept).await;
    let retry = "dead-letters retry 0-0 --reason large";
    stage.program("consumer").args(retry).succeed(GIVE_UP_AFTER).await;
    let (code, log) = held.release().await;
    assert_eq!(code, 0, "{log}");
    assert_eq!(active(&stage).await, (2, 16));
    let row = "SELECT count(kept_by), count(decision) FROM public.order_history WHERE \"offset\" = 0";
    let row = stage.sql().await.query_one(row, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1));
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

pub async fn recreate_topic(stage: &Stage) {
    stage.delete_topic().await;
    stage.create_topic(1).await;
}

/// As many records, with other bytes, in a topic of the same name whose id is not known.
#[tokio::test]
async fn fault_64_topic_with_other_records_before_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    recreate_topic(&stage).await;
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

/// An operator has moved the position over records that the log still holds.
#[tokio::test]
async fn fault_64_log_that_holds_more_than_the_live_tables() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..5)).await;
    stage.catch_up().await;
    stage.send(lives(5..7)).await;
    let moved = "UPDATE build_1.positions SET next_offset = 21";
    stage.sql().await.execute(moved, &[]).await.unwrap();
    stage.send(lives(7..9)).await;
    stage.catch_up().await;
    let words = ["the live tables have applied 21 records, and the log holds 27", "empty database"];
    expect_refusal(&stage, &words).await;
    // Nothing is lost, so there is nothing to keep.
    let log = expect_exit(&stage, "--keep-history anyway", LOG_IDENTITY).await;
    assert!(log.contains(words[0]) && !log.contains("--keep-history REASON"), "{log}");
    assert_eq!(active(&stage).await, (1, 21));
}
