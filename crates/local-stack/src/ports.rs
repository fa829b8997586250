//! Ports on 127.0.0.1: finding a free one, and telling whether a given one is free.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{fs, io};

use crate::error::{Attempt, Error, Result};
use crate::process;

/// Below the ports that Linux gives to outgoing connections and to programs that ask for any (32768 and up),
/// because those are taken and released all the time.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// How many free ports a server is started on before its failure counts.
const FREE_PORT_ATTEMPTS: u32 = 3;

/// A port that was free a moment ago. Another program may take it first: a caller that starts a server on it
/// should try again.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let offset = (uuid::Uuid::new_v4().as_u128() % u128::from(COUNT)) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + offset)).is_ok() {
            return Ok(FIRST + offset);
        }
    }
    Err(Error::NoFreePort { first: FIRST, last: FIRST + COUNT - 1 })
}

/// A connection. Connecting, each read and each write may take this long.
pub(crate) fn connect(address: impl Into<SocketAddr>, limit: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address.into(), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// Whether a program accepts connections on the port.
pub(crate) fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Fails if another program listens on the port, and names that program where it can be known.
pub fn require_free(server: &'static str, port: u16, setting: &'static str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            Err(Error::PortBusy { server, port, holder: holder(port).unwrap_or_default(), setting })
        }
        Err(e) => Err(e).attempt(format!("listening on port {port} for {server}")),
    }
}

/// Starts a server on the wanted port, or on a free one if that is 0. A free port that another program took
/// first is replaced by another one.
pub(crate) fn start_on<T>(
    server: &'static str,
    wanted: u16,
    setting: &'static str,
    start: impl Fn(u16) -> Result<T>,
) -> Result<T> {
    if wanted != 0 {
        require_free(server, wanted, setting)?;
        return start(wanted);
    }
    let mut attempts = 1;
    loop {
        let port = free_port()?;
        match start(port) {
            Err(Error::NotStarted { .. })
                if attempts < FREE_PORT_ATTEMPTS && require_free(server, port, setting).is_err() =>
            {
                attempts += 1;
            }
            result => return result,
        }
    }
}

/// " by postgres (pid 812)", from /proc. Processes of other users stay unknown, except to root.
fn holder(port: u16) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for pid in process::all_pids() {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        let holds = descriptors
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()));
        if holds {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            return Some(format!(" by {} (pid {pid})", name.trim()));
        }
    }
    None
}

/// The inodes of the sockets that listen on this port, from a table like /proc/net/tcp.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&suffix) && fields[3] == LISTEN)
        .map(|fields| fields[9].to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_holder() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = require_free("Kafka", port, "--kafka-port").unwrap_err().to_string();
        assert!(error.contains(&format!("port {port}, which Kafka needs, is in use")), "{error}");
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
        assert!(error.contains("--kafka-port"), "{error}");
        drop(listener);
        require_free("Kafka", port, "--kafka-port").unwrap();
    }

    fn not_started() -> Error {
        let (server, cause) = ("Kafka".to_owned(), "a test".to_owned());
        Error::NotStarted { server, cause, log: "log".into(), excerpt: String::new() }
    }

    #[test]
    fn a_free_port_that_was_taken_first_is_replaced() {
        let (attempts, taken) = (AtomicU32::new(0), std::sync::Mutex::new(Vec::new()));
        let started = start_on("Kafka", 0, "", |port| {
            if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                taken.lock().unwrap().push(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
                return Err(not_started());
            }
            Ok(port)
        });
        assert!(started.is_ok());
        assert_eq!(attempts.into_inner(), 3);
    }

    #[test]
    fn a_server_that_fails_on_a_port_of_its_own_is_not_started_again() {
        let attempts = AtomicU32::new(0);
        let result = start_on("Kafka", 0, "", |_| -> Result<()> {
            attempts.fetch_add(1, Ordering::Relaxed);
            Err(not_started())
        });
        assert!(matches!(result, Err(Error::NotStarted { .. })));
        assert_eq!(attempts.into_inner(), 1);
    }
}
