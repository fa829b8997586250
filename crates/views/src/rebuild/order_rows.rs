//! Rows of table `orders` in PostgreSQL's binary COPY format.

use bytes::{BufMut, Bytes, BytesMut};
use orders::{OrderState, Time};

use crate::apply::copy::{put_i32, put_i64, put_jsonb, put_null, put_text, put_time};

/// The columns that [`OrderRows::push`] writes, in its order.
pub(super) const COLUMNS: &str = "order_id, status, last_updated, sequence, first_sequence, customer_id, \
                                  restaurant_id, total_cents, currency, created_at, paid_at, shipped_at, \
                                  delivered_at, cancelled_at, payment_method, courier_id, cancel_reason, details";
const COLUMN_COUNT: i16 = 18;

/// Some rows of a COPY stream, and how many.
pub type OrderPiece = (Bytes, usize);

/// Rows of a COPY stream, without its beginning and end.
#[derive(Debug, Default)]
pub struct OrderRows {
    bytes: BytesMut,
    rows: usize,
}

impl OrderRows {
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the row of `state`, unless it has none.
    pub fn push(&mut self, order_id: &str, state: &OrderState<'_>) {
        let (Some(row), Some(first_sequence)) = (state.row(), state.first_sequence()) else { return };
        let out = &mut self.bytes;
        out.put_i16(COLUMN_COUNT);
        put_text(out, order_id);
        put_text(out, row.status.as_str());
        put_time(out, row.last_updated);
        put_i32(out, row.sequence);
        put_i32(out, first_sequence);
        put_text_or_null(out, row.customer_id.as_deref());
        put_text_or_null(out, row.restaurant_id.as_deref());
        match row.total_cents {
            Some(cents) => put_i64(out, cents),
            None => put_null(out),
        }
        put_text_or_null(out, row.currency.as_deref());
        for time in [row.created_at, row.paid_at, row.shipped_at, row.delivered_at, row.cancelled_at] {
            put_time_or_null(out, time);
        }
        put_text_or_null(out, row.payment_method.as_deref());
        put_text_or_null(out, row.courier_id.as_deref());
        put_text_or_null(out, row.cancel_reason.as_deref());
        match &row.details {
            Some(json) => put_jsonb(out, json),
            None => put_null(out),
        }
        self.rows += 1;
    }

    /// What was pushed since the last call, and how many rows that is.
    pub fn take(&mut self) -> OrderPiece {
        (self.bytes.split().freeze(), std::mem::take(&mut self.rows))
    }
}

fn put_text_or_null(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_text(out, text),
        None => put_null(out),
    }
}

fn put_time_or_null(out: &mut BytesMut, time: Option<Time>) {
    match time {
        Some(time) => put_time(out, time),
        None => put_null(out),
    }
}
