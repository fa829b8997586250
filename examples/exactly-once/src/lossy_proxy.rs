//! A network between a producer and the broker that loses one answer.
//!
//! Kafka's messages begin with their length. A request begins with the number of its kind, and its answer has the number of
//! the request. A client learns from the broker where the broker is, so this proxy puts its own port into those answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{Result, failed};

/// The kind of request that appends records.
const PRODUCE: [u8; 2] = [0, 0];
/// Far longer than any message of a scene.
const MAX_BYTES: usize = 16 << 20;

/// Passes on everything but the first answer about records that were appended: then it closes the connection instead.
pub struct LossyProxy {
    pub address: SocketAddr,
    route: Arc<Route>,
    accepting: JoinHandle<()>,
}

/// What all connections share.
struct Route {
    broker: String,
    /// The ports as they stand in answers.
    ports: [[u8; 4]; 2],
    has_lost: AtomicBool,
}

impl LossyProxy {
    pub async fn before(broker: &str) -> Result<Self> {
        let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let port = port.ok_or_else(|| failed(format!("{broker:?} is not of the form HOST:PORT")))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ports = [port, address.port()].map(|port| i32::from(port).to_be_bytes());
        let route = Arc::new(Route { broker: broker.to_owned(), ports, has_lost: AtomicBool::new(false) });
        let passed = Arc::clone(&route);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, Arc::clone(&passed)));
            }
        });
        Ok(Self { address, route, accepting })
    }

    /// Whether an answer was lost. None is if another broker is the leader: its answers do not come through here.
    pub fn has_lost(&self) -> bool {
        self.route.has_lost.load(Ordering::Relaxed)
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Passes on requests and answers until one side closes its connection. A client of the scenes has one request of a
/// connection under way at a time.
async fn pass(client: TcpStream, route: Arc<Route>) -> Option<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = TcpStream::connect(&route.broker).await.ok()?.into_split();
    loop {
        let request = read(&mut from_client).await?;
        write(&mut to_broker, &request).await?;
        let mut answer = read(&mut from_broker).await?;
        if request.starts_with(&PRODUCE) && !route.has_lost.swap(true, Ordering::Relaxed) {
            return None;
        }
        replace(&mut answer, route.ports);
        write(&mut to_client, &answer).await?;
    }
}

async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await.ok()?).ok().filter(|length| *length <= MAX_BYTES)?;
    let mut message = vec![0; length];
    from.read_exact(&mut message).await.ok()?;
    Some(message)
}

async fn write(to: &mut OwnedWriteHalf, message: &[u8]) -> Option<()> {
    to.write_i32(i32::try_from(message.len()).ok()?).await.ok()?;
    to.write_all(message).await.ok()
}

fn replace(message: &mut [u8], [from, to]: [[u8; 4]; 2]) {
    for at in 0..message.len().saturating_sub(3) {
        if message[at..at + 4] == from {
            message[at..at + 4].copy_from_slice(&to);
        }
    }
}
