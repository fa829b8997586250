//! What is killed, paused, fenced or rolled back leaves no trace.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::{PARTITIONS, World, count};

/// Waits until a number of requests is decided.
async fn decided(world: &World, wanted: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&world.read("transactions_validated").await) < wanted {
        assert!(Instant::now() < deadline, "{wanted} requests are not decided in 60 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_instance_that_is_killed_and_bad_records_leave_no_trace() {
    let world = World::fresh().await;
    let (mut one, mut two) = (world.instance("one"), world.instance("two"));
    one.wait_for("owns these partitions", 1).await;
    two.wait_for("owns these partitions", 1).await;
    let load = world.load(1, 60, 3000, 1500);
    let faults = async {
        decided(&world, 300).await;
        let elsewhere =
            r#"{"request_id":"w","account_id":"L1-1","kind":"deposit","amount_cents":1,"currency":"EUR"}"#;
        let bad = [(0, "nonsense"), (1, "{}"), (2, elsewhere), (3, elsewhere), (4, elsewhere), (5, "\u{1}")];
        world.write_raw("transaction_requests", &bad).await;
        one.kill().await;
        one = world.instance("one");
    };
    tokio::join!(load, faults);
    let summary = world.compare().await;
    assert!(summary.duplicates > 10 && summary.refunds > 5 && summary.alerts > 5, "{summary:?}");
    assert!(summary.money > 0, "{summary:?}");
    println!("{summary:?}");
}

/// The broker refuses a record of every transaction for a while.
#[tokio::test]
async fn transactions_that_are_rolled_back_leave_no_trace() {
    let world = World::fresh().await;
    let mut instance = world.instance("one");
    instance.wait_for("owns these partitions", 1).await;
    // The markers of transactions have 78 bytes, and must fit.
    world.set("notifications", &[("max.message.bytes", "120")]).await;
    let load = world.load(2, 30, 500, 0);
    let repair = async {
        instance.wait_for("a transaction was rolled back", 3).await;
        assert_eq!(count(&world.read("transactions_validated").await), 0);
        world.set("notifications", &[]).await;
    };
    tokio::join!(load, repair);
    println!("{:?}", world.compare().await);
}

/// As an operator does, or as a week without members does.
#[tokio::test]
async fn offsets_that_were_reset_apply_nothing_twice() {
    let world = World::fresh().await;
    let mut instance = world.instance("one");
    instance.wait_for("owns these partitions", 1).await;
    world.load(7, 20, 300, 0).await;
    let before = world.compare().await;
    instance.signal(Signal::SIGTERM);
    assert_eq!(instance.end().await.code(), Some(0), "{}", instance.log());
    let resetting = {
        let (servers, group) = (world.kafka.bootstrap_servers.clone(), world.topic("bank-app"));
        let topics = ["transaction_requests", "account_updates"].map(|name| world.topic(name));
        move || {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", servers).set("group.id", group);
            let consumer: BaseConsumer = config.create().unwrap();
            let mut offsets = TopicPartitionList::new();
            for (topic, partition) in
                topics.iter().flat_map(|topic| (0..PARTITIONS).map(move |one| (topic, one)))
            {
                offsets.add_partition_offset(topic, partition, Offset::Offset(0)).unwrap();
            }
            consumer.commit(&offsets, CommitMode::Sync).unwrap();
        }
    };
    tokio::task::spawn_blocking(resetting).await.unwrap();
    let mut again = world.instance("one");
    again.wait_for("reading begins where the accounts are", 12).await;
    world.load(8, 20, 300, 0).await;
    let after = world.compare().await;
    assert!(after.money > before.money, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_second_process_of_the_same_name_fences_the_first() {
    let world = World::fresh().await;
    let mut first = world.instance("same");
    first.wait_for("owns these partitions", 1).await;
    let mut second = world.instance("same");
    world.load(3, 10, 200, 0).await;
    second.wait_for("starting", 1).await;
    let load = world.load(4, 10, 2000, 1000);
    let ended = async {
        assert_eq!(first.end().await.code(), Some(4), "{}", first.log());
        assert!(first.log().contains("has fenced the transactional id"), "{}", first.log());
    };
    tokio::join!(load, ended);
    println!("{:?}", world.compare().await);
}

/// It believes that it owns its partitions while another instance has them.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn a_zombie_writes_nothing() {
    let world = World::fresh().await;
    let (mut zombie, mut other) = (world.instance("zombie"), world.instance("other"));
    zombie.wait_for("owns these partitions", 1).await;
    other.wait_for("owns these partitions", 1).await;
    let load = world.load(5, 60, 20_000, 800);
    let faults = async {
        decided(&world, 1000).await;
        const ALL: &str = "partitions=[0, 1, 2, 3, 4, 5]";
        let before = other.log().matches(ALL).count();
        zombie.signal(Signal::SIGSTOP);
        // Its session ends after 6 s, and its open transaction, if it has one, after 10 to 20 s.
        other.wait_for(ALL, before + 1).await;
        let log = zombie.log();
        zombie.signal(Signal::SIGCONT);
        let deadline = Instant::now() + Duration::from_secs(30);
        let since = loop {
            let since = zombie.log().split_off(log.len());
            if ["rolled back", "fenced", "gave all partitions up"].iter().any(|part| since.contains(part)) {
                break since;
            }
            assert!(Instant::now() < deadline, "it has noticed nothing in 30 s: {since}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        println!("the zombie: {since}");
        if let Some(status) = zombie.ended() {
            assert_eq!(status.code(), Some(4), "{since}");
        }
    };
    tokio::join!(load, faults);
    println!("{:?}", world.compare().await);
}

fn from_environment<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a whole number")))
}

/// Kills, pauses and stops instances at random for a minute, or for `BANK_TEST_MINUTES`. `BANK_TEST_SEED` repeats what
/// it chooses.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn instances_that_fail_at_random_leave_no_trace() {
    let seed = from_environment("BANK_TEST_SEED").unwrap_or_else(rand::random::<u64>);
    let minutes = from_environment("BANK_TEST_MINUTES").unwrap_or(1_u32);
    println!("BANK_TEST_SEED={seed} BANK_TEST_MINUTES={minutes}");
    let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(seed);
    let mut next = |most: u64| rand::Rng::random_range(&mut rng, 0..most);
    let world = World::fresh().await;
    let names = ["one", "two", "three"];
    let mut instances = names.map(|name| world.instance(name));
    instances[0].wait_for("owns these partitions", 1).await;
    let rate = 700;
    let load = world.load(6, 400, rate * 60 * minutes, rate);
    let mut counts = [0; 4];
    let faults = async {
        let began = Instant::now();
        while began.elapsed() < minutes * Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(200 + next(2500))).await;
            let at = next(3) as usize;
            let kind = next(4) as usize;
            counts[kind] += 1;
            let instance = &mut instances[at];
            if let Some(status) = instance.ended() {
                // A pause that was longer than a transaction may last.
                assert_eq!(status.code(), Some(4), "{}", instance.log());
                instances[at] = world.instance(names[at]);
                continue;
            }
            match kind {
                0 | 1 => {
                    instance.kill().await;
                    tokio::time::sleep(Duration::from_millis(next(3000))).await;
                }
                2 => {
                    instance.signal(Signal::SIGSTOP);
                    tokio::time::sleep(Duration::from_millis(500 + next(14_000))).await;
                    instance.signal(Signal::SIGCONT);
                    continue;
                }
                _ => {
                    instance.signal(Signal::SIGTERM);
                    // One that was paused before may find that it was fenced.
                    assert!([Some(0), Some(4)].contains(&instance.end().await.code()), "{}", instance.log());
                }
            }
            instances[at] = world.instance(names[at]);
        }
    };
    tokio::join!(load, faults);
    for (at, name) in names.into_iter().enumerate() {
        if instances[at].ended().is_some() {
            instances[at] = world.instance(name);
        }
    }
    println!("kills, kills, pauses and stops: {counts:?}; {:?}", world.compare().await);
}
