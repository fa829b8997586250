//! Orders that show the texts of [`super::texts`].

use serde_json::Value;

use super::log::Entry;
use super::texts::{EVENT_IDS, MEMBERS, ORDER_IDS, TIMES};

pub fn orders() -> Vec<Vec<Entry>> {
    let mut orders: Vec<_> = (0..MEMBERS.len()).map(with_members).collect();
    orders.extend(EVENT_IDS.chunks(8).enumerate().map(|(n, ids)| with_event_ids(n, ids)));
    orders.extend(TIMES.chunks(5).enumerate().map(|(n, times)| with_times(n, times)));
    orders.extend(
        ORDER_IDS
            .into_iter()
            .chain([&*"x".repeat(128), &*("Ü".to_owned() + &"x".repeat(127))])
            .enumerate()
            .map(named),
    );
    orders.push(vec![Entry::new(2, deep())]);
    orders
}

/// Three events with neighbouring lists of members, so that names clash.
fn with_members(n: usize) -> Vec<Entry> {
    let events = [
        ("OrderCreated", n, r#","customer_id":"c-shapes","restaurant_id":"r-shapes""#),
        ("OrderPaid", n + 1, r#","payment_method":"card""#),
        ("OrderCancelled", n + 20, r#","reason":"tests \u0026 shapes""#),
    ];
    let count = if n.is_multiple_of(3) { 3 } else { 2 };
    let entry = |(event, list, attributes): (&str, usize, &str)| {
        let members = MEMBERS[list % MEMBERS.len()];
        Entry::new(n, format!(r#"{{"event":"{event}","order_id":"D-{n:02}"{attributes}{members}}}"#))
    };
    events.into_iter().take(count).map(entry).collect()
}

fn with_event_ids(n: usize, ids: &[&str]) -> Vec<Entry> {
    let entry = |(index, id): (usize, &&str)| {
        let event = ["OrderCreated", "OrderPaid", "OrderShipped"][index % 3];
        let sequence = index + 1;
        Entry::new(
            n,
            format!(r#"{{"event":"{event}","order_id":"E-{n}","sequence":{sequence},"event_id":{id}}}"#),
        )
    };
    ids.iter().enumerate().map(entry).collect()
}

fn with_times(n: usize, times: &[&str]) -> Vec<Entry> {
    let events = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered", "OrderCancelled"];
    let entry = |(time, event): (&&str, &str)| {
        Entry::new(n, format!(r#"{{"occurred_at":{time},"event":"{event}","order_id":"T-{n}"}}"#))
    };
    times.iter().zip(events).map(entry).collect()
}

/// An order of this id, whose customer has the same one.
fn named((n, id): (usize, &str)) -> Vec<Entry> {
    let id = Value::from(id);
    let created =
        format!(r#"{{"event":"OrderCreated","order_id":{id},"customer_id":{id},"total_cents":{n}}}"#);
    let paid = format!(r#"{{"event":"OrderPaid","order_id":{id},"payment_method":{id},"of":{{{id}:{id}}}}}"#);
    vec![Entry::new(n, created), Entry::new(n, paid)]
}

/// As deep as a value may be.
fn deep() -> String {
    let (open, close) = ("[".repeat(99), "]".repeat(99));
    format!(r#"{{"event":"OrderCreated","order_id":"D-deep","deep":{open}{{}}{close}}}"#)
}
