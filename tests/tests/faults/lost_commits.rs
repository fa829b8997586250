//! Fault 9: the connection dies during COMMIT.

use end_to_end::harness::{GIVE_UP_AFTER, LostCommit, Proxy, Stage, eventually};

use crate::support::{events, wait_for_owners, wait_until_applied};

/// The consumer does not know whether its transaction was committed, and finds out from the position row.
async fn lose_commits(lost: LostCommit) {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let consumer = stage.consumer_through(&proxy).start();
    wait_for_owners(&stage, 1).await;
    for round in 0..10 {
        let log_length = i64::from(round) * 100;
        wait_until_applied(&stage, &sql, log_length).await;
        proxy.lose_next_commit(lost);
        stage.send(events(round * 100..(round + 1) * 100, 4)).await;
        let lost = round + 1;
        eventually("a COMMIT is lost", GIVE_UP_AFTER, async || (proxy.lost_commits() >= lost).then_some(()))
            .await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1000, 0));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_09_connection_dies_before_commit_arrives() {
    lose_commits(LostCommit::Request).await;
}

#[tokio::test]
async fn fault_09_connection_dies_after_commit() {
    lose_commits(LostCommit::Answer).await;
}
