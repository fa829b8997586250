//! Outputs that cannot be written: the reader of a pipe has left, or the disk under a file is full.

use std::fs::File;
use std::process::{Command, Stdio};

use end_to_end::harness::{GIVE_UP_AFTER, Stage, free_address};

use super::support::{idle_consumer, wait_for_readiness, wait_until_all_applied};

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

/// Each write fails with ENOSPC.
fn full_disk() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[tokio::test]
async fn fault_70_log_that_cannot_be_written() {
    let stage = Stage::new().await;
    stage.program("producer").args("--rate 0 --orders 50").stderr(full_disk()).succeed(GIVE_UP_AFTER).await;
    let address = free_address();
    let api = stage.program("api").env("API_LISTEN", &address).stderr(full_disk()).start();
    let consumers = [full_disk(), closed_pipe()].map(|log| stage.program("consumer").stderr(log).start());
    wait_until_all_applied(&stage).await;
    wait_for_readiness(&address, true, GIVE_UP_AFTER).await;
    let rebuild = stage.program("replay-rebuild").stdout(closed_pipe()).stderr(closed_pipe());
    rebuild.succeed(GIVE_UP_AFTER).await;
    for program in consumers.into_iter().chain([api]) {
        assert_eq!(program.terminate(GIVE_UP_AFTER).await, 0);
    }
    // The reason for a failure cannot be read, but the exit code still tells it.
    let mut refused = stage.program("consumer").env("LANES", "none").stderr(full_disk()).start();
    assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, 2);
    stage.check().await;
}

/// The log has reached the size that a file may have (`ulimit -f`), for which the kernel sends a signal of its own.
#[tokio::test]
async fn fault_70_log_that_may_not_grow() {
    let stage = Stage::new().await;
    stage.produce("--orders 5").await;
    let consumer = idle_consumer(&stage).await;
    let limit = ["--pid", &consumer.id().to_string(), "--fsize=1"];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    wait_until_all_applied(&stage).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_70_output_whose_reader_has_left() {
    let stage = Stage::new().await;
    stage.produce("--orders 5").await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    let decision = "INSERT INTO public.decisions (kind, view, partition, from_offset, to_offset, reason)
                    VALUES ('accept_gap', 'orders', 99, 0, 1, 'made by a test')";
    sql.batch_execute(decision).await.unwrap();
    for (program, arguments) in [
        ("consumer", "--help"),
        ("producer", "--help"),
        ("api", "--help"),
        ("replay-rebuild", "--help"),
        ("consumer", "decisions export"),
        ("consumer", "dead-letters list"),
        ("replay-rebuild", "--dry-run"),
    ] {
        stage.program(program).args(arguments).stdout(closed_pipe()).succeed(GIVE_UP_AFTER).await;
    }
    // An export that is cut off by a full disk must not look complete.
    let mut export = stage.program("consumer").args("decisions export").stdout(full_disk()).start();
    assert_eq!(export.exit_code(GIVE_UP_AFTER).await, 1);
    assert!(export.log().contains("No space left on device"), "{}", export.log());
}
