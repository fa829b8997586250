//! A proxy in front of Kafka that can change its answers: it removes the brokers, as a broker does that was
//! frozen and has not rejoined its cluster yet; it lowers the ends of partitions, as a leader does that has
//! just taken over; or it passes them on slowly.

use std::collections::HashMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const METADATA: i16 = 3;
/// The version that librdkafka asks for, and the only one that the parser below knows.
const METADATA_VERSION: i16 = 13;
const FETCH: i16 = 1;
/// From this version on, the answer to a fetch names topics by their ids.
const FETCH_VERSION: i16 = 13;
/// A slow proxy pauses after as many bytes.
const PIECE: usize = 16 * 1024;

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
    /// The highest end that answers to fetches show.
    highest_end: AtomicI64,
    lowered: AtomicU32,
    /// In bytes per second; 0 means no limit.
    rate: AtomicU64,
    passed_bytes: AtomicU64,
}

impl Proxy {
    pub async fn before(bootstrap_servers: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = bootstrap_servers.parse().unwrap();
        let shared = Arc::new(Shared {
            target,
            address,
            hides: AtomicBool::new(false),
            hidden: AtomicU32::new(0),
            highest_end: AtomicI64::new(i64::MAX),
            lowered: AtomicU32::new(0),
            rate: AtomicU64::new(0),
            passed_bytes: AtomicU64::new(0),
        });
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

    /// Answers to fetches show no end beyond this one, and no records. There must be one topic with one
    /// partition.
    pub fn lower_ends(&self, highest: Option<i64>) {
        self.shared.highest_end.store(highest.unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// The number of answers with a lowered end.
    pub fn lowered(&self) -> u32 {
        self.shared.lowered.load(Ordering::SeqCst)
    }

    /// Passes answers on with this many bytes per second on each connection.
    pub fn limit_rate(&self, bytes_per_second: u64) {
        self.shared.rate.store(bytes_per_second, Ordering::SeqCst);
    }

    /// The bytes of all answers that were passed on.
    pub fn passed_bytes(&self) -> u64 {
        self.shared.passed_bytes.load(Ordering::SeqCst)
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
    // The kinds and versions of the requests that will be looked at when they are answered.
    let asked = Mutex::new(HashMap::new());
    tokio::select! {
        _ = requests(from_client, to_server, &asked) => {}
        _ = answers(from_server, to_client, &asked, &shared) => {}
    }
}

type Asked = Mutex<HashMap<i32, (i16, i16)>>;

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: &Asked) -> std::io::Result<()> {
    loop {
        let frame = frame(&mut from).await?;
        let mut header = Cursor::new(&frame);
        let (key, version) = (header.read_i16().await?, header.read_i16().await?);
        if [METADATA, FETCH].contains(&key) {
            let correlation = header.read_i32().await?;
            asked.lock().unwrap().insert(correlation, (key, version));
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
        let request = asked.lock().unwrap().remove(&correlation);
        match request {
            Some((METADATA, version)) if shared.hides.load(Ordering::SeqCst) => {
                assert_eq!(version, METADATA_VERSION);
                without_brokers(&mut frame).await?;
                shared.hidden.fetch_add(1, Ordering::SeqCst);
            }
            Some((FETCH, version)) => {
                let highest = shared.highest_end.load(Ordering::SeqCst);
                if version >= FETCH_VERSION && with_lower_end(&mut frame, highest) {
                    shared.lowered.fetch_add(1, Ordering::SeqCst);
                }
            }
            _ => {}
        }
        name_this_proxy(&mut frame, shared);
        let rate = shared.rate.load(Ordering::SeqCst);
        to.write_u32(frame.len() as u32).await?;
        for piece in frame.chunks(PIECE) {
            to.write_all(piece).await?;
            shared.passed_bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
            if rate > 0 {
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
            }
        }
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

/// Lowers the end of the only partition in an answer to a fetch, and removes its records. Returns whether there
/// was anything to lower.
fn with_lower_end(frame: &mut Vec<u8>, highest: i64) -> bool {
    // After the correlation id, the empty tags, the throttle time, the error and the session.
    const TOPICS: usize = 4 + 1 + 4 + 2 + 4;
    // After the number of topics, the topic's id, the number of partitions, the partition and its error. Numbers
    // are encoded as one more.
    const END: usize = TOPICS + 1 + 16 + 1 + 4 + 2;
    if frame.get(TOPICS) != Some(&2) || frame.get(TOPICS + 1 + 16) != Some(&2) {
        return false;
    }
    let end = i64::from_be_bytes(frame[END..END + 8].try_into().unwrap());
    if end <= highest {
        return false;
    }
    frame[END..END + 8].copy_from_slice(&highest.to_be_bytes());
    // The last stable offset; then the beginning of the log.
    frame[END + 8..END + 16].copy_from_slice(&highest.to_be_bytes());
    let aborted = END + 24;
    assert!(frame[aborted] <= 1, "no transactions here");
    // After the preferred replica.
    let records = aborted + 1 + 4;
    let (mut length, mut shift, mut at) = (0_usize, 0, records);
    loop {
        let byte = frame[at];
        length |= usize::from(byte & 0x7f) << shift;
        (shift, at) = (shift + 7, at + 1);
        if byte & 0x80 == 0 {
            break;
        }
    }
    frame.splice(records..at + length.saturating_sub(1), [1]);
    true
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
