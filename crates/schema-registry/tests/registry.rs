//! What is sent to a registry that asks for a user, and what its answers mean. Apicurio Registry knows users only from
//! another server, so here a few lines answer as a registry behind basic authentication does.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use clap::{Args, FromArgMatches};
use orders::SchemaId;
use schema_registry::{Error, SchemaRegistry, SchemaRegistryArgs};

/// Gives these answers to one request each, and returns the heads and bodies of the requests.
fn answering(
    answers: Vec<(&'static str, &'static str)>,
) -> (String, std::thread::JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(reader.read_line(&mut head).unwrap() > 0, "the request ended early: {head}");
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut content = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            reader.read_exact(&mut content).unwrap();
            requests.push((head, String::from_utf8(content).unwrap()));
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
        requests
    });
    (url, server)
}

fn registry(url: &str, more: &[&str]) -> SchemaRegistry {
    let command =
        SchemaRegistryArgs::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.get_matches_from([&["test", "--schema-registry-url", url], more].concat());
    SchemaRegistryArgs::from_arg_matches(&matches).unwrap().validate().unwrap().unwrap()
}

#[tokio::test]
async fn the_user_and_the_password_are_sent_and_a_schema_is_read() {
    let answers = vec![
        ("200 OK", r#"{"schema":"\"string\""}"#),
        (
            "200 OK",
            r#"{"schema":"{}","schemaType":"JSON","references":[{"name":"a","subject":"b","version":1}]}"#,
        ),
        ("200 OK", r#"{"id":7}"#),
    ];
    let (url, server) = answering(answers);
    let user = ["--schema-registry-username", "reader", "--schema-registry-password", "p:w"];
    let registry = registry(&url, &user);
    let avro = registry.schema(SchemaId(3)).await.unwrap().unwrap();
    assert_eq!(
        (avro.schema_type.as_str(), avro.text.as_str(), avro.has_references),
        ("AVRO", "\"string\"", false)
    );
    let json = registry.schema(SchemaId(4)).await.unwrap().unwrap();
    assert_eq!((json.schema_type.as_str(), json.has_references), ("JSON", true));
    assert_eq!(registry.register("t-value", "AVRO", "\"int\"").await.unwrap(), SchemaId(7));
    let requests = server.join().unwrap();
    let lines: Vec<&str> = requests.iter().filter_map(|(head, _)| head.lines().next()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/schemas/ids/3 HTTP/1.1",
            "GET /api/schemas/ids/4 HTTP/1.1",
            "POST /api/subjects/t-value/versions HTTP/1.1"
        ]
    );
    // base64 of reader:p:w
    assert!(
        requests.iter().all(|(head, _)| head.contains("authorization: Basic cmVhZGVyOnA6dw==\r\n")),
        "{requests:?}"
    );
    assert_eq!(requests[2].1, r#"{"schema":"\"int\"","schemaType":"AVRO"}"#);
}

#[tokio::test]
async fn only_the_registrys_own_answer_means_that_there_is_no_schema() {
    let answers = vec![
        ("404 Not Found", r#"{"error_code":40403,"message":"Schema not found"}"#),
        ("404 Not Found", "<html>nothing here</html>"),
        ("404 Not Found", r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        ("401 Unauthorized", r#"{"error_code":401,"message":"Unauthorized"}"#),
        ("503 Service Unavailable", ""),
        ("429 Too Many Requests", r#"{"error_code":429,"message":"slower"}"#),
        ("200 OK", "welcome"),
    ];
    let (url, server) = answering(answers);
    let registry = registry(&url, &[]);
    assert_eq!(registry.schema(SchemaId(1)).await.unwrap(), None);
    let mut errors = Vec::new();
    for _ in 0..6 {
        errors.push(registry.schema(SchemaId(1)).await.unwrap_err());
    }
    server.join().unwrap();
    let is_passing: Vec<bool> = errors.iter().map(Error::is_passing).collect();
    assert_eq!(is_passing, [false, false, false, true, true, false]);
    let expected = [
        "is not a schema registry with Confluent's API (404: <html>nothing here</html>); check SCHEMA_REGISTRY_URL",
        "(404: HTTP 404 Not Found)",
        "refuses the user (401); check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD",
        "answers 503: an answer without text",
        "answers 429: slower",
        "(200: welcome)",
    ];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.to_string().contains(expected), "{error}");
    }
    // Nobody listens any more.
    let away = registry.schema(SchemaId(1)).await.unwrap_err();
    assert!(
        away.is_passing() && away.to_string().contains("cannot be reached: Connection refused"),
        "{away}"
    );
}
