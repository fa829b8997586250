//! A network that misbehaves on command, between our programs and PostgreSQL.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A COMMIT in the protocol: the end of the text of a simple query, and the tag of its answer.
const COMMIT: &[u8] = b"COMMIT\0";

/// The names of the sessions whose commits can get lost: those of a lane, and of an operator's decisions.
const WRITERS: [&[u8]; 2] = [b"food-orders lane\0", b"food-orders dead-letters\0"];

/// What the network does to the bytes that pass through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Passes,
    /// Each piece is passed on after this time.
    Delays(Duration),
    /// Connections stay open, but nothing arrives.
    Swallows,
    /// New connections are closed immediately.
    Refuses,
}

/// What is lost, together with the connection, when a COMMIT is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostCommit {
    /// The COMMIT does not reach PostgreSQL.
    Request,
    /// PostgreSQL has committed, but its answer does not arrive.
    Answer,
}

/// A proxy with a port of its own. Dropping this ends it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    // The thread ends when this is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Shared {
    target: String,
    state: watch::Sender<(Network, u32)>,
    /// What the next COMMIT loses.
    next_loss: Mutex<Option<LostCommit>>,
    lost_commits: AtomicU32,
}

impl Proxy {
    /// Starts a proxy in front of the server that the URL names.
    pub fn in_front_of(database_url: &str) -> Self {
        Self::to(host_and_port(database_url).to_owned())
    }

    /// Starts a proxy in front of the server on this `host:port`.
    pub fn to(target: String) -> Self {
        let shared = Arc::new(Shared {
            target,
            state: watch::Sender::new((Network::Passes, 0)),
            next_loss: Mutex::new(None),
            lost_commits: AtomicU32::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = shared.clone();
        // A thread of its own, because the test's thread blocks while a server starts.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, shared, _stop: stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same URL with the address of this proxy.
    pub fn url(&self, database_url: &str) -> String {
        database_url.replacen(host_and_port(database_url), &self.address.to_string(), 1)
    }

    /// Changes what the network does, for existing and new connections.
    pub fn set(&self, network: Network) {
        self.shared.state.send_modify(|(now, _)| *now = network);
    }

    /// Ends all connections; new ones can be opened.
    pub fn cut(&self) {
        self.shared.state.send_modify(|(_, cuts)| *cuts += 1);
    }

    /// Makes the next COMMIT of a lane or of a decision, or its answer, get lost together with the connection.
    pub fn lose_next_commit(&self, lost: LostCommit) {
        *self.shared.next_loss.lock().unwrap() = Some(lost);
    }

    /// How many COMMITs have been lost so far.
    pub fn lost_commits(&self) -> u32 {
        self.shared.lost_commits.load(Ordering::SeqCst)
    }
}

fn host_and_port(url: &str) -> &str {
    let rest = url.split_once('@').expect("a URL with a user").1;
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        if shared.state.borrow().0 == Network::Refuses {
            continue;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(&shared.target).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let connection = Arc::new(Connection {
                state: shared.state.subscribe(),
                shared,
                drop_answer: AtomicBool::new(false),
            });
            let requests = requests(connection.clone(), from_client, to_server);
            let answers = answers(connection, from_server, to_client);
            // When one direction ends, the other ends as well, and both sockets are closed.
            tokio::select! { () = requests => {} () = answers => {} }
        });
    }
}

struct Connection {
    shared: Arc<Shared>,
    state: watch::Receiver<(Network, u32)>,
    /// Set when a COMMIT has been sent whose answer is to get lost.
    drop_answer: AtomicBool,
}

async fn requests(connection: Arc<Connection>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut state = connection.state.clone();
    let (mut buffer, mut writes) = (vec![0; 64 * 1024], false);
    loop {
        let Some(piece) = next(&mut state, &mut from, &mut buffer).await else { return };
        writes |= WRITERS.iter().any(|name| contains(piece, name));
        if writes && contains(piece, COMMIT) {
            let lost = connection.shared.next_loss.lock().unwrap().take();
            if lost.is_some() {
                connection.shared.lost_commits.fetch_add(1, Ordering::SeqCst);
            }
            match lost {
                Some(LostCommit::Request) => return,
                Some(LostCommit::Answer) => connection.drop_answer.store(true, Ordering::SeqCst),
                None => {}
            }
        }
        if !pass(&mut state, piece, &mut to).await {
            return;
        }
    }
}

async fn answers(connection: Arc<Connection>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut state = connection.state.clone();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Some(piece) = next(&mut state, &mut from, &mut buffer).await else { return };
        // The answer to the statement that is sent along with it may come first.
        if connection.drop_answer.load(Ordering::SeqCst) && contains(piece, COMMIT) {
            return;
        }
        if !pass(&mut state, piece, &mut to).await {
            return;
        }
    }
}

/// The next bytes; `None` if the connection is to end.
async fn next<'a>(
    state: &mut watch::Receiver<(Network, u32)>,
    from: &mut OwnedReadHalf,
    buffer: &'a mut [u8],
) -> Option<&'a [u8]> {
    let cuts = state.borrow().1;
    let length = tokio::select! {
        _ = state.wait_for(|(_, now)| *now != cuts) => return None,
        length = from.read(buffer) => length.ok()?,
    };
    (length > 0).then(|| &buffer[..length])
}

/// Passes bytes on as the network does now. Returns whether the connection stays open.
async fn pass(state: &mut watch::Receiver<(Network, u32)>, piece: &[u8], to: &mut OwnedWriteHalf) -> bool {
    let network = state.borrow().0;
    match network {
        Network::Swallows => return true,
        Network::Delays(time) => tokio::time::sleep(time).await,
        Network::Passes | Network::Refuses => {}
    }
    to.write_all(piece).await.is_ok()
}

fn contains(piece: &[u8], text: &[u8]) -> bool {
    piece.windows(text.len()).any(|window| window == text)
}
