//! Fault 14: the disk of the database is full.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::harness::{Own, PATIENCE, Stage};
use local_stack::free_port;

use crate::support::{dead_letters, events, every_partition_has_an_owner, readiness};

/// A file system of a fixed size, until this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `owner`: like this file.
    fn mount(folder: &Path, mib: u32, owner: &Path) -> Result<Self, String> {
        let at = folder.join("small-disk");
        std::fs::create_dir(&at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m,mode=755"), "food-orders-test"], &at)?;
        let owner = std::fs::metadata(owner).unwrap();
        chown(&at, Some(owner.uid()), Some(owner.gid())).unwrap();
        Ok(Self(at))
    }

    fn grow(&self, mib: u32) {
        run("mount", &["-o", &format!("remount,size={mib}m")], &self.0).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: it goes when PostgreSQL has let go of it.
        let _ = run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], at: &Path) -> Result<(), String> {
    let output = Command::new(program).args(arguments).arg(at).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[tokio::test]
async fn fault_14_disk_full() {
    let postgres = Own::postgres(&[]);
    let data = postgres.folder().join("postgres/data");
    let disk = match SmallDisk::mount(postgres.folder(), 16, &data) {
        Ok(disk) => disk,
        Err(cause) => {
            println!("NOT RUN: a small file system cannot be mounted here (it takes root): {cause}");
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI it has to run");
            return;
        }
    };
    let stage = Stage::with_database(postgres.url()).await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let at = disk.0.display();
    sql.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{at}'")).await.unwrap();
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    every_partition_has_an_owner(&stage, 1).await;
    for table in ["order_history", "orders"] {
        sql.batch_execute(&format!("ALTER TABLE build_1.{table} SET TABLESPACE small")).await.unwrap();
    }
    stage.produce("--orders 40000").await;
    let body = readiness(&health, false, 2 * PATIENCE).await;
    assert!(body.contains("53100"), "{body}");
    // It stays where it is, and goes on trying.
    let before = stage.positions(&sql).await;
    crate::support::for_so_long(std::time::Duration::from_secs(3)).await;
    assert_eq!(stage.positions(&sql).await.len(), before.len());
    assert!(!consumer.has_ended());
    assert_eq!(dead_letters(&sql).await, 0);
    disk.grow(1024);
    stage.send(events(0..400, 4)).await;
    let report = stage.check().await;
    assert_eq!(report.dead_letters, 0);
    println!("{} records", report.records);
    readiness(&health, true, PATIENCE).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
    drop(sql);
    drop(postgres);
}
