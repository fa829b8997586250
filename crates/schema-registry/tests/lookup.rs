//! What is learned from a registry that answers about some ids only.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use clap::{Args, FromArgMatches};
use orders::SchemaId;
use schema_registry::{SchemaLookup, SchemaRegistryArgs};
use views::Database;
use views::apply::Codec;

/// A registry that has the schemas up to 100, has none up to 200 and fails at others. Returns its address, and the ids that
/// it was asked for.
fn registry() -> (String, Arc<Mutex<BTreeSet<u32>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let line = lines.next().unwrap().unwrap();
            let id: u32 = line.split(['/', ' ']).find_map(|word| word.parse().ok()).unwrap();
            while !lines.next().unwrap().unwrap().is_empty() {}
            noted.lock().unwrap().insert(id);
            let (status, body) = match id {
                ..=100 => ("200 OK", r#"{"schema":"{}","schemaType":"JSON"}"#),
                101..=200 => ("404 Not Found", r#"{"error_code":40403,"message":"Schema not found"}"#),
                _ => ("503 Service Unavailable", ""),
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    (url, asked)
}

#[tokio::test]
async fn an_answer_is_kept_although_another_one_fails_and_impossible_ids_are_not_asked_for() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let database = Database::parse(&servers.fresh_database().await.unwrap().into(), None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let (url, asked) = registry();
    let command =
        SchemaRegistryArgs::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.get_matches_from(["test", "--schema-registry-url", &url]);
    let registry = SchemaRegistryArgs::from_arg_matches(&matches).unwrap().validate().unwrap();
    let codec = Codec::new("t", 1000);
    let schemas = SchemaLookup::new(&codec.schemas, &database, registry);
    let ids = |ids: &[u32]| ids.iter().copied().map(SchemaId).collect::<BTreeSet<_>>();
    let framed = |id: u32| [&[0][..], &id.to_be_bytes(), b"x"].concat();
    let is_known = |id: u32| codec.schemas.now().missing(Some(&framed(id))).is_none();

    // Confluent's registry answers about the last one as if the path were wrong.
    let learned = schemas.learn(&ids(&[7, 150, u32::MAX])).await;
    assert!(learned.is_ok() && is_known(7) && is_known(150) && is_known(u32::MAX), "{learned:?}");
    assert_eq!(*asked.lock().unwrap(), BTreeSet::from([7, 150]));

    // They are asked for in their order, eight at a time, so the first ones were answered when the failure is noticed.
    let many: Vec<u32> = (1..=50).chain([300]).collect();
    assert!(schemas.learn(&ids(&many)).await.is_err());
    let known = (1..=50).filter(|id| is_known(*id)).count();
    assert!(known >= 40 && !is_known(300), "{known}");
    // The database keeps them, and the others are asked for next time.
    asked.lock().unwrap().clear();
    assert!(schemas.learn(&ids(&many)).await.is_err());
    assert!(asked.lock().unwrap().len() <= 11, "{asked:?}");
}
