use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::*;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn shell(health: &Health) -> Shell {
    Shell {
        stop: CancellationToken::new(),
        stop_signal: std::sync::Arc::default(),
        health: health.clone(),
        metrics: Metrics::detached().unwrap(),
        shutdown_timeout: Duration::from_secs(20),
    }
}

async fn server(health: &Health) -> ProbeServer {
    ProbeServer::bind(LOCAL, health.clone(), Metrics::detached().unwrap()).await.unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn probes_turn_red_and_green() {
    let health = Health::expecting(&["kafka"]);
    let server = server(&health).await;
    let address = server.address;
    let serving = tokio::spawn(server.run());

    assert!(get(address, "/health/live").await.starts_with("HTTP/1.1 200"));
    let red = get(address, "/health/ready").await;
    assert!(red.starts_with("HTTP/1.1 503"), "{red}");
    for part in [r#""kafka":"not known yet""#, r#""started":"still starting""#, r#""status":"failing""#] {
        assert!(red.contains(part), "{red}");
    }
    health.set_started();
    health.set("kafka", Ok::<_, String>(()));
    assert!(get(address, "/health/ready").await.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/metrics").await.contains("text/plain; version=0.0.4"));
    serving.abort();
}

#[tokio::test]
async fn the_process_fails_with_its_probe_server() {
    let mut server = server(&Health::default()).await;
    server.give_up_after = Duration::from_millis(100);
    let address = server.address;
    // A socket that was shut down accepts nothing any more: accept(2) answers EINVAL.
    let listening: OwnedFd = server.listener.as_fd().try_clone_to_owned().unwrap();
    std::net::TcpStream::from(listening).shutdown(Shutdown::Both).unwrap();
    let failure = tokio::time::timeout(Duration::from_secs(10), server.run()).await.unwrap();
    assert_eq!(failure.exit, Exit::Unexpected);
    let begins = format!("/health and /metrics are not served at {address} any longer: Invalid argument");
    assert!(failure.message.starts_with(&begins), "{failure}");
}

#[tokio::test]
async fn the_program_ends_first_where_nothing_fails() {
    let health = Health::default();
    let program = async { Err(Failure::new(Exit::Difference, "the program's own")) };
    let failure = shell(&health).with_probes(Some(LOCAL), program).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Difference);
    assert!(shell(&health).with_probes(None, async { Ok(()) }).await.is_ok());
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_setting_that_cannot_work() {
    let health = Health::default();
    let holder = TcpListener::bind(LOCAL).await.unwrap();
    let address = holder.local_addr().unwrap();
    let failure = shell(&health).with_probes(Some(address), async { Ok(()) }).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let begins = format!("METRICS_LISTEN is {address}, which cannot be listened on: ");
    assert!(failure.message.starts_with(&begins), "{failure}");
    assert_ne!(server(&health).await.address.port(), 0, "port 0 takes a free port");
}
