//! Rows of table `orders` in PostgreSQL's binary form: for a COPY stream, or as one array.

use bytes::{BufMut, Bytes, BytesMut};
use orders::{OrderRow, OrderState, Time};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use super::copy::{put_code, put_i32, put_i64, put_null, put_text, put_time};
use crate::order_columns::COLUMN_COUNT;
use crate::totals::Totals;
use crate::winners::Winners;

/// A piece of a COPY stream, and how many orders of each status it holds.
#[derive(Debug)]
pub struct OrderPiece {
    pub(crate) bytes: Bytes,
    pub(crate) orders: Totals,
}

/// Rows in binary form, one after the other.
#[derive(Debug)]
pub struct OrderRows {
    form: Form,
    bytes: BytesMut,
    orders: Totals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Rows of a COPY stream, without its header and trailer.
    Copy,
    /// Elements of an array of the table's row type: each begins with its length, and each value with
    /// its type.
    Array,
}

impl OrderRows {
    #[must_use]
    pub fn for_copy() -> Self {
        Self { form: Form::Copy, bytes: BytesMut::new(), orders: Totals::default() }
    }

    /// For a parameter of type `orders[]`.
    #[must_use]
    pub(super) fn array(orders: &[(&str, &OrderState<'_>)]) -> Self {
        let mut rows = Self { form: Form::Array, bytes: BytesMut::new(), orders: Totals::default() };
        for (order_id, state) in orders {
            rows.push(order_id, state);
        }
        rows
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the row of `state`; a state without records has none.
    pub fn push(&mut self, order_id: &str, state: &OrderState<'_>) {
        if let Some(row) = state.row() {
            self.push_row(order_id, state, &row);
        }
    }

    /// The same where the row is known. Writes the columns in the order of [`crate::order_columns`].
    pub fn push_row(&mut self, order_id: &str, state: &OrderState<'_>, row: &OrderRow<'_>) {
        let Some(first_sequence) = state.first_sequence() else { return };
        let start = self.bytes.len();
        match self.form {
            Form::Copy => self.bytes.put_i16(COLUMN_COUNT),
            Form::Array => {
                self.bytes.put_i32(0); // the length, which is known at the end
                self.bytes.put_i32(COLUMN_COUNT.into());
            }
        }
        let mut out = Columns { form: self.form, bytes: &mut self.bytes };
        out.time(row.created_at);
        out.i64(row.total_cents);
        out.time(Some(row.last_updated));
        for time in [row.paid_at, row.shipped_at, row.delivered_at, row.cancelled_at] {
            out.time(time);
        }
        out.i32(row.sequence);
        out.i32(first_sequence);
        out.code(Some(row.status.code()));
        out.code(None); // the status before
        out.winners(state);
        out.text(row.payment_method.as_deref());
        out.text(row.courier_id.as_deref());
        out.text(row.cancel_reason.as_deref());
        out.text(row.details.as_deref().and_then(members));
        out.text(Some(order_id));
        out.text(row.customer_id.as_deref());
        out.text(row.restaurant_id.as_deref());
        out.text(row.currency.as_deref());
        if self.form == Form::Array {
            let length = (self.bytes.len() - start - 4) as i32;
            self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
        self.orders.add_orders(row.status, 1);
    }

    /// The rows pushed since the last call.
    pub fn take(&mut self) -> OrderPiece {
        OrderPiece { bytes: self.bytes.split().freeze(), orders: std::mem::take(&mut self.orders) }
    }
}

impl ToSql for OrderRows {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Kind::Array(row_type) = ty.kind() else { return Err(format!("{ty} is not an array").into()) };
        out.reserve(20 + self.bytes.len());
        out.put_i32(1); // dimensions
        out.put_i32(0); // no nulls
        out.put_u32(row_type.oid());
        out.put_i32(i32::try_from(self.orders.orders())?);
        out.put_i32(1); // index of the first element
        out.put_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(row_type) if matches!(row_type.kind(), Kind::Composite(_)))
    }

    to_sql_checked!();
}

/// Writes one row's columns.
struct Columns<'a> {
    form: Form,
    bytes: &'a mut BytesMut,
}

impl Columns<'_> {
    fn put<T>(&mut self, ty: &Type, value: Option<T>, put: impl FnOnce(&mut BytesMut, T)) {
        if self.form == Form::Array {
            self.bytes.put_u32(ty.oid());
        }
        match value {
            Some(value) => put(self.bytes, value),
            None => put_null(self.bytes),
        }
    }

    fn text(&mut self, text: Option<&str>) {
        self.put(&Type::TEXT, text, put_text);
    }

    fn time(&mut self, time: Option<Time>) {
        self.put(&Type::TIMESTAMPTZ, time, put_time);
    }

    fn i32(&mut self, number: i32) {
        self.put(&Type::INT4, Some(number), put_i32);
    }

    fn i64(&mut self, number: Option<i64>) {
        self.put(&Type::INT8, number, put_i64);
    }

    fn winners(&mut self, state: &OrderState<'_>) {
        self.put(&Type::BYTEA, Some(state), |out, state| {
            let start = out.len();
            out.put_i32(0); // the length, which is known at the end
            Winners::write(state, out);
            let length = (out.len() - start - 4) as i32;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        });
    }

    fn code(&mut self, code: Option<u8>) {
        self.put(&Type::CHAR, code, put_code);
    }
}

/// A JSON object without its braces.
fn members(object: &str) -> Option<&str> {
    object.strip_prefix('{')?.strip_suffix('}')
}
