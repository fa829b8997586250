//! Records that become dead letters. Two of them are too large for the build, and are admitted by a retry.

use super::log::Entry;

/// In the value of the record that is discarded.
pub const DISCARDED: &str = "a wrong type of its order";
/// In the values of the records that are retried.
pub const RETRIED: [&str; 2] = ["the first large record", "the second large record"];

pub fn records() -> Vec<Entry> {
    let large = |mark: &str, event: &str, order: &str| {
        let padding = "pad ".repeat(360);
        format!(
            r#"{{"event":"{event}","order_id":"{order}","note":"{mark}","padding":"{padding}","n":1.50}}"#
        )
    };
    let discarded =
        format!(r#"{{"event":"OrderPaid","order_id":"S-reversed","payment_method":7,"why":"{DISCARDED}"}}"#);
    vec![
        Entry::new(0, "{"),
        Entry::new(1, r#"{"event":"OrderPaid"}"#),
        Entry::new(2, r#"{"order_id":"S-twice"}"#),
        Entry::new(3, r#"{"event":"OrderEaten","order_id":"S-tie"}"#),
        Entry::new(0, r#"{"event":"OrderPaid","order_id":"nowhere else","status":"shipped"}"#),
        Entry::new(1, discarded),
        Entry::new(
            2,
            r#"{"event":"OrderCreated","order_id":"R-large","customer_id":"c-large","sequence":1}"#,
        ),
        Entry::new(3, large(RETRIED[0], "OrderPaid", "R-large")),
        Entry::tombstone(0),
        Entry::new(1, *b"{\"event\":\"OrderPaid\",\"order_id\":\"\xff\"}"),
        Entry::new(2, r#"{"event":"OrderPaid","order_id":"S-tie","note":"\u0000"}"#),
        Entry::new(3, r#"{"event":"OrderPaid","order_id":"S-tie","sequence":0}"#),
        Entry::new(0, r#"{"event":"OrderPaid","order_id":"S-tie"}"#).header("schema-version", Some(b"2")),
        Entry::new(1, large(RETRIED[1], "OrderCreated", "R-only"))
            .header("traceparent", Some(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
        Entry::new(
            2,
            r#"{"event":"OrderShipped","order_id":"R-large","courier_id":"late","n":"later wins"}"#,
        ),
        Entry::new(3, large("it stays open", "OrderPaid", "R-only")),
    ]
}
