//! Fault 84: the disk of a broker is full.

use std::os::unix::fs::symlink;

use end_to_end::harness::{Cluster, GIVE_UP_AFTER, eventually};
use local_stack::Scratch;

use crate::load::{Load, wait_until_others_lead};
use crate::small_disk::SmallDisk;

const BROKER: u16 = 3;

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_84_disk_of_a_broker_full() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), "small-disk", 64) else { return };
    let scratch = Scratch::new().unwrap();
    let kafka = scratch.path().join("kafka");
    std::fs::create_dir(&kafka).unwrap();
    symlink(disk.path(), kafka.join(format!("node-{BROKER}"))).unwrap();
    let mut cluster = Cluster::start_in(scratch);
    let mut load = Load::start(&cluster).await;
    disk.fill();
    eventually("the broker with the full disk has ended", GIVE_UP_AFTER, async || {
        cluster.has_ended(BROKER).then_some(())
    })
    .await;
    wait_until_others_lead(&cluster, &load.stage, BROKER).await;
    load.proceed(3000).await;
    disk.empty();
    cluster.heal();
    load.finish(&cluster).await;
    drop(cluster);
}
