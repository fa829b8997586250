//! What tests of lanes begin with.

use secrecy::SecretString;
use views::apply::Codec;
use views::lane::{Lane, LaneOptions};
use views::{Database, SynchronousCommit};

/// A new database with tables, and its URL.
pub async fn database() -> (Database, String) {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let database = Database::parse(&SecretString::from(url.as_str()), None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    (database, url)
}

/// A lane that has claimed nothing yet.
pub fn lane(database: &Database, owner: &str) -> Lane {
    Lane::new(LaneOptions {
        database: database.clone(),
        codec: Codec { topic: "food-orders".into(), max_record_bytes: 1_000_000 },
        group: None,
        owner: owner.into(),
        synchronous_commit: SynchronousCommit::Off,
        has_breaker: false,
    })
}
