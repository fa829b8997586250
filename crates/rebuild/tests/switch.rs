//! The switch happens while live writers and readers continue.
#![allow(clippy::unwrap_used, clippy::panic)] // a test

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::events::{lives, mixed};
use common::{World, eventually};
use rebuild::{FailureCause, Outcome, Request, State, Stop, SwitchMode};

/// Reads the public tables in a loop: no error, no order missing, no position back in time.
async fn read_until(world: Arc<World>, stop: Arc<AtomicBool>) -> usize {
    let mut client = world.client().await;
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    let mut last_count = 0;
    let mut reads = 0;
    while !stop.load(Ordering::SeqCst) {
        let tx = client
            .build_transaction()
            .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
            .start()
            .await
            .unwrap();
        let positions = tx.query("SELECT partition, next_offset FROM public.positions", &[]).await.unwrap();
        let count: i64 = tx.query_one("SELECT count(*) FROM public.orders", &[]).await.unwrap().get(0);
        tx.commit().await.unwrap();
        let positions: BTreeMap<i32, i64> = positions.iter().map(|row| (row.get(0), row.get(1))).collect();
        for (partition, position) in &last {
            assert!(positions[partition] >= *position, "partition {partition} went back");
        }
        assert!(count >= last_count, "orders went missing");
        (last, last_count) = (positions, count);
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_lost_or_doubled_and_no_read_goes_back_in_time() {
    let world = Arc::new(World::new(6).await);
    world.write(mixed(7, 10_000)).await;
    world.apply_live().await;
    let live = world.live();
    let refused = Arc::clone(&live.refused);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read_until(Arc::clone(&world), Arc::clone(&stop)));
    let written = Arc::new(AtomicUsize::new(0));
    let producer = {
        let (world, stop, written) = (Arc::clone(&world), Arc::clone(&stop), Arc::clone(&written));
        tokio::spawn(async move {
            for seed in 100.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                world.write(mixed(seed, 2000)).await;
                written.fetch_add(2000, Ordering::SeqCst);
            }
        })
    };
    for build in 2..=4 {
        let (outcome, view) = world.rebuild().await;
        assert_eq!(outcome, Outcome::Active { build, replaced: Some(build - 1) }, "{view:?}");
    }
    stop.store(true, Ordering::SeqCst);
    producer.await.unwrap();
    live.stop().await;
    let reads = reader.await.unwrap();
    println!(
        "{reads} reads, {} events written meanwhile, {refused:?} commits refused",
        written.load(Ordering::SeqCst)
    );
    assert!(reads > 10 && written.load(Ordering::SeqCst) > 0);
    assert!(refused.load(Ordering::SeqCst) >= 1, "the live writer was refused and claimed again");
    world.assert_tables_follow_from_the_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_read_delays_the_switch_but_no_other_reader_or_writer() {
    let world = World::new(2).await;
    world.write(lives(0, 200)).await;
    world.apply_live().await;
    let mut reader = world.client().await;
    let reading = reader.transaction().await.unwrap();
    reading.query("SELECT * FROM public.orders LIMIT 1", &[]).await.unwrap();

    let job = world.start().await;
    let (id, progress) = (job.id(), job.progress());
    let run = tokio::spawn(job.run(Stop::default()));
    eventually("the switch to wait for the reader", async || {
        progress.borrow().waits_for.as_deref().is_some_and(|what| what.contains("reads of the public views"))
    })
    .await;
    assert_eq!(world.view(id).await.state, State::Switching);
    // Other readers and the live writer do not wait.
    let other = world.client().await;
    other.batch_execute("SET statement_timeout = '2s'; SELECT count(*) FROM public.orders").await.unwrap();
    world.write(lives(200, 50)).await;
    world.apply_live().await;

    reading.commit().await.unwrap();
    let outcome = tokio::time::timeout(Duration::from_secs(30), run).await.unwrap().unwrap().unwrap();
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) });
    assert_eq!(world.assert_tables_follow_from_the_log().await, 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_holds_the_positions_delays_the_switch() {
    let world = World::new(2).await;
    world.write(lives(0, 200)).await;
    world.apply_live().await;
    let mut writer = world.client().await;
    let writing = writer.transaction().await.unwrap();
    writing.execute("UPDATE build_1.positions SET owner = owner WHERE partition = 0", &[]).await.unwrap();

    let job = world.start().await;
    let progress = job.progress();
    let run = tokio::spawn(job.run(Stop::default()));
    eventually("a second attempt", async || {
        progress
            .borrow()
            .waits_for
            .as_deref()
            .is_some_and(|what| what.contains("the switch to succeed, after"))
    })
    .await;
    writing.commit().await.unwrap();
    let outcome = tokio::time::timeout(Duration::from_secs(30), run).await.unwrap().unwrap().unwrap();
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) });
}

