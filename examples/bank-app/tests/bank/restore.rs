//! Accounts that are read again: what stands in the way of it must not change them.

use std::time::Duration;

use event_log::{NewRecord, Partition, RecordWriter};
use nix::sys::signal::Signal;

use crate::instance::Instance;
use crate::murmur2;
use crate::world::{PARTITIONS, World, count};

const LIMIT: Duration = Duration::from_secs(30);

async fn started(world: &World) -> Instance {
    let mut instance = world.instance("one");
    instance.wait_for("owns these partitions", 1).await;
    instance
}

async fn end(instance: &mut Instance, code: i32) -> String {
    assert_eq!(instance.end().await.code(), Some(code), "{}", instance.log());
    instance.log()
}

/// Between a rollback and the end of the restore, the accounts in memory are those of the rolled-back batch.
#[tokio::test]
async fn a_signal_while_the_accounts_are_read_commits_nothing() {
    let world = World::fresh().await;
    // The three records below have to get into one batch.
    let mut instance = world.instance_with_batches_of_ms("one", 5000);
    instance.wait_for("owns these partitions", 1).await;
    // A reader of the accounts waits for its end.
    let foreign = world.open_transaction("account_balance_updates").await;
    // Only notifications of accounts with long names do not fit, so their batch alone is refused.
    world.set("notifications", &[("max.message.bytes", "205")]).await;
    let account = account_in(1, "B");
    let open = |id: &str| {
        format!(r#"{{"request_id":"open","account_id":"{id}","kind":"open","holder":"H","currency":"EUR"}}"#)
    };
    let deposit = format!(
        r#"{{"request_id":"deposit","account_id":"{account}","kind":"deposit","amount_cents":1,"currency":"EUR"}}"#
    );
    let long = ["q8Zt3VxLw0RkYb5NcJ7uMhGf2AsDe9Pi", "Xo4KjWv1TzBn6QyHmUr8CgEl3FdSa0Ip"]
        .map(|one| open(&account_in(0, &format!("{one}{}", one.chars().rev().take(28).collect::<String>()))));
    world.write_raw("transaction_requests", &[(1, &open(&account)), (0, &long[0]), (0, &long[1])]).await;
    instance.wait_for("a transaction was rolled back", 1).await;
    world.set("notifications", &[]).await;
    instance.wait_for("reading the accounts", 2).await;
    world.write_raw("transaction_requests", &[(1, &deposit)]).await;
    instance.signal(Signal::SIGTERM);
    let log = end(&mut instance, 0).await;
    assert_eq!(log.matches("owns these partitions").count(), 1, "{log}");
    foreign.abort().await;
    assert_eq!(count(&world.read("transactions_validated").await), 0, "{log}");
    let _again = world.instance("one");
    assert_eq!(world.compare().await.approved, 4);
}

/// The name of an account that belongs to this partition.
fn account_in(partition: i32, begin: &str) -> String {
    let mut names = (0..).map(|number| format!("{begin}{number}"));
    names.find(|name| murmur2::partition(name.as_bytes(), PARTITIONS) == partition).unwrap()
}

/// While the topic is gone, its partitions must not be taken for empty ones; and neither once it is there again without records.
#[tokio::test]
async fn accounts_that_were_deleted_are_waited_for_and_not_made_again() {
    let world = World::fresh().await;
    let mut instance = started(&world).await;
    world.load(10, 20, 300, 0).await;
    world.compare().await;
    let applied = count(&world.read("transactions_validated").await);
    world.delete("account_balance_updates").await;
    // It takes half of the partitions, so the instance reads the accounts of the others again.
    let foreign = world.foreign_member(&["transaction_requests", "account_updates"]);
    let gone = format!("topic {} no longer exists", world.topic("account_balance_updates"));
    instance.wait_for(&gone, 1).await;
    world.create("account_balance_updates", true).await;
    let log = end(&mut instance, 3).await;
    foreign.leave().await;
    assert!(log.contains("account_balance_updates has no positions of this partition"), "{log}");
    let log = end(&mut world.instance("one"), 3).await;
    assert!(log.contains("would move twice"), "{log}");
    assert_eq!(count(&world.read("transactions_validated").await), applied);
}

/// The way out of the message is a way out.
#[tokio::test]
async fn inputs_that_were_deleted_before_they_were_applied_end_the_start_until_a_person_goes_on() {
    let world = World::fresh().await;
    let mut instance = started(&world).await;
    world.load(11, 20, 300, 0).await;
    world.compare().await;
    instance.signal(Signal::SIGTERM);
    end(&mut instance, 0).await;
    world.load(12, 20, 300, 0).await;
    world.delete_records("transaction_requests").await;
    let log = end(&mut world.instance("one"), 3).await;
    assert!(log.contains("those between were deleted"), "{log}");
    follow(&world, &log).await;
    let _again = started(&world).await;
}

/// Writes the records that the message asks for.
async fn follow(world: &World, log: &str) {
    let wanted = log.split("and the value ").skip(1).map(|rest| {
        let (value, rest) = rest.split_once(" to partition ").unwrap();
        let partition = rest.split(' ').next().unwrap().parse().unwrap();
        (Partition(partition), value.replace('\\', ""))
    });
    let wanted: Vec<_> = wanted.collect();
    let (kafka, topic) = (world.kafka.clone(), world.topic("account_balance_updates"));
    let writing = tokio::task::spawn_blocking(move || {
        let writer = RecordWriter::connect(&kafka).unwrap();
        for (partition, value) in &wanted {
            let (partition, key, value) = (Some(*partition), Some(&b"#positions"[..]), value.as_bytes());
            writer.send(&NewRecord { topic: &topic, partition, key, value }).unwrap();
        }
        writer.finish(LIMIT).unwrap();
    });
    writing.await.unwrap();
}

/// A program that reads only one of the topics gets partitions of it, and the instance gets partitions of the other alone.
#[tokio::test]
async fn an_instance_waits_while_the_group_gives_it_half_of_what_it_needs() {
    let world = World::fresh().await;
    let mut instance = started(&world).await;
    let foreign = world.foreign_member(&["transaction_requests"]);
    instance.wait_for("reads none until the next rebalance", 1).await;
    foreign.leave().await;
    instance.wait_for("owns these partitions", 2).await;
    world.load(13, 20, 300, 0).await;
    println!("{:?}", world.compare().await);
}
