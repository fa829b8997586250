//! Fault 50 in PostgreSQL: the programs have the rights that deploy/postgresql-rights.sql gives, or less.

use std::ffi::OsStr;
use std::ops::Deref;

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Stage, Tool, eventually, repository};
use local_stack::{Postgres, sql_client, with_database};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::{
    Blocker, WAITS_FOR_A_LOCK, WAITS_FOR_ITS_CLIENT, events, events_named, idle_consumer, wait_for_lanes,
    wait_until_all_applied,
};

/// A server of the test's own, because roles belong to a server. All passwords are those roles' names.
struct Server {
    postgres: OwnServer<Postgres>,
    superuser: Client,
}

impl Server {
    /// The script is run by an administrator who is no superuser, as at a hosting provider, and twice.
    async fn with_rights() -> Self {
        let postgres = OwnServer::postgres(&[]);
        let superuser = sql_client(&with_database(&postgres.url(), "postgres"), None).await.unwrap();
        let server = Self { postgres, superuser };
        server.run("CREATE ROLE administrator LOGIN PASSWORD 'administrator' CREATEDB CREATEROLE").await;
        let administrator = server.url("administrator", "postgres");
        let script = repository("deploy/postgresql-rights.sql");
        let grant = || Tool::psql(&administrator).args([OsStr::new("--file"), script.as_os_str()]);
        // The server comes with a database of this name.
        let refused = grant().fail();
        assert!(refused.contains("the database food_orders belongs to kafka_user"), "{refused}");
        server.run("DROP DATABASE food_orders").await;
        grant().succeed();
        grant().succeed();
        server.run("ALTER ROLE food_orders PASSWORD 'food_orders'").await;
        server
    }

    async fn run(&self, sql: &str) {
        self.superuser.batch_execute(sql).await.unwrap();
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{role}@127.0.0.1:{}/{database}", self.postgres.port())
    }

    async fn stage(&self) -> Stage {
        Stage::with_database(self.url("food_orders", "food_orders")).await
    }
}

/// Logs in as a role that may only read.
struct Reader(Client);

impl Deref for Reader {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Reader {
    /// As docs/operations.md says.
    async fn new(server: &Server) -> Self {
        server.run("CREATE ROLE analyst LOGIN PASSWORD 'analyst' IN ROLE food_orders_reader").await;
        Self(sql_client(&server.url("analyst", "food_orders"), None).await.unwrap())
    }

    async fn sees_orders(&self, expected: i64) {
        for view in ["orders", "order_history"] {
            let count = self.query_one(&format!("SELECT count(*) FROM public.{view}"), &[]).await.unwrap();
            assert_eq!(count.get::<_, i64>(0), expected, "{view}");
        }
        self.query("SELECT partition, next_offset FROM public.positions", &[]).await.unwrap();
    }

    async fn may_do_nothing_else(&self, build: i64) {
        for sql in [
            "SELECT FROM public.dead_letters".to_owned(),
            "SELECT FROM public.decisions".to_owned(),
            "SELECT FROM public.deployment".to_owned(),
            "SELECT FROM public.builds".to_owned(),
            format!("SELECT FROM build_{build}.orders"),
            format!("SELECT FROM build_{build}.dead_letters"),
            "DELETE FROM public.orders".to_owned(),
            "CREATE TABLE public.mine ()".to_owned(),
            "CREATE SCHEMA mine".to_owned(),
            "CREATE TEMPORARY TABLE mine ()".to_owned(),
        ] {
            let error = self.batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {error}");
        }
    }
}

#[tokio::test]
async fn fault_50_only_the_documented_rights_in_the_database() {
    let server = Server::with_rights().await;
    let stage = server.stage().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;

    // A consumer takes over from a frozen one, whose session it has to end.
    let first = idle_consumer(&stage).await;
    let blocker = Blocker::new(&stage).await;
    stage.send(events(0..40, 4)).await;
    wait_for_lanes(&sql, 2, WAITS_FOR_A_LOCK).await;
    first.freeze().await;
    blocker.release().await;
    wait_for_lanes(&sql, 2, WAITS_FOR_ITS_CLIENT).await;
    let second = stage.consumer();
    wait_until_all_applied(&stage).await;
    assert!(second.log().contains("ended the database session of an owner that was frozen"));
    first.kill().await;

    let reader = Reader::new(&server).await;
    reader.sees_orders(40).await;
    reader.may_do_nothing_else(1).await;

    // The rebuild of the command line, and that of the api.
    stage.program("replay-rebuild").succeed(GIVE_UP_AFTER).await;
    let api = stage.api().await;
    let rebuild = api.post("/rebuilds", "").await;
    assert_eq!(rebuild.status, 202, "{}", rebuild.body);
    let path = rebuild.header("location").to_owned();
    eventually("the rebuild of the api is active", GIVE_UP_AFTER, async || {
        (api.get(&path).await.ok().json()["state"] == "active").then_some(())
    })
    .await;
    stage.send(events(40..50, 4)).await;
    wait_until_all_applied(&stage).await;
    reader.sees_orders(50).await;
    reader.may_do_nothing_else(3).await;
    stage.check_with(&api, 10).await;
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_50_a_right_less_in_the_database() {
    let server = Server::with_rights().await;
    let stage = server.stage().await;
    stage.create_topic(1).await;
    stage.send(events(0..10, 1)).await;
    stage.catch_up().await;

    // A rebuild makes a schema.
    server.run("REVOKE CREATE ON DATABASE food_orders FROM food_orders").await;
    let mut denied = stage.program("replay-rebuild").start();
    assert_eq!(denied.exit_code(GIVE_UP_AFTER).await, 1, "{}", denied.log());
    assert!(denied.log().contains("permission denied for database food_orders"), "{}", denied.log());
    server.run("GRANT CREATE ON DATABASE food_orders TO food_orders").await;
    stage.program("replay-rebuild").succeed(GIVE_UP_AFTER).await;

    // A role that may read and write all tables, but does not own them.
    server
        .run("CREATE ROLE writer LOGIN PASSWORD 'writer'; GRANT CONNECT ON DATABASE food_orders TO writer")
        .await;
    let owner = stage.sql().await;
    let active = "SELECT 'build_' || id FROM public.builds WHERE state = 'active'";
    let build: String = owner.query_one(active, &[]).await.unwrap().get(0);
    let tables = format!(
        "GRANT USAGE ON SCHEMA {build} TO writer; GRANT ALL ON ALL TABLES IN SCHEMA {build}, public TO writer"
    );
    owner.batch_execute(&tables).await.unwrap();
    stage.send(events_named("OrderPaid", 0..10, 1)).await;
    for program in ["consumer", "api"] {
        let url = server.url("writer", "food_orders");
        let mut denied =
            stage.program(program).env("DATABASE_URL", url).env("API_LISTEN", "127.0.0.1:0").start();
        assert_eq!(denied.exit_code(GIVE_UP_AFTER).await, 1, "{}", denied.log());
        assert!(denied.log().contains("permission denied for schema public"), "{}", denied.log());
    }

    // Nobody else may even connect.
    server.run("CREATE ROLE stranger LOGIN PASSWORD 'stranger'").await;
    let url = server.url("stranger", "food_orders");
    let refused = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.err();
    let code = refused.as_ref().and_then(tokio_postgres::Error::code);
    assert_eq!(code, Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{refused:?}");

    stage.catch_up().await;
    assert_eq!(stage.check().await.records, 20);
}
