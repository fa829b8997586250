//! What the tables hold: many usual orders, some of extreme shapes, and many dead letters.

use std::time::Duration;

use end_to_end::harness::{NewRecord, Stage, raw};

/// An order whose records have 100 000 fields each.
pub const WIDE: &str = "A-WIDE";
/// An order of very many records.
pub const HOT: &str = "B-HOT";

const FIELDS: usize = 100_000;
const WIDE_RECORDS: usize = 20;
const HOT_RECORDS: usize = 50_000;
/// Orders of one record of almost a megabyte each.
const LARGE_ORDERS: usize = 100;
const LARGE_BYTES: usize = 900_000;
/// How many records are handed to the client at once.
const CHUNK: usize = 50_000;

const EVENTS: [(&str, &str); 5] = [
    ("OrderCreated", "pending"),
    ("OrderPaid", "paid"),
    ("OrderShipped", "shipped"),
    ("OrderDelivered", "delivered"),
    ("OrderCancelled", "cancelled"),
];

pub async fn fill(stage: &Stage, orders: u32, dead_letters: usize) {
    output::say!("writing {orders} orders and {dead_letters} dead letters");
    stage.produce(&format!("--orders {orders} --cancel-share 0 --seed 1")).await;
    stage.send((1..=WIDE_RECORDS).map(|sequence| event(WIDE, sequence, &wide_fields())).collect()).await;
    for number in 0..LARGE_ORDERS {
        let note = format!(r#""note":"{}""#, "n".repeat(LARGE_BYTES));
        stage.send(vec![event(&format!("C-LARGE-{number}"), 1, &note)]).await;
    }
    stage.send((1..=HOT_RECORDS).map(|sequence| event(HOT, sequence, r#""n":1"#)).collect()).await;
    let mut left = dead_letters;
    while left > 0 {
        let chunk = left.min(CHUNK);
        stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":7,"note":"no event"}"#); chunk]).await;
        left -= chunk;
    }
    output::say!("applying them");
    let consumer = stage.program("consumer").args("--until-caught-up --no-breaker");
    consumer.succeed(Duration::from_secs(900)).await;
}

fn event(order_id: &str, sequence: usize, fields: &str) -> NewRecord {
    let (event, status) = EVENTS[sequence % EVENTS.len()];
    let value = format!(
        r#"{{"event":"{event}","order_id":"{order_id}","status":"{status}","sequence":{sequence},{fields}}}"#
    );
    NewRecord { key: Some(order_id.to_owned()), ..raw(value) }
}

fn wide_fields() -> String {
    let fields: Vec<_> = (0..FIELDS).map(|number| format!(r#""{number:x}":1"#)).collect();
    fields.join(",")
}
