//! Fault 7: two groups on one database.

use end_to_end::harness::{PATIENCE, Stage, eventually};

const OTHER_DEPLOYMENT: i32 = 4;

#[tokio::test]
async fn fault_07_two_groups_on_one_database() {
    let stage = Stage::new().await;
    stage.produce("--orders 50").await;
    let first = stage.consumer();
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("all applied", PATIENCE, async || (stage.positions(&sql).await == ends).then_some(())).await;

    let epochs = "SELECT array_agg(owner_epoch ORDER BY partition) FROM public.positions";
    let before: Vec<i64> = sql.query_one(epochs, &[]).await.unwrap().get(0);
    let mut second = stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").start();
    assert_eq!(second.exit_code(PATIENCE).await, OTHER_DEPLOYMENT);
    assert!(second.log().contains(&stage.group), "it names the group that runs:\n{}", second.log());
    let after: Vec<i64> = sql.query_one(epochs, &[]).await.unwrap().get(0);
    assert_eq!(before, after, "it took nothing over");

    // More of the same group are welcome, and once all are gone so is another group.
    let third = stage.consumer();
    assert_eq!(first.terminate(PATIENCE).await, 0);
    let mut refused = stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").start();
    assert_eq!(refused.exit_code(PATIENCE).await, OTHER_DEPLOYMENT);
    assert_eq!(third.terminate(PATIENCE).await, 0);
    stage.produce("--orders 50").await;
    let heir = stage.program("consumer").env("KAFKA_GROUP_ID", "another-group").args("--until-caught-up");
    heir.succeed(PATIENCE).await;
    stage.check().await;
}
