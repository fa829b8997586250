//! One database belongs to one group (fault 7), and one group to one database (fault 71).

use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, Launch, Program, Stage, eventually};
use event_log::{GroupArgs, GroupMark, KafkaSettings};
use local_stack::TestServers;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::support::{events, idle_consumer, wait_until_all_applied};

const OTHER_DEPLOYMENT: i32 = 4;
const TAKE_OVER: &str = "--take-over-group";

#[tokio::test]
async fn fault_07_two_groups_on_one_database() {
    let stage = Stage::new().await;
    stage.produce("--orders 50").await;
    let first = stage.consumer();
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("all records are applied", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == ends).then_some(())
    })
    .await;

    let epochs = "SELECT array_agg(owner_epoch ORDER BY partition) FROM public.positions";
    let before: Vec<i64> = sql.query_one(epochs, &[]).await.unwrap().get(0);
    let mut second = stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").start();
    assert_eq!(second.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    assert!(second.log().contains(&stage.group), "the log has to name the running group:\n{}", second.log());
    let after: Vec<i64> = sql.query_one(epochs, &[]).await.unwrap().get(0);
    assert_eq!(before, after, "the second group has claimed partitions");

    // Further consumers of the same group may join. Another group may start once all of them have ended.
    let mut third = stage.consumer();
    third.wait_for_log("joining the group", GIVE_UP_AFTER).await;
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    let mut refused = stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").start();
    assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    assert_eq!(third.terminate(GIVE_UP_AFTER).await, 0);
    stage.produce("--orders 50").await;
    let successor =
        stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").args("--until-caught-up");
    successor.succeed(GIVE_UP_AFTER).await;
    stage.check().await;
}

async fn another_database() -> String {
    TestServers::shared().await.unwrap().fresh_database().await.unwrap()
}

/// The name of a database, from its URL.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap().split('?').next().unwrap()
}

fn consumer_of(stage: &Stage, database: &str) -> Launch {
    stage.program("consumer").env("DATABASE_URL", database)
}

#[tokio::test]
async fn fault_71_second_database_in_one_group() {
    let stage = Stage::new().await;
    stage.produce("--orders 20").await;
    let mut first = idle_consumer(&stage).await;
    wait_until_all_applied(&stage).await;
    let second = another_database().await;
    let mut refused = consumer_of(&stage, &second).start();
    assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    for database in [&stage.database_url, &second] {
        assert!(
            refused.log().contains(name(database)),
            "both databases have to be named:\n{}",
            refused.log()
        );
    }
    assert!(!first.has_ended() && !first.log().contains("revoked"), "the first one was disturbed");

    let mut bold = consumer_of(&stage, &second).args(TAKE_OVER).start();
    assert_eq!(bold.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT, "{}", bold.log());
    assert!(!first.has_ended() && !first.log().contains("revoked"), "the first one was disturbed");

    // Nobody of the first database is left, which may be a restart. Only a decision gives the group to the second
    // one; then the first one may not have it.
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    let mut refused = consumer_of(&stage, &second).start();
    assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    for word in [name(&stage.database_url), name(&second), TAKE_OVER] {
        assert!(refused.log().contains(word), "{word} is not named:\n{}", refused.log());
    }
    let mut successor = consumer_of(&stage, &second).args(TAKE_OVER).start();
    successor.wait_for_log("the group follows this database now", GIVE_UP_AFTER).await;
    successor.wait_for_log("assigned", GIVE_UP_AFTER).await;
    let mut refused = stage.consumer();
    assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    assert_eq!(successor.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_71_two_databases_at_the_same_moment() {
    let stage = Stage::new().await;
    stage.produce("--orders 20").await;
    let databases = [stage.database_url.clone(), another_database().await];
    let mut consumers = databases.each_ref().map(|database| consumer_of(&stage, database).start());
    let ended = eventually("one of the consumers has ended", 2 * GIVE_UP_AFTER, async || {
        consumers.iter_mut().position(Program::has_ended)
    })
    .await;
    let [first, second] = consumers;
    let (mut ended, winner, database) =
        if ended == 0 { (first, second, &databases[1]) } else { (second, first, &databases[0]) };
    assert_eq!(ended.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    let stage = stage.with_other_database(database);
    wait_until_all_applied(&stage).await;
    assert_eq!(winner.terminate(GIVE_UP_AFTER).await, 0);
    stage.check().await;
}

/// Sets the group's mark. Kafka takes it from members only, so this joins the group for a moment.
fn set_mark(kafka: &KafkaSettings, group: &str, mark: &str) {
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap_servers)
        .set("group.id", group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    member.subscribe(&[&kafka.topic]).unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&kafka.topic, 0, Offset::Offset(0)).unwrap();
    offsets.find_partition(&kafka.topic, 0).unwrap().set_metadata(mark);
    let deadline = Instant::now() + GIVE_UP_AFTER;
    while let Err(error) = member.commit(&offsets, CommitMode::Sync) {
        assert!(Instant::now() < deadline, "{error}");
        drop(member.poll(Duration::from_millis(100)));
    }
}

/// The group was marked for another database after this one's consumer had joined: the consumer ends, and does
/// not set its own mark again on the way.
#[tokio::test]
async fn fault_71_mark_of_another_database_stays() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(events(0..5, 1)).await;
    let mut consumer = idle_consumer(&stage).await;
    wait_until_all_applied(&stage).await;
    let theirs = r#"{"food_orders_deployment":"another","database":"u@elsewhere:5432/orders"}"#;
    let (kafka, group) = (stage.kafka.clone(), stage.group.clone());
    tokio::task::spawn_blocking(move || set_mark(&kafka, &group, theirs)).await.unwrap();
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, OTHER_DEPLOYMENT);
    let group = GroupArgs { kafka_group_id: stage.group.clone() }.validate().unwrap();
    let mark = GroupMark::new(&stage.kafka, &group).unwrap();
    let read = tokio::task::spawn_blocking(move || mark.read(GIVE_UP_AFTER));
    assert_eq!(read.await.unwrap().unwrap().as_deref(), Some(theirs));
}

#[tokio::test]
async fn fault_71_database_restored_from_a_backup() {
    let stage = Stage::new().await;
    stage.produce("--orders 20").await;
    stage.catch_up().await;
    let copy = format!("{}_restored", name(&stage.database_url));
    let admin = local_stack::sql_client(&another_database().await, None).await.unwrap();
    let template = name(&stage.database_url);
    admin.batch_execute(&format!("CREATE DATABASE {copy} TEMPLATE {template}")).await.unwrap();
    stage.produce("--orders 20").await;
    let restored = stage.database_url.replace(template, &copy);
    let consumer = consumer_of(&stage, &restored).args("--until-caught-up");
    let log = consumer.succeed(GIVE_UP_AFTER).await;
    assert!(!log.contains("another database"), "{log}");
    stage.with_other_database(&restored).check().await;
}
