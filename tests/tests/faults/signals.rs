//! Signals that ask a process to stop.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Program, Stage};
use nix::sys::signal::Signal;

use super::support::{
    Blocker, WAITS_FOR_A_LOCK, events, hold_for, idle_consumer, wait_for_lanes, wait_until_all_applied,
};

/// Starts a consumer whose transaction is held up, and asks it to stop by these signals, one soon after the other.
async fn draining_consumer(stage: &Stage, first_order: u32, signals: &[Signal]) -> (Program, Blocker) {
    let mut consumer = idle_consumer(stage).await;
    wait_until_all_applied(stage).await;
    let blocker = Blocker::new(stage).await;
    stage.send(events(first_order..first_order + 10, 2)).await;
    wait_for_lanes(&stage.sql().await, 1, WAITS_FOR_A_LOCK).await;
    for signal in signals {
        consumer.signal(*signal);
        // Two signals of a kind are one until the process has received the first.
        hold_for(Duration::from_millis(50)).await;
    }
    consumer.wait_for_log("stopping;", GIVE_UP_AFTER).await;
    (consumer, blocker)
}

#[tokio::test]
async fn fault_75_signal_that_is_sent_twice() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    // A repeated signal has to come within a second, so it does not wait for the effect of the first one.
    let signals = [Signal::SIGTERM, Signal::SIGTERM, Signal::SIGINT];
    let (mut consumer, blocker) = draining_consumer(&stage, 0, &signals).await;
    // Nothing can be waited for here: the others are to have no effect.
    hold_for(Duration::from_millis(200)).await;
    assert!(!consumer.has_ended(), "the repeated signal ended the process");
    blocker.release().await;
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, 0);

    let (mut consumer, blocker) = draining_consumer(&stage, 10, &[Signal::SIGTERM]).await;
    hold_for(Duration::from_millis(1100)).await;
    consumer.signal(Signal::SIGTERM);
    assert_eq!(consumer.exit_code(Duration::from_secs(5)).await, 1, "a later signal ends it at once");
    blocker.release().await;
    stage.catch_up().await;
    stage.check().await;
}