impl World {
    /// A verified build that waits, and where both builds stand at the same positions.
    async fn ready(&self) {
        self.write(lives(0, 50)).await;
        self.apply_live().await;
        let manual = Request { switch: SwitchMode::Manual, ..Request::default() };
        let job = rebuild::start(&self.settings, &manual).await.unwrap();
        assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    }

    async fn expect_other_records(&self, words: &str) {
        let (outcome, view) = self.rebuild().await;
        let Outcome::Failed { cause, reason } = outcome else { panic!("{outcome:?}") };
        assert_eq!((cause, view.state), (FailureCause::Log, State::Failed));
        assert!(reason.contains(words), "{reason}");
    }
}

/// As if the log had lost a record after the live build and before the new one read it.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_of_other_records_than_the_live_one_is_not_switched_to() {
    let world = World::new(1).await;
    world.ready().await;
    let lost = "UPDATE build_2.positions SET records = records - 1, digest = digest - 7";
    world.client().await.execute(lost, &[]).await.unwrap();
    world.write(lives(50, 5)).await;
    world.apply_live().await;
    world
        .expect_other_records(
            "offsets 200 to 219: the live tables have applied 20 records, and the log holds 19",
        )
        .await;
}

/// The records are compared once more under the lock. A writer holds it up until it has been asked for, which is after
/// all that is done before it.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_compared_under_the_lock_of_the_switch() {
    let world = World::new(1).await;
    world.ready().await;
    let mut writer = world.client().await;
    let writing = writer.transaction().await.unwrap();
    writing.execute("UPDATE build_1.positions SET owner = owner", &[]).await.unwrap();
    let changed = async {
        let client = world.client().await;
        let waits = "SELECT FROM pg_locks WHERE NOT granted AND mode = 'ExclusiveLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually("the switch waits", async || client.query_opt(waits, &[]).await.unwrap().is_some()).await;
        client.execute("UPDATE build_2.positions SET digest = digest + 1", &[]).await.unwrap();
        writing.commit().await.unwrap();
    };
    tokio::join!(world.expect_other_records("as many, but other ones"), changed);
}

/// No consumer runs, so the new build is ahead: the log between the compared positions and those of the
/// live build tells which records the live build should have read.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_compared_up_to_a_live_build_that_lags() {
    for damaged in [false, true] {
        let world = World::new(1).await;
        world.ready().await;
        world.write(lives(50, 5)).await;
        world.apply_live().await;
        world.write(lives(55, 5)).await;
        if damaged {
            let other = "UPDATE build_1.positions SET digest = digest + 1";
            world.client().await.execute(other, &[]).await.unwrap();
            world.expect_other_records("offsets 200 to 219").await;
        } else {
            assert_eq!(world.rebuild().await.0, Outcome::Active { build: 2, replaced: Some(1) });
        }
    }
}

/// Regression: the live positions were read after the log's end offsets, and seemed to be ahead of the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plan_made_while_writers_continue_is_not_refused() {
    let world = Arc::new(World::new(2).await);
    let live = world.live();
    let stop = Arc::new(AtomicBool::new(false));
    let producer = {
        let (world, stop) = (Arc::clone(&world), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                world.write(lives(0, 20)).await;
            }
        })
    };
    for _ in 0..20 {
        let dry_run = rebuild::dry_run(&world.settings, &Request::default()).await.unwrap();
        assert_eq!(dry_run.refused, None, "{:?}", dry_run.reason);
    }
    stop.store(true, Ordering::SeqCst);
    producer.await.unwrap();
    live.stop().await;
}
