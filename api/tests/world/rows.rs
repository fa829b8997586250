//! Rows as a consumer writes them: records that are applied, and dead letters.

use std::collections::BTreeMap;

use orders::decode::Envelope;
use orders::record::Headers;
use orders::{LogOrder, Offset, OrderState, Partition, Time};
use serde_json::Value;

use super::World;

/// What the test has written so far.
#[derive(Default)]
pub struct Written {
    records: Vec<Given>,
    next: BTreeMap<i32, i64>,
}

/// One record as it was given.
struct Given {
    at: LogOrder,
    value: String,
}

impl World {
    /// Applies a record, appended `second` seconds after 2026-01-01.
    pub async fn append(&mut self, partition: i32, second: i64, value: &str) {
        let next = self.written.next.entry(partition).or_default();
        let at =
            LogOrder { appended_at: time(second), partition: Partition(partition), offset: Offset(*next) };
        *next += 1;
        let next = *next;
        self.insert_history(at, value).await;
        self.written.records.push(Given { at, value: value.to_owned() });
        self.refold(value).await;
        self.client
            .execute(
                "INSERT INTO build_1.positions (view, partition, next_offset, owner_epoch, last_appended_at)
                 VALUES ('orders', $1, $2, 1, $3::text::timestamptz)
                 ON CONFLICT (view, partition) DO UPDATE SET next_offset = $2, last_appended_at = $3::text::timestamptz",
                &[&partition, &next, &at.appended_at.to_string()],
            )
            .await
            .unwrap();
        self.count_totals().await;
    }

