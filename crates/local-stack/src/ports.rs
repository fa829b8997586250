//! Ports on 127.0.0.1: a free one, and whether a wanted one is free.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Attempt, Error, Result};
use crate::process;

/// Below the ports that Linux gives to outgoing connections and to programs that ask for any (32768 and up): those change too often.
const FIRST: u16 = 20_000;
const COUNT: u128 = 12_000;

/// A port that was free a moment ago. Another program can take it before it is used: who starts a server on it tries again.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let offset = u16::try_from(uuid::Uuid::new_v4().as_u128() % COUNT).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + offset)).is_ok() {
            return Ok(FIRST + offset);
        }
    }
    Err(Error::Usage(format!("found no free port from {FIRST} on")))
}

/// Fails where someone listens on it, with who that is if it can be known.
pub fn require_free(server: &'static str, port: u16, setting: &'static str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Err(Error::PortBusy {
            server,
            port,
            holder: holder(port).map(|who| format!(" ({who})")).unwrap_or_default(),
            setting,
        }),
        Err(e) => Err(e).attempt(format!("listening on port {port} for {server}")),
    }
}

/// "by postgres, pid 812", from /proc. Processes of other users stay unknown unless we are root.
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
            return Some(format!("by {}, pid {pid}", name.trim()));
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
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_holder() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = require_free("Kafka", port, "--kafka-port").unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} for Kafka is in use")), "{error}");
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
        assert!(error.contains("--kafka-port"), "{error}");
        drop(listener);
        require_free("Kafka", port, "--kafka-port").unwrap();
    }
}
