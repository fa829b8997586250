//! Orders and records of almost a megabyte: a page ends where it is large enough, and the pages together are complete.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::time::Duration;

use orders::{LogOrder, OrderId};
use views::read::{After, Cut, Filter, Order, Reader, Sort};

const ORDERS: i64 = 20;
const RECORDS: i64 = 20;
/// At 900 000 bytes each, a page ends long before it has this many.
const LIMIT: i64 = 100;
const MAX_ROWS: usize = 6;

/// A reader of tables with some orders of one record each, or with one order of some records.
async fn reader(of_one_order: bool) -> Reader {
    let (database, url) = common::database().await;
    let sql = local_stack::sql_client(&url, None).await.unwrap();
    let details = "'\"note\":\"' || repeat('x', 900000) || '\"'";
    let history = "INSERT INTO build_1.order_history
         (partition, \"offset\", order_id, event, sequence, other_event_id, occurred_at, appended_at, details)";
    let insert = match of_one_order {
        true => format!(
            "{history} SELECT 0, n, 'M', (ARRAY['C', 'P', 'S', 'D', 'X'])[n % 5 + 1]::\"char\", n, 'e', to_timestamp(n),
                 to_timestamp(n), '{{' || {details} || '}}'
             FROM generate_series(1, {RECORDS}) n"
        ),
        false => format!(
            "{history} SELECT 0, n, 'L-' || n + 100, 'C', 1, 'e', to_timestamp(n), to_timestamp(n), '{{' || {details} || '}}'
             FROM generate_series(1, {ORDERS}) n;
             INSERT INTO build_1.orders (order_id, status, last_updated, sequence, first_sequence, winners, details)
             SELECT 'L-' || n + 100, 'C', to_timestamp(n), 1, 1, '', {details} FROM generate_series(1, {ORDERS}) n"
        ),
    };
    sql.batch_execute(&insert).await.unwrap();
    Reader::new(&database, 2, Duration::from_secs(5), Duration::from_secs(30)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_list_are_complete() {
    let reader = reader(false).await;
    let cut = Cut::default();
    let mut expected: Vec<_> = (1..=ORDERS).map(|number| format!("L-{}", number + 100)).collect();
    for sort in [Sort::OrderId, Sort::LastUpdatedDescending] {
        for cut in [None, Some(&cut)] {
            let mut orders = Vec::<Order>::new();
            loop {
                let after = orders
                    .last()
                    .map(|last| After { order_id: last.order_id.clone(), last_updated: last.last_updated });
                let all = Filter::default();
                let page = reader.orders(&all, sort, after.as_ref(), LIMIT, cut).await.unwrap().value;
                assert!(page.rows.len() <= MAX_ROWS, "{} orders", page.rows.len());
                orders.extend(page.rows);
                if !page.has_more {
                    break;
                }
            }
            let ids: Vec<_> = orders.into_iter().map(|order| order.order_id).collect();
            assert_eq!(ids, expected, "{sort:?} {cut:?}");
        }
        expected.reverse();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_history_are_complete() {
    let reader = reader(true).await;
    let id = OrderId::parse("M").unwrap();
    let mut records = Vec::<LogOrder>::new();
    loop {
        let page = reader.history(&id, records.last().copied(), LIMIT, None).await.unwrap().value;
        assert!(page.before.len() + page.records.len() <= MAX_ROWS);
        records.extend(page.records.iter().map(|record| record.at));
        if !page.has_more {
            break;
        }
        assert!(!page.records.is_empty(), "a page goes on by one record at least");
    }
    let offsets: Vec<_> = records.iter().map(|at| at.offset.0).collect();
    assert_eq!(offsets, (1..=RECORDS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_large_records_is_merged_from_all_of_them() {
    let reader = reader(true).await;
    let id = OrderId::parse("M").unwrap();
    let order = reader.order(&id, Some(&Cut::default())).await.unwrap().value.unwrap();
    assert_eq!(i64::from(order.sequence), RECORDS);
}
