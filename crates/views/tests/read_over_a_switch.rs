//! Readers while builds are switched and dropped under them: each sees one build, whole.
#![allow(clippy::unwrap_used)] // a test

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use views::read::{Filter, Reader, Sort};
use views::{Database, Session, builds};

/// A new build with one order that is named after it, switched in; the one before is dropped.
async fn switch(session: &mut Session) -> i64 {
    let before = builds::active(&session.client).await.unwrap().build;
    let tx = session.client.transaction().await.unwrap();
    let build = builds::create(&tx).await.unwrap();
    builds::add_indexes(&tx, build).await.unwrap();
    tx.batch_execute(&format!(
        "INSERT INTO build_{build}.orders (order_id, status, last_updated, sequence, first_sequence)
         VALUES ('of build {build}', 'pending', now(), 1, 1)"
    ))
    .await
    .unwrap();
    builds::activate(&tx, build).await.unwrap();
    tx.commit().await.unwrap();
    // It may meet readers that still hold what it drops: a deadlock, to be tried again.
    loop {
        let tx = session.client.transaction().await.unwrap();
        if builds::discard(&tx, before).await.is_ok() {
            tx.commit().await.unwrap();
            break;
        }
    }
    build
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_an_error_or_a_mixture() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = SecretString::from(servers.fresh_database().await.unwrap());
    let database = Database::parse(&url, None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let mut session = database.session("test", &[]).await.unwrap();
    let first = switch(&mut session).await;
    let reader =
        Arc::new(Reader::new(&database, 4, Duration::from_secs(5), Duration::from_secs(10)).unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (reader, over) = (Arc::clone(&reader), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut reads, mut last) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    let list =
                        reader.orders(&Filter::default(), Sort::OrderId, None, 10, None).await.unwrap();
                    let ids: Vec<_> = list.value.iter().map(|order| order.order_id.clone()).collect();
                    assert_eq!(ids, [format!("of build {}", list.head.build)]);
                    assert!(list.head.build >= last, "never back");
                    last = list.head.build;
                    reads += 1;
                }
                (reads, last)
            })
        })
        .collect();
    let mut latest = first;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        latest = switch(&mut session).await;
    }
    // Whoever reads after the last switch sees its build.
    assert_eq!(reader.head().await.unwrap().build, latest);
    over.store(true, Ordering::Relaxed);
    for one in readers {
        let (reads, last) = one.await.unwrap();
        assert!(reads > 10 && last > first, "{reads} reads up to build {last}");
    }
}
