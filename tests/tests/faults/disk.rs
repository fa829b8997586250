//! Fault 14: the disk of the database is full.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Stage, free_address};

use crate::support::{count_dead_letters, events, hold_for, wait_for_owners, wait_for_readiness};

/// A file system of a fixed size. Dropping this unmounts it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it in this folder, with the same owner as the file `like`.
    fn mount(folder: &Path, mib: u32, like: &Path) -> io::Result<Self> {
        let at = folder.join("small-disk");
        std::fs::create_dir(&at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m,mode=755"), "food-orders-test"], &at)?;
        let owner = std::fs::metadata(like).unwrap();
        chown(&at, Some(owner.uid()), Some(owner.gid())).unwrap();
        Ok(Self(at))
    }

    fn grow(&self, mib: u32) {
        run("mount", &["-o", &format!("remount,size={mib}m")], &self.0).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: it disappears once PostgreSQL has closed its files.
        let _ = run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], at: &Path) -> io::Result<()> {
    let output = Command::new(program).args(arguments).arg(at).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr)))
    }
}

#[tokio::test]
async fn fault_14_disk_full() {
    let postgres = OwnServer::postgres(&[]);
    let data = postgres.folder().join("postgres/data");
    let disk = match SmallDisk::mount(postgres.folder(), 16, &data) {
        Ok(disk) => disk,
        Err(cause) => {
            println!("NOT RUN: a small file system cannot be mounted here, which only root can do: {cause}");
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run this test");
            return;
        }
    };
    let stage = Stage::with_database(postgres.url()).await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let at = disk.0.display();
    sql.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{at}'")).await.unwrap();
    let health = free_address();
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_owners(&stage, 1).await;
    for table in ["order_history", "orders"] {
        sql.batch_execute(&format!("ALTER TABLE build_1.{table} SET TABLESPACE small")).await.unwrap();
    }
    stage.produce("--orders 40000").await;
    let body = wait_for_readiness(&health, false, 2 * GIVE_UP_AFTER).await;
    assert!(body.contains("53100"), "{body}");
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
