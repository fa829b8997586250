//! Fault 14: the disk of the database is full.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Stage, free_address};

use crate::small_disk::SmallDisk;
use crate::support::{
    count_dead_letters, events, hold_for, wait_for_owners, wait_for_readiness, wait_for_reason,
};

#[tokio::test]
async fn fault_14_disk_full() {
    let postgres = OwnServer::postgres(&[]);
    let data = postgres.folder().join("postgres/data");
    let Some(disk) = SmallDisk::mount(postgres.folder(), "small-disk", 16) else { return };
    disk.give_to_owner_of(&data);
    let stage = Stage::with_database(postgres.url()).await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let at = disk.path().display();
    sql.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{at}'")).await.unwrap();
    let health = free_address();
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_owners(&stage, 1).await;
    for table in ["order_history", "orders"] {
        sql.batch_execute(&format!("ALTER TABLE build_1.{table} SET TABLESPACE small")).await.unwrap();
    }
    stage.produce("--orders 40000").await;
    wait_for_reason(&health, "53100", 2 * GIVE_UP_AFTER).await;
    // The consumer keeps trying, and its positions stay.
    let before = stage.positions(&sql).await;
    hold_for(Duration::from_secs(3)).await;
    assert_eq!(stage.positions(&sql).await.len(), before.len());
    assert!(!consumer.has_ended());
    assert_eq!(count_dead_letters(&sql).await, 0);
    disk.grow(1024);
    stage.send(events(0..400, 4)).await;
    let report = stage.check().await;
    assert_eq!(report.dead_letters, 0);
    println!("{} records", report.records);
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    drop(sql);
    drop(postgres);
}
