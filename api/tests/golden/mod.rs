//! The answers of the API about one fixed log, byte for byte, in `answers.txt`.
//!
//! The records are written through the apply path of the consumer, and nothing here names a table of a build: the
//! layout of those tables may change, the answers may not. `UPDATE_GOLDEN=1` writes `answers.txt` again. It keeps
//! the bodies that a reader of a difference needs, and hashes of the others: `GOLDEN_BODIES=FILE` writes all bodies to
//! FILE, so that those of two versions of the program can be compared with `diff`.

mod answers;
mod ask;
mod cuts;
mod lives;
mod log;
mod merges;
mod refused;
mod shapes;
mod texts;

use std::path::Path;

use orders::{LogIdentity, Partition};
use secrecy::SecretString;
use views::apply::Codec;
use views::lane::{Lane, LaneOptions};
use views::{Build, Database, SessionKind, SynchronousCommit};

use self::answers::Answers;
use self::ask::Asker;
use self::log::{Log, PARTITIONS};
use crate::world::{Api, NOWHERE, TOKEN};

const TOPIC: &str = "golden";
/// The limit of the build. A retry through the API admits a larger record, because the API has the higher default limit.
const MAX_RECORD_BYTES: usize = 1500;

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_are_the_same_bytes_as_ever() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let database_url = servers.fresh_database().await.unwrap();
    let flags = ["--api-admin-token", TOKEN, "--kafka-bootstrap-servers", NOWHERE, "--kafka-topic", TOPIC];
    let api = Api::start(&database_url, &flags).await;
    api.until("ready", async || api.get("/health/ready").await.status() == 200).await;

    let log = records();
    let database = Database::parse(&SecretString::from(database_url.as_str()), None).unwrap();
    apply(&database, &log).await;
    let sql = local_stack::sql_client(&database_url, None).await.unwrap();
    sql.batch_execute("SET TIME ZONE 'UTC'").await.unwrap();

    let mut asker = Asker { api: &api, answers: Answers::default() };
    asker.decide(&log).await;
    asker.ask_about_now(&log).await;
    asker.ask_about_cuts(&log).await;
    asker.ask_for_views(&sql).await;
    asker.answers.check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/answers.txt"));
}

fn records() -> Log {
    let mut log = Log::default();
    log.append_mixed(shapes::orders().into_iter().chain(merges::orders()).chain(lives::orders()).collect());
    log.append_mixed(vec![refused::records()]);
    log
}

/// Applies the records in batches of several sizes, and through two lanes: a row is then written first, brought
/// up to date by the upsert, and merged with what the database holds.
async fn apply(database: &Database, log: &Log) {
    let session = database.session("golden", SessionKind::Short).await.unwrap();
    let identity = LogIdentity {
        cluster_id: "golden-cluster".into(),
        topic: TOPIC.into(),
        topic_id: None,
        partitions: PARTITIONS as i32,
    };
    Build(1).record_log_identity(&session, &identity).await.unwrap();
    let records = log.records();
    let mut rest = records.as_slice();
    for owner in ["the first", "the second"] {
        let mut lane = Lane::new(LaneOptions {
            database: database.clone(),
            codec: Codec::new(TOPIC, MAX_RECORD_BYTES),
            group: None,
            owner: owner.into(),
            synchronous_commit: SynchronousCommit::Off,
            has_breaker: false,
        });
        let partitions: Vec<_> = (0..PARTITIONS as i32).map(Partition).collect();
        lane.claim(&partitions).await.unwrap();
        for size in [1, 2, 5, 13, 34, 89] {
            let (batch, after) = rest.split_at(size);
            lane.apply(batch, &[]).await.unwrap();
            rest = after;
        }
        if owner == "the second" {
            lane.apply(rest, &[]).await.unwrap();
        }
    }
}
