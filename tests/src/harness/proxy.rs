//! A network that misbehaves on command, between our programs and PostgreSQL.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a COMMIT is sent: a message of kind Q.
const COMMIT: &[u8] = b"COMMIT\0";

/// What the network does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Passes,
    /// Each piece waits so long.
    Delays(Duration),
    /// Connections stay open, and nothing arrives.
    Swallows,
    /// New connections are closed at once.
    Refuses,
}

/// What is lost of the next COMMIT, with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// PostgreSQL never hears of it.
    Request,
    /// PostgreSQL has committed.
    Answer,
}

/// Listens on a port of its own. Ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    // The thread ends when this goes.
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Shared {
    target: String,
    state: watch::Sender<(Network, u32)>,
    trap: Mutex<Option<Lost>>,
    sprung: AtomicU32,
}

impl Proxy {
    /// In front of the server that the URL names.
    pub fn before(database_url: &str) -> Self {
        let target = host_and_port(database_url).to_owned();
        let shared = Arc::new(Shared {
            target,
            state: watch::Sender::new((Network::Passes, 0)),
            trap: Mutex::new(None),
            sprung: AtomicU32::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = shared.clone();
        // Goes on while the test's own thread waits for a server to start.
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

    /// The same URL, by way of this proxy.
    pub fn url(&self, database_url: &str) -> String {
        database_url.replacen(host_and_port(database_url), &self.address.to_string(), 1)
    }

    /// From now on, for connections old and new.
    pub fn set(&self, network: Network) {
        self.shared.state.send_modify(|(now, _)| *now = network);
    }

    /// Ends all connections; new ones may come.
    pub fn cut(&self) {
        self.shared.state.send_modify(|(_, cuts)| *cuts += 1);
    }

    /// The next COMMIT of a lane takes its connection with it.
    pub fn lose_next_commit(&self, lost: Lost) {
        *self.shared.trap.lock().unwrap() = Some(lost);
    }

    /// How many COMMITs were lost so far.
    pub fn lost_commits(&self) -> u32 {
        self.shared.sprung.load(Ordering::SeqCst)
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
            // Whichever ends first takes the other with it, and both sockets.
            tokio::select! { () = requests => {} () = answers => {} }
        });
    }
}

struct Connection {
    shared: Arc<Shared>,
    state: watch::Receiver<(Network, u32)>,
    /// A COMMIT is under way, and its answer is not to arrive.
    drop_answer: AtomicBool,
}

async fn requests(connection: Arc<Connection>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut state = connection.state.clone();
    let (mut buffer, mut is_lane) = (vec![0; 64 * 1024], false);
    loop {
        let Some(piece) = next(&mut state, &mut from, &mut buffer).await else { return };
        is_lane |= contains(piece, b"food-orders lane\0");
        if is_lane && contains(piece, COMMIT) {
            let lost = connection.shared.trap.lock().unwrap().take();
            if lost.is_some() {
                connection.shared.sprung.fetch_add(1, Ordering::SeqCst);
            }
            match lost {
                Some(Lost::Request) => return,
                Some(Lost::Answer) => connection.drop_answer.store(true, Ordering::SeqCst),
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
        if connection.drop_answer.load(Ordering::SeqCst) {
            return;
        }
        if !pass(&mut state, piece, &mut to).await {
            return;
        }
    }
}

/// What comes next; nothing if the connection is to end.
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

/// Whether the connection goes on.
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