    async fn insert_history(&self, at: LogOrder, value: &str) {
        let decoded = decode(at, value);
        let fact = &decoded.fact;
        let mut details = String::from("{");
        fact.fields.write_members(&mut details);
        let details = (!fact.fields.is_empty()).then(|| details + "}");
        let event_id =
            decoded.event_id.map_or_else(|| format!("e-{}-{}", at.partition, at.offset), Into::into);
        self.client
            .execute(
                "INSERT INTO build_1.order_history (partition, \"offset\", order_id, event, sequence, other_event_id,
                     occurred_at, appended_at, details)
                 VALUES ($1, $2, $3, $4, $5, $6, $7::text::timestamptz, $8::text::timestamptz, $9)",
                &[
                    &at.partition.0,
                    &at.offset.0,
                    &&*decoded.order_id,
                    &(fact.event.code() as i8),
                    &fact.sequence,
                    &event_id,
                    &fact.occurred_at.to_string(),
                    &at.appended_at.to_string(),
                    &details,
                ],
            )
            .await
            .unwrap();
    }

    /// Writes the row of the order to which `value` belongs.
    async fn refold(&self, value: &str) {
        let given: Value = serde_json::from_str(value).unwrap();
        let id = given["order_id"].as_str().unwrap();
        let mut state = OrderState::default();
        for record in &self.written.records {
            let decoded = decode(record.at, &record.value);
            if decoded.order_id == id {
                state.add(decoded.fact);
            }
        }
        let row = state.row().unwrap();
        let status = row.status.code() as i8;
        // Without the braces.
        let members = row.details.as_deref().map(|object| &object[1..object.len() - 1]);
        let time = |time: Option<Time>| time.map(|time| time.to_string());
        self.client.execute("DELETE FROM build_1.orders WHERE order_id = $1", &[&id]).await.unwrap();
        self.client
            .execute(
                "INSERT INTO build_1.orders (order_id, status, last_updated, sequence, first_sequence, winners, customer_id,
                     restaurant_id, total_cents, currency, created_at, paid_at, shipped_at, delivered_at, cancelled_at,
                     payment_method, courier_id, cancel_reason, details)
                 VALUES ($1, $2, $3::text::timestamptz, $4, 1, '', $5, $6, $7, $8,
                     $9::text::timestamptz, $10::text::timestamptz, $11::text::timestamptz, $12::text::timestamptz,
                     $13::text::timestamptz, $14, $15, $16, $17)",
                &[
                    &id, &status, &row.last_updated.to_string(), &row.sequence,
                    &row.customer_id.as_deref(), &row.restaurant_id.as_deref(), &row.total_cents,
                    &row.currency.as_deref(), &time(row.created_at), &time(row.paid_at), &time(row.shipped_at),
                    &time(row.delivered_at), &time(row.cancelled_at), &row.payment_method.as_deref(),
                    &row.courier_id.as_deref(), &row.cancel_reason.as_deref(), &members,
                ],
            )
            .await
            .unwrap();
    }

    /// Writes an open dead letter at the next offset of a partition.
    pub async fn dead_letter(&mut self, partition: i32, second: i64, order_id: Option<&str>) {
        let next = self.written.next.entry(partition).or_default();
        let offset = *next;
        *next += 1;
        self.client
            .execute(
                "WITH moved AS (INSERT INTO build_1.positions (view, partition, next_offset, owner_epoch)
                     VALUES ('orders', $1, $2::bigint + 1, 1)
                     ON CONFLICT (view, partition) DO UPDATE SET next_offset = $2::bigint + 1)
                 INSERT INTO build_1.dead_letters (partition, \"offset\", cause, error, order_id, payload_bytes, headers, appended_at)
                 VALUES ($1, $2, 'bad_json', 'a test', $3, 0, '[]', $4::text::timestamptz)",
                &[&partition, &offset, &order_id, &time(second).to_string()],
            )
            .await
            .unwrap();
        self.count_totals().await;
    }

    async fn count_totals(&self) {
        let statement = "DELETE FROM build_1.totals;
            INSERT INTO build_1.totals (partition, pending, paid, shipped, delivered, cancelled, records, open_dead_letters)
            SELECT 0, count(*) FILTER (WHERE status = 'C'), count(*) FILTER (WHERE status = 'P'),
                count(*) FILTER (WHERE status = 'S'), count(*) FILTER (WHERE status = 'D'),
                count(*) FILTER (WHERE status = 'X'), (SELECT count(*) FROM build_1.order_history),
                (SELECT count(*) FROM build_1.dead_letters WHERE state = 'open')
            FROM build_1.orders";
        self.client.batch_execute(statement).await.unwrap();
    }

    /// Three orders over two partitions: A paid, B cancelled, C pending.
    pub async fn with_three_orders() -> Self {
        let mut world = Self::new().await;
        for (partition, second, value) in [
            (
                0,
                1,
                r#"{"event":"OrderCreated","order_id":"A","customer_id":"c1","restaurant_id":"r1","total_cents":1900,"items":[{"name":"Margherita","quantity":2}]}"#,
            ),
            (1, 2, r#"{"event":"OrderCreated","order_id":"B","customer_id":"c1","restaurant_id":"r2"}"#),
            (
                0,
                3,
                r#"{"event":"OrderPaid","order_id":"A","payment_method":"card","occurred_at":"2026-01-01T00:00:09Z"}"#,
            ),
            (1, 4, r#"{"event":"OrderCancelled","order_id":"B","reason":"too late"}"#),
            (0, 5, r#"{"event":"OrderCreated","order_id":"C","customer_id":"c2","restaurant_id":"r1"}"#),
        ] {
            world.append(partition, second, value).await;
        }
        world
    }
}

fn decode(at: LogOrder, value: &str) -> orders::Decoded<'_> {
    let envelope = Envelope { at, key_bytes: 0, headers: Headers::default(), max_bytes: 1_000_000 };
    orders::decode(envelope, Some(value.as_bytes())).unwrap()
}

pub fn time(second: i64) -> Time {
    let start: Time = "2026-01-01T00:00:00Z".parse().unwrap();
    Time::from_micros(start.as_micros() + second * 1_000_000)
}
