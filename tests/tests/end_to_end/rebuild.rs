//! A rebuild from offset 0 beside the live tables: readers do not notice it, and the new tables equal the
//! log.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use end_to_end::harness::{Answer, Api, GIVE_UP_AFTER, Program, Stage, eventually, test_events};
use reqwest::{Method, StatusCode};

/// A stage whose log has been applied, with a consumer, an API, and a producer that keeps writing.
struct Live {
    stage: Stage,
    api: Api,
    producer: Program,
    consumer: Program,
}

async fn live() -> Live {
    let stage = Stage::new().await;
    stage.produce(&format!("--orders {} --start-at-id 1 --duplicate-share 0.02", test_events() / 9)).await;
    let consumer = stage.consumer();
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("all records are applied", 5 * GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == ends).then_some(())
    })
    .await;
    let api = stage.api().await;
    let producer =
        stage.program("producer").args("--rate 500 --cancel-share 0.2 --time-compression 2000").start();
    Live { stage, api, producer, consumer }
}

impl Live {
    /// Ends the producer, and compares the tables with the log.
    async fn finish(self) {
        assert_eq!(self.producer.terminate(GIVE_UP_AFTER).await, 0);
        self.stage.check_with(&self.api, 20).await;
        assert_eq!(self.consumer.terminate(GIVE_UP_AFTER).await, 0);
    }
}

/// Reads again and again, and checks that no answer is older than the one before.
#[derive(Default)]
struct Reader {
    applied: BTreeMap<i32, i64>,
    build: i64,
    orders: i64,
    reads: u32,
    builds_seen: u32,
}

impl Reader {
    async fn read_until_done(&mut self, api: &Api, done: &Cell<bool>) {
        while !done.get() {
            let list = self.check(api.get("/orders?limit=5").await);
            assert_eq!(list.json()["orders"].as_array().map(Vec::len), Some(5), "{}", list.body);
            let order = self.check(api.get("/orders/ORD-000001").await);
            assert_eq!(order.json()["order_id"], "ORD-000001");
            let history = self.check(api.get("/orders/ORD-000001/history").await);
            assert_ne!(history.json()["records"].as_array().map(Vec::len), Some(0), "{}", history.body);
            let stats = self.check(api.get("/stats").await).json();
            let orders = stats["orders"].as_i64().unwrap();
            assert!(orders >= self.orders, "{orders} orders after {}", self.orders);
            self.orders = orders;
        }
    }

    fn check(&mut self, answer: Answer) -> Answer {
        let answer = answer.ok();
        let applied = answer.applied();
        for (partition, position) in &self.applied {
            let now = applied.get(partition).copied().unwrap_or(0);
            assert!(now >= *position, "partition {partition} went back from {position} to {now}");
        }
        let build = answer.header("view-build").parse().unwrap();
        assert!(build >= self.build, "build {build} after build {}", self.build);
        self.builds_seen += u32::from(build > self.build);
        self.build = build;
        self.applied = applied;
        self.reads += 1;
        answer
    }
}

#[tokio::test]
async fn readers_do_not_notice_a_rebuild_by_the_command() {
    let live = live().await;
    let done = Cell::new(false);
    let mut reader = Reader::default();
    let rebuild = async {
        let printed = live.stage.program("replay-rebuild").args("--parts 4").succeed(5 * GIVE_UP_AFTER).await;
        println!("{printed}");
        // The readers continue for a while after the switch.
        let sql = live.stage.sql().await;
        let after = live.stage.positions(&sql).await.values().sum::<i64>() + 1000;
        eventually("1000 more events are applied after the switch", GIVE_UP_AFTER, async || {
            (live.stage.positions(&sql).await.values().sum::<i64>() > after).then_some(())
        })
        .await;
        done.set(true);
    };
    tokio::join!(rebuild, reader.read_until_done(&live.api, &done));
    println!("{} reads over {} builds", reader.reads, reader.builds_seen);
    assert_eq!(
        (reader.builds_seen, reader.build),
        (2, 2),
        "the last answers have to come from the new build"
    );
    live.finish().await;
}

#[tokio::test]
async fn readers_do_not_notice_a_rebuild_by_the_api() {
    let live = live().await;
    let (api, done) = (&live.api, Cell::new(false));
    let mut reader = Reader::default();
    let rebuild = async {
        let refused = api.request(Method::POST, "/rebuilds", None, r#"{"view":"orders"}"#).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
        let accepted = api.post("/rebuilds", r#"{"view":"orders"}"#).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
        let location = accepted.header("location").to_owned();
        let second = api.post("/rebuilds", r#"{"view":"orders"}"#).await;
        assert_eq!(second.status, StatusCode::CONFLICT, "{}", second.body);
        eventually("the rebuild is active", 5 * GIVE_UP_AFTER, async || {
            let rebuild = api.get(&location).await.ok().json();
            let state = rebuild["state"].as_str().unwrap();
            assert!(!["failed", "cancelled"].contains(&state), "{rebuild}");
            (state == "active").then_some(())
        })
        .await;
        done.set(true);
    };
    tokio::join!(rebuild, reader.read_until_done(api, &done));
    println!("{} reads over {} builds", reader.reads, reader.builds_seen);
    live.finish().await;
}

#[tokio::test]
async fn an_answer_as_of_a_cut_stays_the_same_after_a_rebuild() {
    let stage = Stage::new().await;
    stage.produce("--orders 500 --start-at-id 1").await;
    stage.catch_up().await;
    let api = stage.api().await;
    let offsets = api.get("/stats").await.header("applied-offsets").to_owned();
    let mut before = Vec::new();
    for path in ["/orders/ORD-000007?", "/orders/ORD-000007/history?", "/orders?limit=9&", "/stats?"] {
        let answer = api.get(&format!("{path}as_of_offsets={offsets}")).await.ok();
        before.push((answer.header("content-location").to_owned(), answer.body));
    }
    stage.produce("--orders 500 --start-at-id 1 --cancel-share 1").await;
    let consumer = stage.consumer();
    stage.program("replay-rebuild").args("--parts 3").succeed(5 * GIVE_UP_AFTER).await;
    for (location, body) in before {
        let again = api.get(&location).await.ok();
        assert_eq!(again.header("view-build"), "2");
        assert_eq!(again.body, body, "{location}");
    }
    stage.check().await;
    assert_eq!(consumer.terminate(Duration::from_secs(25)).await, 0);
}

/// The rebuild is killed twice. The next run of the command, or the API, takes it up again.
#[tokio::test]
async fn a_killed_rebuild_is_resumed_or_started_again() {
    let live = live().await;
    let sql = live.stage.sql().await;
    for state in ["loading", "catching_up"] {
        let rebuild = live.stage.program("replay-rebuild").args("--parts 2").start();
        eventually(&format!("a rebuild has reached {state}"), 5 * GIVE_UP_AFTER, async || {
            let reached = "SELECT FROM public.rebuilds WHERE state = $1 OR state IN ('verifying', 'active')";
            sql.query(reached, &[&state]).await.is_ok_and(|rows| !rows.is_empty()).then_some(())
        })
        .await;
        rebuild.kill().await;
        live.api.get("/orders?limit=1").await.ok();
    }
    eventually("the API has finished the rebuild", 5 * GIVE_UP_AFTER, async || {
        let running = sql.query("SELECT FROM public.rebuilds WHERE finished_at IS NULL", &[]).await;
        running.unwrap().is_empty().then_some(())
    })
    .await;
    live.stage.program("replay-rebuild").succeed(5 * GIVE_UP_AFTER).await;
    live.finish().await;
}
