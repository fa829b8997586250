//! Orders whose records compete: out of order, repeated, with equal sequences, with names that clash.

use super::log::Entry;

pub fn orders() -> Vec<Vec<Entry>> {
    let mut orders = vec![
        order(
            "S-reversed",
            0,
            &[
                r#""event":"OrderCancelled","reason":"too late","n":5"#,
                r#""event":"OrderDelivered","n":4,"door":"blue""#,
                r#""event":"OrderShipped","courier_id":"k1","n":3"#,
                r#""event":"OrderPaid","payment_method":"card","n":2"#,
                r#""event":"OrderCreated","customer_id":"c-merge","restaurant_id":"r-merge","total_cents":1900,"currency":"EUR","n":1"#,
            ],
        ),
        order(
            "S-twice",
            1,
            &[
                r#""event":"OrderCreated","customer_id":"c-merge","note":"a""#,
                r#""event":"OrderCreated","customer_id":"c-merge","note":"a""#,
                r#""event":"OrderPaid","payment_method":"cash""#,
                r#""event":"OrderCreated","customer_id":"c-other","note":"b""#,
                r#""event":"OrderPaid","payment_method":"cash""#,
            ],
        ),
        order(
            "S-sequences",
            2,
            &[
                r#""event":"OrderCreated","sequence":10,"customer_id":"c-merge","note":"created""#,
                r#""event":"OrderPaid","sequence":5,"payment_method":"card","note":"paid","only":"paid""#,
                r#""event":"OrderCancelled","sequence":7,"reason":"7","note":"cancelled""#,
                r#""event":"OrderPaid","sequence":6,"payment_method":null,"note":{"paid":"again"}"#,
            ],
        ),
        order(
            "S-highest",
            3,
            &[
                r#""event":"OrderPaid","sequence":2147483647,"amount_cents":9223372036854775807"#,
                r#""event":"OrderCancelled","sequence":2147483646"#,
                r#""event":"OrderCreated","sequence":2147483647,"total_cents":9223372036854775807"#,
            ],
        ),
        order("S-only-delivered", 0, &[r#""event":"OrderDelivered","signature":{"by":"neighbour"}"#]),
        order(
            "S-falling",
            1,
            &[
                r#""event":"OrderCreated","sequence":3,"customer_id":"c-3","total_cents":3,"a":3"#,
                r#""event":"OrderCreated","sequence":2,"restaurant_id":"r-2","total_cents":2,"b":2"#,
                r#""event":"OrderCreated","sequence":4,"currency":"four","c":4"#,
            ],
        ),
        // The same values in other spellings: they change nothing.
        order(
            "S-spellings",
            3,
            &[
                r#""event":"OrderCreated","n":100,"z":0,"s":"é/\n","o":{"a":1,"bb":[2]},"customer_id":"é""#,
                r#""event":"OrderCreated","sequence":2,"n":1e2,"z":-0,"s":"\u00e9\/\u000a","o":{ "bb" : [ 2 ] , "a":0,"a":1 },"customer_id":"\u00e9""#,
                r#""event":"OrderPaid","\u006e":10.0e1,"z":-0.0,"s":"\u00E9/\n","o":{"\u0061":1,"bb":[2e0]}"#,
            ],
        ),
        order(
            "S-envelope",
            2,
            &[
                r#""event":"OrderPaid","event":"OrderCreated","sequence":1,"sequence":3,"x":1"#,
                r#""\u0065vent":"Order\u0050aid","status":null,"sequence":null,"event_id":null,"occurred_at":null"#,
                r#""event":"OrderShipped","order_id":"another","order_id":"S-envelope","status":"shipped""#,
            ],
        ),
    ];
    orders.extend([
        ties(),
        spread(),
        columns_twice(),
        columns_elsewhere(),
        times_of_producers(),
        traces(),
        long(),
    ]);
    orders
}

/// The records of one order in one partition. `members` are those beside the `order_id`.
fn order(id: &str, partition: usize, members: &[&str]) -> Vec<Entry> {
    members.iter().map(|members| entry(id, partition, members)).collect()
}

fn entry(id: &str, partition: usize, members: &str) -> Entry {
    Entry::new(partition, format!(r#"{{"order_id":"{id}",{members}}}"#))
}

/// Equal sequences at the same append time: partition and offset decide.
fn ties() -> Vec<Entry> {
    let at = 1_772_366_450_000;
    let tied = |partition, members| entry("S-tie", partition, members).appended(at);
    vec![
        tied(3, r#""event":"OrderPaid","sequence":4,"payment_method":"of 3","note":"paid of 3""#),
        tied(1, r#""event":"OrderPaid","sequence":4,"payment_method":"of 1","note":"paid of 1""#),
        tied(1, r#""event":"OrderPaid","sequence":4,"payment_method":"of 1 later","extra":true"#),
        tied(2, r#""event":"OrderShipped","sequence":4,"courier_id":"of 2","note":"shipped of 2","z":[]"#),
        tied(
            0,
            r#""event":"OrderCreated","sequence":3,"customer_id":"c-merge","note":"created of 0","y":{}"#,
        ),
    ]
}

/// An order whose records lie in all partitions.
fn spread() -> Vec<Entry> {
    let events = ["OrderShipped", "OrderCreated", "OrderDelivered", "OrderPaid", "OrderPaid", "OrderCreated"];
    let entry = |(n, event): (usize, &&str)| {
        let members = format!(r#""event":"{event}","note":"record {n}","k{n}":{n},"customer_id":"c-{n}""#);
        entry("S-spread", n, &members)
    };
    events.iter().enumerate().map(entry).collect()
}

/// A field that has a column, twice in a record.
fn columns_twice() -> Vec<Entry> {
    order(
        "S-columns-twice",
        3,
        &[
            r#""event":"OrderCreated","customer_id":"first","customer_id":"second","total_cents":1,"total_cents":2"#,
            r#""event":"OrderCreated","sequence":2,"customer_id":"one","customer_id":null,"currency":null,"currency":"two""#,
            r#""event":"OrderCreated","sequence":3,"customer\u005fid":"esc\u0061ped \"\u00e9\"","restaurant_id":"","total_cents":-0"#,
            r#""event":"OrderCancelled","reason":"first \ud83d\ude00\n","r\u0065ason":"second \/ \t""#,
            r#""event":"OrderPaid","payment_method":null,"amount_cents":null,"items":null"#,
        ],
    )
}

/// Fields that have a column, in events that do not give that column.
fn columns_elsewhere() -> Vec<Entry> {
    order(
        "S-columns-elsewhere",
        0,
        &[
            r#""event":"OrderPaid","customer_id":{"of":"paid"},"total_cents":"many","reason":"none","items":"no list""#,
            r#""event":"OrderShipped","total_cents":1.50,"payment_method":["a"],"amount_cents":-1,"currency":false"#,
            r#""event":"OrderDelivered","customer_id":7,"restaurant_id":null,"courier_id":"nobody","created_at":"x""#,
            r#""event":"OrderCreated","payment_method":"in details","courier_id":1e2,"reason":null,"customer_id":"c-merge""#,
            r#""event":"OrderCancelled","customer_id":"last","cancel_reason":"in details","last_updated":0,"details":{"a":1}"#,
        ],
    )
}

/// Append times of producers: they go back, lie before 1970, and beyond what can be kept.
fn times_of_producers() -> Vec<Entry> {
    [1_772_366_460_000, 1_772_366_400_123, -1, i64::MAX, 0, i64::MIN]
        .into_iter()
        .enumerate()
        .map(|(n, millis)| {
            let event = ["OrderPaid", "OrderCreated", "OrderShipped"][n % 3];
            let members = format!(r#""event":"{event}","sequence":3,"given":{n},"only{n}":true"#);
            entry("S-append-times", 1, &members).appended(millis)
        })
        .collect()
}

fn traces() -> Vec<Entry> {
    let parents: [&[u8]; 5] = [
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-00",
        b"00-short-b7ad6b7169203331-01",
        b"00-\xff\xfe7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"cc-00000000000000000000000000000000-0000000000000000-00-more",
    ];
    let traced = |(n, parent): (usize, &&[u8])| {
        entry("S-traces", 2, &format!(r#""event":"OrderPaid","sequence":{}"#, n + 1))
            .header("other", None)
            .header("schema-version", Some(b" 1 "))
            .header("traceparent", Some(b"00-11111111111111111111111111111111-b7ad6b7169203331-01"))
            .header("traceparent", Some(parent))
    };
    parents.iter().enumerate().map(traced).collect()
}

/// An order whose history has many pages.
fn long() -> Vec<Entry> {
    let events = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered", "OrderCancelled"];
    (0..27)
        .map(|n| {
            let (event, sequence) = (events[n * 3 % 5], n * 7 % 11 + 1);
            let members = format!(r#""event":"{event}","sequence":{sequence},"n":{n},"m{}":"{n}""#, n % 4);
            entry("S-long", n / 2, &members)
        })
        .collect()
}
