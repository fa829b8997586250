//! Rows of the history in PostgreSQL's binary COPY format.

use bytes::{BufMut, Bytes};
use orders::{Decoded, Record, Time};

/// The columns that come from a record. `HistoryRows::push` writes them in this order, then `decision`.
pub const COLUMNS: &str = "partition, \"offset\", order_id, event, status, sequence, event_id, occurred_at, \
                           appended_at, details, trace_id";
const COLUMN_COUNT: i16 = 12;

/// A COPY stream of history rows, grouped by order: the records of an order, which are read together,
/// then lie on the same pages.
#[derive(Debug)]
pub(super) struct HistoryRows {
    bytes: Vec<u8>,
    /// Where each row begins, and the number of its order.
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
        out.put_i16(COLUMN_COUNT);
        put_i32(out, record.partition.0);
        put_i64(out, record.offset.0);
        put_text(out, &decoded.order_id);
        put_text(out, fact.event.as_str());
        put_text(out, fact.event.status().as_str());
        put_i32(out, fact.sequence);
        match &decoded.event_id {
            Some(id) => put_text(out, id),
            None => put_text(out, &derived_event_id(topic, record)),
        }
        put_time(out, fact.occurred_at);
        put_time(out, fact.at.appended_at);
        if fact.fields.is_empty() {
            put_null(out);
        } else {
            self.details.clear();
            self.details.push('{');
            fact.fields.write_members(&mut self.details);
            self.details.push('}');
            put_jsonb(out, &self.details);
        }
        match record.trace_id() {
            Some(id) => put_text(out, id),
            None => put_null(out),
        }
        match decision {
            Some(id) => put_i64(out, *id),
            None => put_null(out),
        }
    }

    /// The stream with its header and trailer. `orders`: how many orders there are.
    pub(super) fn finish(self, orders: usize) -> Bytes {
        let mut out = Vec::with_capacity(HEADER.len() + 8 + self.bytes.len() + 2);
        put_header(&mut out);
        for row in self.by_order(orders) {
            let end = self.rows.get(row + 1).map_or(self.bytes.len(), |(start, _)| *start);
            out.extend_from_slice(&self.bytes[self.rows[row].0..end]);
        }
        out.put_i16(-1);
        out.into()
    }

    /// The rows' indexes, sorted by the numbers of their orders (a counting sort). The rows of one order
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

/// The event id of an event without one: `topic-partition-offset`.
#[must_use]
pub fn derived_event_id(topic: &str, record: &Record<'_>) -> String {
    format!("{topic}-{}-{}", record.partition, record.offset)
}

/// The signature that begins a binary COPY stream.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0";

pub(crate) fn put_header(out: &mut impl BufMut) {
    out.put_slice(HEADER);
    out.put_i32(0); // flags
    out.put_i32(0); // no header extension
}

pub(crate) fn put_jsonb(out: &mut impl BufMut, json: &str) {
    out.put_i32(json.len() as i32 + 1);
    out.put_u8(1); // version of jsonb's binary form
    out.put_slice(json.as_bytes());
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

pub(crate) fn put_null(out: &mut impl BufMut) {
    out.put_i32(-1);
}
