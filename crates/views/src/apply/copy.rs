//! Rows of the history in PostgreSQL's binary COPY format.

use std::pin::pin;

use bytes::{BufMut, Bytes};
use futures_util::SinkExt;
use orders::{Decoded, Fields, Record, Time};
use tokio_postgres::CopyInSink;
use uuid::Uuid;

use crate::event_id::EventId;
use crate::trace_id::TraceId;

/// The columns that come from a record. `HistoryRows::push` writes them in this order, then `decision`.
pub const COLUMNS: &str = "\"offset\", occurred_at, appended_at, event_id, trace_id, partition, sequence, event, \
                           order_id, details, other_event_id, other_trace_id";
const COLUMN_COUNT: i16 = 13;

/// The bytes of a COPY in one message: PostgreSQL reads a message completely before it processes it.
const COPY_MESSAGE: usize = 128 << 10;

/// A COPY stream of history rows, sorted by order id: the records of an order, which are read together, then lie on
/// the same pages, and the index receives its entries in its own order.
#[derive(Debug)]
pub(super) struct HistoryRows {
    bytes: Vec<u8>,
    /// Where each row begins, and the number of its order, or its rank in the end.
    rows: Vec<(usize, usize)>,
    /// Scratch space for one row's details.
    details: String,
}

/// A record that becomes a row.
#[derive(Debug)]
pub(super) struct HistoryRow<'r, 'a> {
    pub(super) record: &'r Record<'a>,
    pub(super) decoded: &'r Decoded<'a>,
    /// The retry that admits it.
    pub(super) decision: Option<i64>,
}

impl HistoryRows {
    /// Reserves room for `bytes` bytes of rows.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), rows: Vec::new(), details: String::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// `order`: the number of the row's order among those of the batch.
    pub(super) fn push(&mut self, topic: &str, order: usize, row: &HistoryRow<'_, '_>) {
        self.rows.push((self.bytes.len(), order));
        let HistoryRow { record, decoded, decision } = row;
        let fact = &decoded.fact;
        let out = &mut self.bytes;
        let (event_id, other_event_id) = match event_id(topic, record, decoded) {
            EventId::Uuid(uuid) => (Some(uuid), None),
            EventId::Other(text) => (None, Some(text)),
        };
        let (trace_id, other_trace_id) = match record.trace_id().map(TraceId::of) {
            Some(TraceId::Uuid(uuid)) => (Some(uuid), None),
            Some(TraceId::Other(text)) => (None, Some(text)),
            None => (None, None),
        };
        out.put_i16(COLUMN_COUNT);
        put_i64(out, record.offset.0);
        put_time(out, fact.occurred_at);
        put_time(out, fact.at.appended_at);
        put_or_null(out, event_id, put_uuid);
        put_or_null(out, trace_id, put_uuid);
        put_i32(out, record.partition.0);
        put_i32(out, fact.sequence);
        put_code(out, fact.event.code());
        put_text(out, &decoded.order_id);
        put_object(out, &fact.fields, &mut self.details);
        put_or_null(out, other_event_id, |out, text| put_text(out, &text));
        put_or_null(out, other_trace_id, put_text);
        put_or_null(out, *decision, put_i64);
    }

    /// The stream with its header and trailer. `ranks`: the rank by order id of each order's number.
    pub(super) fn finish(mut self, ranks: &[usize]) -> Bytes {
        let mut out = Vec::with_capacity(HEADER.len() + 8 + self.bytes.len() + 2);
        put_header(&mut out);
        self.rows.iter_mut().for_each(|(_, order)| *order = ranks[*order]);
        for row in self.by_order(ranks.len()) {
            let end = self.rows.get(row + 1).map_or(self.bytes.len(), |(start, _)| *start);
            out.extend_from_slice(&self.bytes[self.rows[row].0..end]);
        }
        out.put_i16(-1);
        out.into()
    }

    /// The rows' indexes, sorted by the ranks of their orders (a counting sort). The rows of one order
    /// keep their sequence.
    fn by_order(&self, orders: usize) -> Vec<usize> {
        let mut next = vec![0; orders + 1];
        for (_, order) in &self.rows {
            next[order + 1] += 1;
        }
        for order in 0..orders {
            next[order + 1] += next[order];
        }
        let mut sorted = vec![0; self.rows.len()];
        for (row, (_, order)) in self.rows.iter().enumerate() {
            sorted[next[*order]] = row;
            next[*order] += 1;
        }
        sorted
    }
}

/// The event's id; `topic-partition-offset` if it has none.
#[must_use]
pub fn event_id<'a>(topic: &str, record: &Record<'_>, decoded: &Decoded<'a>) -> EventId<'a> {
    match &decoded.event_id {
        Some(id) => EventId::of(id.clone()),
        None => EventId::Other(format!("{topic}-{}-{}", record.partition, record.offset).into()),
    }
}

fn put_or_null<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => put(out, value),
        None => put_null(out),
    }
}

fn put_uuid(out: &mut Vec<u8>, uuid: Uuid) {
    out.put_i32(16);
    out.put_slice(uuid.as_bytes());
}

/// A null if there are no fields.
fn put_object(out: &mut Vec<u8>, fields: &Fields<'_>, scratch: &mut String) {
    if fields.is_empty() {
        return put_null(out);
    }
    scratch.clear();
    scratch.push('{');
    fields.write_members(scratch);
    scratch.push('}');
    put_text(out, scratch);
}

/// Sends the stream of a COPY, and returns how many rows it has.
pub(super) async fn send(copy: CopyInSink<Bytes>, mut stream: Bytes) -> Result<u64, tokio_postgres::Error> {
    let mut copy = pin!(copy);
    while !stream.is_empty() {
        copy.feed(stream.split_to(stream.len().min(COPY_MESSAGE))).await?;
    }
    copy.finish().await
}

/// The signature that begins a binary COPY stream.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0";

pub(crate) fn put_header(out: &mut impl BufMut) {
    out.put_slice(HEADER);
    out.put_i32(0); // flags
    out.put_i32(0); // no header extension
}

pub(crate) fn put_i32(out: &mut impl BufMut, value: i32) {
    out.put_i32(4);
    out.put_i32(value);
}

pub(crate) fn put_i64(out: &mut impl BufMut, value: i64) {
    out.put_i32(8);
    out.put_i64(value);
}

pub(crate) fn put_time(out: &mut impl BufMut, time: Time) {
    put_i64(out, time.to_postgres());
}

pub(crate) fn put_text(out: &mut impl BufMut, text: &str) {
    out.put_i32(text.len() as i32);
    out.put_slice(text.as_bytes());
}

pub(crate) fn put_code(out: &mut impl BufMut, code: u8) {
    out.put_i32(1);
    out.put_u8(code);
}

pub(crate) fn put_null(out: &mut impl BufMut) {
    out.put_i32(-1);
}
