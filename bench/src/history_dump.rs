//! The history rows of a drained database, in memory, in PostgreSQL's binary COPY format and in the order in
//! which they were written.

use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};
use service::{Exit, Failure};
use tokio_postgres::Client;
use views::apply::COLUMNS;

use crate::server::FreshDatabase;

/// The signature, the flags and the length of an empty extension.
const HEADER_BYTES: usize = 19;
/// Follows the last row, where the next one would have its number of columns.
const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
/// Where the partition is among [`COLUMNS`].
const PARTITION: i16 = 5;
/// The size of one message of the protocol.
const PIECE_BYTES: usize = 256 * 1024;

pub struct HistoryDump {
    header: Bytes,
    rows: Bytes,
    count: u64,
}

/// A part of a dump that is written as one COPY stream.
pub struct Stream {
    pieces: Vec<Bytes>,
    pub rows: u64,
}

impl HistoryDump {
    pub async fn of(fresh: &FreshDatabase) -> Result<Self, Failure> {
        let client = fresh.sql().await?;
        let copy = format!(
            "COPY (SELECT {COLUMNS} FROM {}.order_history) TO STDOUT (FORMAT binary)",
            fresh.tables.schema
        );
        let mut stream = pin!(client.copy_out(&copy).await?);
        let mut all = BytesMut::new();
        while let Some(bytes) = stream.try_next().await? {
            all.extend_from_slice(&bytes);
        }
        let mut rows = all.freeze();
        if rows.len() < HEADER_BYTES + 2 {
            return Err(broken());
        }
        let header = rows.split_to(HEADER_BYTES);
        let count = runs(&rows, |_| 0)?.iter().map(|run| run.rows).sum();
        Ok(Self { header, rows, count })
    }

    pub fn rows(&self) -> u64 {
        self.count
    }

    /// Divides the rows into this many streams. Partition p goes to stream p modulo their number, as it goes
    /// to the consumer's lanes.
    pub fn streams(&self, number: usize) -> Result<Vec<Stream>, Failure> {
        let mut streams: Vec<Stream> =
            (0..number).map(|_| Stream { pieces: vec![self.header.clone()], rows: 0 }).collect();
        for run in runs(&self.rows, |partition| partition.unsigned_abs() as usize % number)? {
            let stream = &mut streams[run.stream];
            stream.rows += run.rows;
            let mut rest = self.rows.slice(run.from..run.to);
            while !rest.is_empty() {
                stream.pieces.push(rest.split_to(rest.len().min(PIECE_BYTES)));
            }
        }
        for stream in &mut streams {
            stream.pieces.push(Bytes::from_static(TRAILER));
        }
        Ok(streams)
    }
}

impl Stream {
    /// Writes the rows, in the client's open transaction if it has one.
    pub async fn write(&self, client: &Client, schema: &str) -> Result<(), Failure> {
        let copy = format!("COPY {schema}.order_history ({COLUMNS}) FROM STDIN (FORMAT binary)");
        let mut sink = pin!(client.copy_in::<_, Bytes>(&copy).await?);
        for piece in &self.pieces {
            sink.feed(piece.clone()).await?;
        }
        let written = sink.finish().await?;
        if written != self.rows {
            return Err(Failure::new(
                Exit::Difference,
                format!("{written} of {} rows were copied", self.rows),
            ));
        }
        Ok(())
    }
}

/// Consecutive rows of one stream.
struct Run {
    stream: usize,
    from: usize,
    to: usize,
    rows: u64,
}

/// Splits the rows by their partition.
fn runs(rows: &[u8], stream_of: impl Fn(i32) -> usize) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    let mut rest = rows;
    loop {
        let from = rows.len() - rest.len();
        let columns = rest.try_get_i16().map_err(|_| broken())?;
        if columns == -1 {
            return Ok(runs);
        }
        let mut partition = 0;
        for column in 0..columns {
            let len = usize::try_from(rest.try_get_i32().map_err(|_| broken())?).unwrap_or(0);
            let value = rest.get(..len).ok_or_else(broken)?;
            if column == PARTITION {
                partition = value.try_into().map(i32::from_be_bytes).map_err(|_| broken())?;
            }
            rest = &rest[len..];
        }
        let (stream, to) = (stream_of(partition), rows.len() - rest.len());
        match runs.last_mut() {
            Some(run) if run.stream == stream => (run.to, run.rows) = (to, run.rows + 1),
            _ => runs.push(Run { stream, from, to, rows: 1 }),
        }
    }
}

fn broken() -> Failure {
    Failure::new(Exit::Unexpected, "PostgreSQL's binary COPY is not of the form that is expected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_is_where_it_is_looked_for() {
        assert_eq!(COLUMNS.split(", ").nth(PARTITION as usize), Some("partition"));
    }

    fn row(partition: i32, text: Option<&str>) -> Vec<u8> {
        let mut row = (PARTITION + 2).to_be_bytes().to_vec();
        for _ in 0..PARTITION {
            row.extend((-1_i32).to_be_bytes());
        }
        row.extend(4_i32.to_be_bytes());
        row.extend(partition.to_be_bytes());
        row.extend(text.map_or(-1, |text| text.len() as i32).to_be_bytes());
        row.extend(text.unwrap_or_default().bytes());
        row
    }

    #[test]
    fn rows_are_distributed_by_partition() {
        let written = [row(0, Some("a")), row(2, None), row(1, Some("")), row(4, Some("b"))];
        let mut rows = written.concat();
        rows.extend((-1_i16).to_be_bytes());
        let dump = HistoryDump { header: Bytes::from_static(b"H"), rows: rows.into(), count: 4 };
        let streams = dump.streams(2).unwrap();
        let joined: Vec<Vec<u8>> = streams.iter().map(|stream| stream.pieces.concat()).collect();
        let [a, b, c, d] = &written;
        let end = vec![0xff, 0xff];
        assert_eq!(joined[0], [b"H".to_vec(), a.clone(), b.clone(), d.clone(), end.clone()].concat());
        assert_eq!(joined[1], [b"H".to_vec(), c.clone(), end].concat());
        assert_eq!((streams[0].rows, streams[1].rows), (3, 1));
    }
}
