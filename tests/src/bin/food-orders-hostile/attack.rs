//! The attacks: each is a number of clients that do the same.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use end_to_end::harness::TOKEN;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::data::{HOT, WIDE};
use super::http;

/// How many clients ask for answers and read none of them.
const DEAF_CLIENTS: usize = 2048;
/// How many clients ask for expensive answers and read them.
const GREEDY_CLIENTS: usize = 64;
/// Few connections are opened at once, so that the queue of the listener is not what is tested.
const OPENED_AT_ONCE: usize = 200;

#[derive(Clone)]
pub enum Attack {
    Nothing,
    /// Connections that send nothing.
    Idle(usize),
    /// Connections that send the head of a request byte by byte.
    SlowHeads(usize),
    /// Clients that ask for this and read nothing of the answer.
    Deaf(usize, String),
    /// Clients that ask for these again and again. If they are refused, they wait a second, as the answer says.
    Greedy(usize, &'static str, Vec<String>),
}

/// The clients, and the answers that they got.
pub struct Running {
    clients: JoinSet<()>,
    answers: Answers,
}

type Answers = Arc<Mutex<BTreeMap<String, usize>>>;

impl Attack {
    pub fn all(connections: usize, scans: usize) -> Vec<Self> {
        let greedy = |what, paths: &[String]| Self::Greedy(GREEDY_CLIENTS, what, paths.to_vec());
        let now = "as_of=2100-01-01T00:00:00Z";
        vec![
            Self::Nothing,
            Self::Idle(connections),
            Self::SlowHeads(connections),
            Self::Deaf(DEAF_CLIENTS, "/orders?sort=order_id&limit=1000".into()),
            Self::Greedy(
                scans,
                "scans of the history",
                vec![format!("/orders?{now}&limit=1000"), format!("/stats?{now}")],
            ),
            greedy(
                "records of 100 000 fields",
                &[
                    format!("/orders/{WIDE}"),
                    format!("/orders/{WIDE}/history"),
                    format!("/orders/{WIDE}?{now}"),
                ],
            ),
            greedy(
                "orders of a megabyte",
                &[
                    "/orders?sort=order_id&limit=1000".into(),
                    format!("/orders?sort=order_id&limit=1000&{now}"),
                    "/orders/C-LARGE-7".into(),
                ],
            ),
            greedy(
                "an order of 50 000 records",
                &[
                    format!("/orders/{HOT}/history"),
                    format!("/orders/{HOT}?{now}"),
                    format!("/orders/{HOT}?as_of=2000-01-01"),
                ],
            ),
            greedy("questions about rebuilds", &["/rebuilds?limit=1000".into()]),
            Self::Greedy(
                scans,
                "waits for positions that never come",
                vec!["/orders/ORD-000007?after=0=99999999999&wait_ms=30000".into()],
            ),
            greedy(
                "dead letters",
                &[
                    "/dead-letters?limit=1000".into(),
                    "/dead-letters?state=open&cause=wrong_type&limit=1000".into(),
                ],
            ),
        ]
    }

    pub fn name(&self) -> String {
        match self {
            Self::Nothing => "none".into(),
            Self::Idle(connections) => format!("{connections} idle connections"),
            Self::SlowHeads(connections) => format!("{connections} slow requests"),
            Self::Deaf(clients, _) => format!("{clients} clients that do not read"),
            Self::Greedy(clients, what, _) => format!("{clients} clients: {what}"),
        }
    }

    pub fn start(&self, address: SocketAddr) -> Running {
        let (mut clients, answers) = (JoinSet::new(), Answers::default());
        let count = match self {
            Self::Nothing => 0,
            Self::Idle(count) | Self::SlowHeads(count) | Self::Deaf(count, _) | Self::Greedy(count, ..) => {
                *count
            }
        };
        for number in 0..count {
            let (attack, answers) = (self.clone(), Arc::clone(&answers));
            clients.spawn(async move {
                tokio::time::sleep(Duration::from_millis((number / OPENED_AT_ONCE) as u64 * 20)).await;
                loop {
                    let answer = attack.once(address, number).await;
                    *answers.lock().unwrap().entry(answer).or_default() += 1;
                }
            });
        }
        Running { clients, answers }
    }

    /// What one client does once, and what it got.
    async fn once(&self, address: SocketAddr, number: usize) -> String {
        let done = match self {
            Self::Nothing => return std::future::pending().await,
            Self::Idle(_) => idle(address).await,
            Self::SlowHeads(_) => slow_head(address).await,
            Self::Deaf(_, path) => deaf(address, path).await,
            Self::Greedy(_, _, paths) => greedy(address, &paths[number % paths.len()]).await,
        };
        match done {
            Ok(answer) => answer,
            Err(error) => {
                // A client that was refused a connection tries again after a moment.
                tokio::time::sleep(Duration::from_secs(1)).await;
                error.kind().to_string()
            }
        }
    }
}

impl Running {
    /// Ends the clients.
    pub async fn end(mut self) -> BTreeMap<String, usize> {
        self.clients.shutdown().await;
        self.answers.lock().unwrap().clone()
    }
}

/// Until the server closes the connection.
async fn idle(address: SocketAddr) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    stream.readable().await?;
    Ok("closed".into())
}

async fn slow_head(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /orders HTTP/1.1\r\nHost: api\r\nX-Padding: ").await?;
    loop {
        tokio::select! {
            readable = stream.readable() => return readable.map(|()| "closed".into()),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        stream.write_all(b"x").await?;
    }
}

async fn deaf(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = http::connect_reluctantly(address).await?;
    http::send(&mut stream, path, "").await?;
    // Longer than any server should wait.
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok("held for a minute".into())
}

async fn greedy(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let status =
        http::get(address, path, &format!("Authorization: Bearer {TOKEN}\r\nAccept-Encoding: gzip\r\n"))
            .await?;
    // As the answer asks by `Retry-After`.
    if status == 503 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(status.to_string())
}
