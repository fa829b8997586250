//! Fault 7: two consumer groups use one database.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};

const OTHER_DEPLOYMENT: i32 = 4;

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
    let third = stage.consumer();
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
