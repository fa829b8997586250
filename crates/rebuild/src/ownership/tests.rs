use event_log::KafkaSettings;
use local_stack::TestServers;
use schema_registry::SchemaLookup;
use views::Database;
use views::apply::Codec;
use views::rebuild::{NewRebuild, SwitchMode};

use super::*;

/// Settings with a fresh database and without a broker.
async fn settings() -> Settings {
    let url = TestServers::shared().await.unwrap().fresh_database().await.unwrap();
    let database = Database::parse(&url.into(), None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let codec = Codec::new("food-orders", 10_000);
    let schemas = SchemaLookup::new(&codec.schemas, &database, None);
    let kafka = KafkaSettings::new("127.0.0.1:1", "food-orders");
    Settings { database, kafka, codec, schemas, process: "test".into() }
}

/// The server has not yet ended the session that the process has lost.
#[tokio::test]
async fn the_process_that_drives_a_rebuild_waits_for_the_lock_that_it_has_lost() {
    let settings = settings().await;
    let session = open_session(&settings).await.unwrap();
    let name = owner_name(&settings);
    let new =
        NewRebuild { view: ORDERS, switch: SwitchMode::Auto, keep_history: None, parts: None, runner: &name };
    let rebuild = rows::insert(&session, &new).await.unwrap();
    let owner = RowOwner { rebuild, name };
    let lost = RunnerLock::take(&settings.database, ORDERS).await.unwrap();
    assert!(matches!(try_lock(&settings, ORDERS, Some(&owner)).await, Err(Error::LockHeld { .. })));

    let ends = async {
        // No wait: the time for which the server keeps the session.
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(lost);
    };
    let (taken, ()) = tokio::join!(take_lock_again(&settings, ORDERS, &owner), ends);
    let _held = taken.unwrap();
    // Another process does not wait, and neither does one whose rebuild another process has adopted.
    assert!(matches!(take_lock(&settings, ORDERS).await, Err(Error::AlreadyRunning { .. })));
    let earlier = RowOwner { rebuild, name: "an earlier process".into() };
    assert!(matches!(take_lock_again(&settings, ORDERS, &earlier).await, Err(Error::NotOwner)));
}
