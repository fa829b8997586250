//! One request over a connection of its own, by hand: a library would hide what is measured.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection that takes at most a few kilobytes ahead of its reader.
pub async fn connect_reluctantly(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect(address).await
}

pub async fn send(stream: &mut TcpStream, path: &str, headers: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await
}

/// The status of the answer, which is read to its end.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    send(&mut stream, path, headers).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    let mut rest = vec![0; 64 << 10];
    while stream.read(&mut rest).await? > 0 {}
    let status = std::str::from_utf8(&head[9..]).ok().and_then(|text| text.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer is not HTTP"))
}
