//! ZooKeeper's commands for monitoring: a word is sent, and the answer ends with the connection.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::ports;

const LIMIT: Duration = Duration::from_secs(2);

fn ask(port: u16, word: &str) -> io::Result<String> {
    let mut stream = ports::connect((Ipv4Addr::LOCALHOST, port), LIMIT)?;
    stream.write_all(word.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether the ZooKeeper on this port accepts sessions.
pub(super) fn serves(port: u16) -> bool {
    ask(port, "srvr").is_ok_and(|answer| answer.contains("Mode:"))
}

/// Whether a session holds this node. One that ended without saying so stays open until its time-out, also over a restart of
/// ZooKeeper.
pub(super) fn is_held(port: u16, node: &str) -> io::Result<bool> {
    Ok(is_in_dump(&ask(port, "dump")?, node))
}

/// The dump has each node that exists as long as its session on a line of its own.
fn is_in_dump(dump: &str, node: &str) -> bool {
    dump.lines().any(|line| line.trim() == node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_held_if_the_dump_names_it() {
        let dump = "SessionTracker dump:\n1 expire at Sat Nov 28 04:55:16 UTC 2026:\n\t0x10001d246050000\n\
                    ephemeral nodes dump:\nSessions with Ephemerals (1):\n0x10001d246050000:\n\t/controller\n\t/brokers/ids/11\n";
        assert!(is_in_dump(dump, "/brokers/ids/11") && is_in_dump(dump, "/controller"));
        assert!(!is_in_dump(dump, "/brokers/ids/1"));
    }
}
