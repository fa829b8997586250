//! Which records won an order's groups of columns: the content of column `orders.winners`.
//!
//! The bytes are one entry per event type that the order has, in any order. The upsert appends the incoming
//! entries to those of the row, which is right because it takes an order only if no event type comes twice.
//! An entry is two numbers in LEB128: the partition times 8 plus the event's rank, then the offset.

use std::fmt;

use bytes::BufMut;
use orders::{EventType, Offset, OrderState, Partition};

use crate::error::{Error, Result};

/// For each event type, the record that gave the order its columns of that type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Winners([Option<(Partition, Offset)>; 5]);

impl Winners {
    #[must_use]
    pub fn of(state: &OrderState<'_>) -> Self {
        let mut winners = Self::default();
        for fact in state.winners() {
            winners.0[fact.event.index()] = Some((fact.at.partition, fact.at.offset));
        }
        winners
    }

    /// What the row of an order says. [`Error::DamagedOrder`] for bytes that no version of the program writes.
    pub(crate) fn of_order(order_id: &str, bytes: &[u8]) -> Result<Self> {
        Self::parse(bytes).ok_or_else(|| Error::DamagedOrder {
            order_id: order_id.to_owned(),
            cause: "column winners has another form".into(),
        })
    }

    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut winners = Self::default();
        while !bytes.is_empty() {
            let head = take_number(&mut bytes)?;
            let event = EventType::ALL.into_iter().find(|event| event.rank() as u64 == head & 7)?;
            let partition = Partition(i32::try_from(head >> 3).ok()?);
            let offset = Offset(i64::try_from(take_number(&mut bytes)?).ok()?);
            if winners.0[event.index()].replace((partition, offset)).is_some() {
                return None;
            }
        }
        Some(winners)
    }

    /// Appends the bytes.
    pub(crate) fn write(state: &OrderState<'_>, out: &mut impl BufMut) {
        for fact in state.winners() {
            // Kafka's partitions and offsets are never negative.
            put_number(out, (fact.at.partition.0 as u64) << 3 | fact.event.rank() as u64);
            put_number(out, fact.at.offset.0 as u64);
        }
    }

    /// In the order of the lifecycle.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EventType, Partition, Offset)> {
        EventType::ALL.into_iter().zip(self.0).filter_map(|(event, at)| {
            let (partition, offset) = at?;
            Some((event, partition, offset))
        })
    }
}

/// For example `OrderCreated 0-12, OrderPaid 1-7`: event, partition and offset.
impl fmt::Display for Winners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (event, partition, offset) in self.iter() {
            write!(f, "{comma}{event} {partition}-{offset}")?;
            comma = ", ";
        }
        Ok(())
    }
}

/// LEB128: seven bits in each byte, the lowest first; the highest bit says that another byte follows.
fn put_number(out: &mut impl BufMut, mut number: u64) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use orders::{Fact, Fields, LogOrder, Time};

    use super::*;

    fn state(records: &[(EventType, i32, i64)]) -> OrderState<'static> {
        let mut state = OrderState::default();
        for (event, partition, offset) in records {
            let (partition, offset) = (Partition(*partition), Offset(*offset));
            let at = LogOrder { appended_at: Time::from_millis(0), partition, offset };
            let fields = Fields::default();
            state.add(Fact {
                event: *event,
                sequence: event.rank(),
                at,
                occurred_at: at.appended_at,
                fields,
            });
        }
        state
    }

    fn bytes(state: &OrderState<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        Winners::write(state, &mut bytes);
        bytes
    }

    #[test]
    fn bytes_are_read_as_they_were_written() {
        for (partition, offset) in [(0, 0), (15, 127), (16, 128), (i32::MAX, i64::MAX)] {
            let state = state(&EventType::ALL.map(|event| (event, partition, offset)));
            assert_eq!(Winners::parse(&bytes(&state)), Some(Winners::of(&state)));
        }
        assert_eq!(Winners::parse(&[]), Some(Winners::default()));
        assert_eq!(bytes(&state(&[(EventType::OrderPaid, 3, 1_000_000)])).len(), 4, "few bytes for most");
    }

    #[test]
    fn entries_may_be_appended_in_any_order() {
        let (paid, created) = ((EventType::OrderPaid, 1, 7), (EventType::OrderCreated, 0, 12));
        let appended = [bytes(&state(&[paid])), bytes(&state(&[created]))].concat();
        let winners = Winners::parse(&appended).unwrap();
        assert_eq!(winners, Winners::of(&state(&[created, paid])));
        assert_eq!(winners.to_string(), "OrderCreated 0-12, OrderPaid 1-7");
    }

    #[test]
    fn other_bytes_are_refused() {
        let one = bytes(&state(&[(EventType::OrderCreated, 0, 300)]));
        let twice = [one.clone(), one.clone()].concat();
        for damaged in [&one[..1], &one[..2], &twice, &[0, 0], &[6, 0], &[0xff; 12]] {
            assert_eq!(Winners::parse(damaged), None, "{damaged:?}");
        }
    }
}
