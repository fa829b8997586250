//! A proxy in front of Kafka that can remove the brokers from its answers. It then answers like a broker
//! that was frozen and has not rejoined its cluster yet.

use std::collections::HashMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const METADATA: i16 = 3;
/// The version that librdkafka asks for, and the only one that the parser below knows.
const METADATA_VERSION: i16 = 13;

/// Passes everything on, and replaces the broker's address with its own. Ends with the test's runtime.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    address: SocketAddr,
    hides: AtomicBool,
    hidden: AtomicU32,
}

impl Proxy {
    pub async fn before(bootstrap_servers: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = bootstrap_servers.parse().unwrap();
        let shared =
            Arc::new(Shared { target, address, hides: AtomicBool::new(false), hidden: AtomicU32::new(0) });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, serving.clone()));
            }
        });
        Self { address, shared }
    }

    /// Sets whether answers name no brokers from now on.
    pub fn hide_brokers(&self, hides: bool) {
        self.shared.hides.store(hides, Ordering::SeqCst);
    }

    /// The number of answers without brokers.
    pub fn hidden(&self) -> u32 {
        self.shared.hidden.load(Ordering::SeqCst)
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let server = TcpStream::connect(shared.target).await.unwrap();
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The correlation ids of metadata requests.
    let asked = Mutex::new(HashMap::new());
    tokio::select! {
        _ = requests(from_client, to_server, &asked) => {}
        _ = answers(from_server, to_client, &asked, &shared) => {}
    }
}

type Asked = Mutex<HashMap<i32, i16>>;

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: &Asked) -> std::io::Result<()> {
    loop {
        let frame = frame(&mut from).await?;
        let mut header = Cursor::new(&frame);
        let (key, version) = (header.read_i16().await?, header.read_i16().await?);
        if key == METADATA {
            let correlation = header.read_i32().await?;
            asked.lock().unwrap().insert(correlation, version);
        }
        send(&mut to, &frame).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Asked,
    shared: &Shared,
) -> std::io::Result<()> {
    loop {
        let mut frame = frame(&mut from).await?;
        let correlation = i32::from_be_bytes(frame[..4].try_into().unwrap());
        let version = asked.lock().unwrap().remove(&correlation);
        if let Some(version) = version
            && shared.hides.load(Ordering::SeqCst)
        {
            assert_eq!(version, METADATA_VERSION);
            without_brokers(&mut frame).await?;
            shared.hidden.fetch_add(1, Ordering::SeqCst);
        }
        name_this_proxy(&mut frame, shared);
        send(&mut to, &frame).await?;
    }
}

/// Reads a message and returns it without its length.
async fn frame(from: &mut OwnedReadHalf) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn send(to: &mut OwnedWriteHalf, frame: &[u8]) -> std::io::Result<()> {
    to.write_u32(frame.len() as u32).await?;
    to.write_all(frame).await
}

/// Empties the list of brokers of an answer.
async fn without_brokers(frame: &mut Vec<u8>) -> std::io::Result<()> {
    // After the correlation id, the empty tags and the throttle time.
    const BROKERS: usize = 4 + 1 + 4;
    let mut rest = Cursor::new(&frame[BROKERS..]);
    // Lengths are encoded as one more; each fits into a byte, since there are few brokers with short names.
    let brokers = rest.read_u8().await? - 1;
    for _ in 0..brokers {
        let _id = rest.read_i32().await?;
        for _ in 0..rest.read_u8().await? - 1 {
            rest.read_u8().await?;
        }
        let _port = rest.read_i32().await?;
        let (rack, tags) = (rest.read_u8().await?, rest.read_u8().await?);
        assert_eq!((rack, tags), (0, 0));
    }
    let end = BROKERS + rest.position() as usize;
    frame.splice(BROKERS..end, [1]);
    Ok(())
}

/// Replaces host and port of the broker in answers about the cluster and about coordinators.
fn name_this_proxy(frame: &mut [u8], shared: &Shared) {
    let named = |address: SocketAddr| {
        [address.ip().to_string().as_bytes(), &u32::from(address.port()).to_be_bytes()].concat()
    };
    let (theirs, ours) = (named(shared.target), named(shared.address));
    let length = ours.len();
    for at in 0..frame.len().saturating_sub(length - 1) {
        if frame[at..at + length] == theirs {
            frame[at..at + length].copy_from_slice(&ours);
        }
    }
}
