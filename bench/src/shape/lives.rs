//! Orders that the producer does not make: with any number of events, and with more fields.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use event_log::{KafkaSettings, LogWriter, Outgoing, Sent};
use orders::{Attributes, Item, NewEvent, OrderId, Time};
use service::{Exit, Failure};
use uuid::Uuid;

/// The wait for room in the queue.
const WAIT: Duration = Duration::from_millis(1);
/// Delivery reports are served once per this many events.
const SERVE_EVERY_EVENTS: u64 = 256;
const LAST_ANSWERS_LIMIT: Duration = Duration::from_secs(130);
/// The characters of each further field. They are random, so that compression does not make the events small
/// again.
const FIELD_CHARS: usize = 24;

/// Each order is placed, paid, shipped as often as its number of events wants, and delivered.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    pub orders: u64,
    /// At least 4.
    pub events_per_order: u64,
    /// So many orders are open at a time, at least 1, and take turns.
    pub in_flight: u64,
    /// Fields of each event that this system has no column for. All events have the same ones.
    pub more_fields: u64,
}

impl Lives {
    /// Writes all events, and waits until they are acknowledged.
    pub fn write(&self, kafka: &KafkaSettings) -> Result<(), Failure> {
        let mut writer = LogWriter::connect(kafka, false)?;
        let in_flight = self.in_flight;
        let mut value = Vec::new();
        let mut sent: u64 = 0;
        for first in (0..self.orders).step_by(usize::try_from(in_flight).unwrap_or(usize::MAX)) {
            for step in 0..self.events_per_order {
                for order in first..self.orders.min(first.saturating_add(in_flight)) {
                    let event = self.event(order, step)?;
                    self.write_value(&event, &mut value)?;
                    send(&mut writer, &event, &value)?;
                    sent += 1;
                    if sent.is_multiple_of(SERVE_EVERY_EVENTS) {
                        writer.serve(Duration::ZERO)?;
                    }
                }
            }
        }
        match writer.finish(LAST_ANSWERS_LIMIT)?.unacknowledged() {
            0 => Ok(()),
            lost => Err(Failure::new(Exit::Unexpected, format!("{lost} events were not acknowledged"))),
        }
    }

    fn event(&self, order: u64, step: u64) -> Result<NewEvent, Failure> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        Ok(NewEvent {
            order_id: OrderId::parse(&format!("ORD-{order:06}"))?,
            event_id: Uuid::now_v7(),
            sequence: i32::try_from(step + 1)?,
            occurred_at: Time::from_millis(i64::try_from(millis)?),
            attributes: self.attributes(order, step),
        })
    }

    fn attributes(&self, order: u64, step: u64) -> Attributes {
        match step {
            0 => Attributes::Created {
                customer_id: format!("CUST-{:04}", order % 5000),
                restaurant_id: format!("REST-{:03}", order % 200),
                items: vec![Item { name: "Margherita".to_owned(), quantity: 2, unit_price_cents: 950 }],
                total_cents: 1900,
                currency: "EUR".to_owned(),
            },
            1 => Attributes::Paid { payment_method: "card".to_owned(), amount_cents: Some(1900) },
            last if last + 1 == self.events_per_order => Attributes::Delivered,
            _ => Attributes::Shipped { courier_id: format!("COUR-{:03}", (order + step) % 300) },
        }
    }

    fn write_value(&self, event: &NewEvent, value: &mut Vec<u8>) -> Result<(), Failure> {
        value.clear();
        event.write_json(value)?;
        // The closing brace comes after the further fields.
        value.pop();
        for field in 0..self.more_fields {
            let mut buffer = Uuid::encode_buffer();
            let text = &Uuid::new_v4().simple().encode_lower(&mut buffer)[..FIELD_CHARS];
            write!(value, r#","field_{field:03}":"{text}""#)?;
        }
        value.push(b'}');
        Ok(())
    }
}

fn send(writer: &mut LogWriter, event: &NewEvent, value: &[u8]) -> Result<(), Failure> {
    let traceparent = format!("00-{}-{:016x}-01", Uuid::new_v4().simple(), event.sequence);
    let record = Outgoing {
        event: event.event(),
        key: Some(event.order_id.as_str()),
        value,
        content_type: "application/json",
        traceparent: Some(&traceparent),
    };
    while writer.send(&record)? == Sent::Full {
        writer.serve(WAIT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use orders::Status;
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn a_life_ends_with_the_delivery() {
        let lives = Lives { orders: 1, events_per_order: 6, in_flight: 1, more_fields: 0 };
        let life = (0..6).map(|step| lives.event(0, step).unwrap().event().status());
        let [pending, paid, shipped, delivered, _] = Status::ALL;
        assert_eq!(life.collect::<Vec<_>>(), [pending, paid, shipped, shipped, shipped, delivered]);
    }

    #[test]
    fn wide_events_have_a_hundred_more_fields_and_about_4_kb() {
        let value = |more_fields| {
            let lives = Lives { orders: 1, events_per_order: 4, in_flight: 1, more_fields };
            let mut value = Vec::new();
            lives.write_value(&lives.event(0, 2).unwrap(), &mut value).unwrap();
            value
        };
        let fields = |value: &[u8]| serde_json::from_slice::<Map<String, Value>>(value).unwrap().len();
        let wide = value(100);
        assert_eq!(fields(&wide), fields(&value(0)) + 100);
        assert!((3900..4300).contains(&wide.len()), "{} bytes", wide.len());
    }
}
