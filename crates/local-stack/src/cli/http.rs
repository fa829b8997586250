//! A GET without the weight of an HTTP client.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::ports;

const TIMEOUT: Duration = Duration::from_secs(2);

/// An answer, cut after 64 KiB.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub body: String,
}

/// The status code of a GET; `None` if there is no answer.
pub fn status(address: SocketAddr, path: &str) -> Option<u16> {
    Some(get(address, path)?.code)
}

/// `None` if there is no answer.
pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let mut stream = ports::connect(address, TIMEOUT).ok()?;
    // In one piece: a server that answers and closes after the first piece would have the rest reset the connection.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer);
    let code = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Some(Answer { code, body })
}
