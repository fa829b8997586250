//! A rebuild that is cancelled while it runs, by the command and by the API, whichever of them drives it.

use std::fs::{self, File};

use end_to_end::harness::{Api, GIVE_UP_AFTER, Program, Stage, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio_postgres::Client;

async fn stage() -> (Stage, Api) {
    let stage = Stage::new().await;
    stage.produce("--orders 500 --start-at-id 1").await;
    stage.catch_up().await;
    let api = stage.api().await;
    (stage, api)
}

/// A read of the public views that does not end: a rebuild comes to its switch and waits there.
async fn long_read(stage: &Stage) -> Client {
    let reader = stage.sql().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM public.orders").await.unwrap();
    reader
}

async fn wait_for_the_switch(api: &Api, id: i64) {
    eventually("the rebuild is at its switch", GIVE_UP_AFTER, async || {
        let rebuild = api.get(&format!("/rebuilds/{id}")).await;
        (rebuild.status == 200 && rebuild.json()["state"] == "switching").then_some(())
    })
    .await;
}

async fn expect_cancelled(stage: &Stage, api: &Api, id: i64, reason: &str) {
    let rebuild = api.get(&format!("/rebuilds/{id}")).await.ok().json();
    assert_eq!((&rebuild["state"], &rebuild["reason"]), (&json!("cancelled"), &json!(reason)), "{rebuild}");
    let gone = format!("SELECT to_regnamespace('build_{}') IS NULL", rebuild["build"]);
    assert!(
        stage.sql().await.query_one(&gone, &[]).await.unwrap().get::<_, bool>(0),
        "its tables are dropped"
    );
    assert_eq!(api.get("/orders?limit=1").await.ok().header("view-build"), "1");
}

/// The command drives the rebuild in another process than the one that is asked.
#[tokio::test]
async fn a_rebuild_of_the_command_is_cancelled_by_the_api() {
    let (stage, api) = stage().await;
    let _reader = long_read(&stage).await;
    let mut rebuild = stage.program("replay-rebuild").start();
    wait_for_the_switch(&api, 1).await;
    let asked = api.post("/rebuilds/1/cancel", "").await;
    assert_eq!((asked.status.as_u16(), asked.header("location")), (202, "/rebuilds/1"), "{}", asked.body);
    assert_eq!(asked.json()["cancel_requested_by"], "api");
    assert_eq!(rebuild.exit_code(GIVE_UP_AFTER).await, 8, "{}", rebuild.log());
    assert!(rebuild.log().contains("rebuild 1 was cancelled in api"), "{}", rebuild.log());
    expect_cancelled(&stage, &api, 1, "cancelled in api").await;
}

#[tokio::test]
async fn a_rebuild_of_the_api_is_cancelled_by_the_command() {
    let (stage, api) = stage().await;
    let reader = long_read(&stage).await;
    assert_eq!(api.post("/rebuilds", "").await.status, 202);
    wait_for_the_switch(&api, 1).await;
    let printed = stage.program("replay-rebuild").args("--cancel").succeed(GIVE_UP_AFTER).await;
    assert!(printed.contains("cancelled rebuild 1"), "{printed}");
    expect_cancelled(&stage, &api, 1, "cancelled in replay-rebuild").await;
    // The api drives the next one as if nothing had been.
    drop(reader);
    assert_eq!(api.post("/rebuilds", "").await.header("location"), "/rebuilds/2");
    eventually("the next rebuild is active", GIVE_UP_AFTER, async || {
        (api.get("/rebuilds/2").await.ok().json()["state"] == "active").then_some(())
    })
    .await;
}

/// `replay-rebuild && deploy` must not deploy.
#[tokio::test]
async fn a_signal_cancels_a_rebuild_and_is_not_success() {
    let (stage, api) = stage().await;
    let _reader = long_read(&stage).await;
    for (id, signal, code) in [(1, Signal::SIGINT, 130), (2, Signal::SIGTERM, 143)] {
        let mut rebuild = stage.program("replay-rebuild").start();
        wait_for_the_switch(&api, id).await;
        rebuild.signal(signal);
        assert_eq!(rebuild.exit_code(GIVE_UP_AFTER).await, code, "{}", rebuild.log());
        expect_cancelled(&stage, &api, id, "cancelled in replay-rebuild").await;
    }
    // The log has ended long before: the wait for the database is what the signal ends.
    let mut consumer = stage
        .program("consumer")
        .args("--until-caught-up --database-url postgres://u:p@127.0.0.1:1/d")
        .start();
    consumer.wait_for_log("PostgreSQL", GIVE_UP_AFTER).await;
    consumer.signal(Signal::SIGTERM);
    assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, 143, "{}", consumer.log());
}

/// One object on standard output; what is for people goes to standard error.
async fn printed_json(stage: &Stage, arguments: &str) -> (Value, String) {
    let file = stage.folder().join("standard-output");
    let launch = stage.program("replay-rebuild").args("--json").args(arguments);
    let mut program: Program = launch.stdout(File::create(&file).unwrap()).start();
    assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 0, "{}", program.log());
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    (serde_json::from_str(&text).unwrap(), program.log())
}

#[tokio::test]
async fn the_command_prints_what_came_of_it_as_json() {
    let (stage, api) = stage().await;
    let (plan, log) = printed_json(&stage, "--dry-run").await;
    assert_eq!((&plan["state"], &plan["dry_run"]), (&json!("planned"), &json!(true)), "{plan}");
    assert!(log.contains("a guess, because there was no rebuild yet"), "{log}");
    assert_eq!(api.get("/rebuilds").await.ok().json(), json!({"rebuilds": []}));
    let (rebuild, log) = printed_json(&stage, "").await;
    assert_eq!(rebuild, api.get("/rebuilds/1").await.ok().json());
    assert_eq!(rebuild["state"], "active", "{rebuild}");
    assert!(log.contains("no differences"), "{log}");
    let (plan, _) = printed_json(&stage, "--dry-run").await;
    assert_eq!(plan["plan"]["rate_source"], "last_rebuild", "{plan}");
    assert_eq!(printed_json(&stage, "--cancel").await.0, Value::Null);
}
