use std::collections::{BTreeMap, BTreeSet};

use orders::{EventType, NewEvent, Status, lifecycle};

use super::*;

fn orders(count: u64) -> Demand {
    Demand {
        count: Some(count),
        seed: 7,
        id_prefix: "ORD-".into(),
        cancel_share: 0.0,
        duplicate_share: 0.0,
        in_flight: 50.0,
    }
}

fn events(orders: Demand, first: u64) -> Vec<NewEvent> {
    let clock = Clock::Simulated("2026-11-21T18:00:00Z".parse().unwrap());
    let mut simulation = Simulation::new(orders, clock, first);
    std::iter::from_fn(|| simulation.next().unwrap()).map(|simulated| simulated.step.event).collect()
}

fn json(event: &NewEvent) -> String {
    let mut out = Vec::new();
    event.write_json(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn without_cancellations_every_order_has_four_events() {
    let events = events(orders(200), 1);
    assert_eq!(events.len(), 800);
    for event in
        [EventType::OrderCreated, EventType::OrderPaid, EventType::OrderShipped, EventType::OrderDelivered]
    {
        assert_eq!(events.iter().filter(|one| one.event() == event).count(), 200, "{event}");
    }
}

#[test]
fn every_order_follows_the_lifecycle_without_gaps() {
    let mut lives: BTreeMap<OrderId, Vec<NewEvent>> = BTreeMap::new();
    for event in events(Demand { cancel_share: 0.5, ..orders(500) }, 1) {
        lives.entry(event.order_id.clone()).or_default().push(event);
    }
    assert_eq!(lives.len(), 500);
    let mut ends = BTreeMap::new();
    for life in lives.values() {
        let mut status = None;
        for (event, sequence) in life.iter().zip(1..) {
            assert!(lifecycle::allows(status, event.event()));
            assert_eq!(event.sequence, sequence);
            status = Some(event.event().status());
        }
        assert!(life.is_sorted_by_key(|event| event.occurred_at));
        *ends.entry(status.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), [Status::Delivered, Status::Cancelled]);
    assert!((150..350).contains(&ends[&Status::Cancelled]), "{ends:?}");
}

#[test]
fn orders_overlap_in_time() {
    let events = events(orders(500), 1);
    let (mut under_way, mut most) = (BTreeSet::new(), 0);
    for event in &events {
        match event.event() {
            EventType::OrderCreated => under_way.insert(&event.order_id),
            EventType::OrderDelivered => under_way.remove(&event.order_id),
            _ => continue,
        };
        most = most.max(under_way.len());
    }
    assert!((30..80).contains(&most), "{most}");
    assert!(events.is_sorted_by_key(|event| event.occurred_at));
}

#[test]
fn the_same_seed_makes_the_same_orders_byte_for_byte() {
    let all = |seed, first| {
        let orders = Demand { seed, cancel_share: 0.3, duplicate_share: 0.3, ..orders(100) };
        events(orders, first).iter().map(json).collect::<Vec<_>>()
    };
    assert_eq!(all(1, 1), all(1, 1));
    assert_ne!(all(1, 1), all(2, 1));
}

#[test]
fn an_order_is_the_same_whatever_goes_on_around_it() {
    let items = |first| {
        let created =
            events(orders(20), first).into_iter().find(|event| event.order_id.as_str() == "ORD-000020");
        created.unwrap().attributes
    };
    assert_eq!(items(1), items(15));
}

#[test]
fn a_duplicate_is_the_same_event_once_more() {
    let events = events(Demand { duplicate_share: 1.0, cancel_share: 0.2, ..orders(200) }, 1);
    let mut seen = BTreeMap::new();
    for event in &events {
        *seen.entry(json(event)).or_insert(0) += 1;
    }
    assert_eq!(seen.values().filter(|times| **times == 2).count(), 200);
    assert!(seen.values().all(|times| *times <= 2));
}

#[test]
fn numbers_have_six_digits_or_more() {
    let ids = |first| events(orders(1), first)[0].order_id.to_string();
    assert_eq!(ids(123), "ORD-000123");
    assert_eq!(ids(12_345_678), "ORD-12345678");
}

#[test]
fn an_event_has_about_250_bytes() {
    let events = events(orders(1000), 1);
    let mean = events.iter().map(|event| json(event).len()).sum::<usize>() / events.len();
    assert!((235..275).contains(&mean), "{mean}");
}
