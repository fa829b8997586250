//! Fault 8: kill -9 and SIGTERM at random moments.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually, test_events};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const ROUNDS: usize = 10;

#[tokio::test]
async fn fault_08_killed_and_terminated_again_and_again() {
    let seed = rand::random();
    println!("seed: {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    stage.produce(&format!("--orders {} --duplicate-share 0.05", test_events() / 9)).await;
    let log_length = stage.log_length().await;
    // Each round ends its consumer when this many offsets are applied.
    let mut marks: Vec<i64> = (0..ROUNDS).map(|_| random.random_range(0..log_length * 9 / 10)).collect();
    marks.sort_unstable();
    println!("the log has {log_length} offsets; the consumers end at {marks:?}");

    let sql = stage.sql().await;
    for mark in marks {
        // Small batches, so that there are many different moments to end at.
        let mut consumer = stage
            .program("consumer")
            .env("BATCH_RECORDS", random.random_range(50..2000).to_string())
            .env("SYNCHRONOUS_COMMIT", if random.random_bool(0.5) { "on" } else { "off" })
            .start();
        // A killed predecessor stays a member of the group until its session expires.
        eventually(&format!("{mark} offsets are applied"), 3 * GIVE_UP_AFTER, async || {
            assert!(!consumer.has_ended(), "the consumer ended by itself");
            (stage.positions(&sql).await.values().sum::<i64>() >= mark).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        let applied: i64 = stage.positions(&sql).await.values().sum();
        if random.random_bool(0.6) {
            consumer.kill().await;
            println!("killed after {applied} offsets");
        } else {
            // Until the consumer logs this line, it may not handle signals yet.
            consumer.wait_for_log("ready", GIVE_UP_AFTER).await;
            assert_eq!(consumer.terminate(Duration::from_secs(25)).await, 0);
            println!("terminated after {applied} offsets");
        }
    }
    stage.catch_up().await;
    stage.check().await;
}
