//! The table: what the ticks amount to. It knows neither Kafka nor the terminal.

use std::collections::BTreeMap;
use std::fmt;

use crate::tick::{Tick, dollars};

/// Anybody may write to the topic, so the number of symbols is bounded.
const MOST_SYMBOLS: usize = 100;

#[derive(Default)]
pub struct Table(BTreeMap<String, Row>);

/// One symbol in the minute of its latest tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Since 1970.
    pub minute: i64,
    /// This and the others in cents.
    pub last: u64,
    pub open: u64,
    pub high: u64,
    pub low: u64,
}

impl Table {
    /// Takes a tick that was appended at this time, and returns its row; `None` if the table is full.
    pub fn add(&mut self, tick: Tick, appended_millis: i64) -> Option<Row> {
        if self.0.len() >= MOST_SYMBOLS && !self.0.contains_key(&tick.symbol) {
            return None;
        }
        let price = tick.cents;
        let minute = appended_millis.div_euclid(60_000);
        let fresh = Row { minute, last: price, open: price, high: price, low: price };
        let row = self.0.entry(tick.symbol).or_insert(fresh);
        *row = if minute > row.minute {
            fresh
        } else {
            Row { last: price, high: row.high.max(price), low: row.low.min(price), ..*row }
        };
        Some(*row)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = (self.minute.div_euclid(60).rem_euclid(24), self.minute.rem_euclid(60));
        let [last, open, high, low] = [self.last, self.open, self.high, self.low].map(dollars);
        write!(f, "{hour:02}:{minute:02} {last:>12} {open:>12} {high:>12} {low:>12}")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:12}   UTC {:>12} {:>12} {:>12} {:>12}", "symbol", "last", "open", "high", "low")?;
        self.0.iter().try_for_each(|(symbol, row)| writeln!(f, "{symbol:12} {row}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tick(symbol: &str, cents: u64) -> Tick {
        Tick { symbol: symbol.to_owned(), cents }
    }

    #[test]
    fn a_minute_has_an_open_a_high_and_a_low() {
        let mut table = Table::default();
        let mut last = None;
        for (cents, millis) in [(100, 60_000), (300, 61_000), (50, 119_999)] {
            last = table.add(tick("A", cents), millis);
        }
        assert_eq!(last, Some(Row { minute: 1, last: 50, open: 100, high: 300, low: 50 }));
        let row = table.add(tick("A", 70), 120_000).unwrap();
        assert_eq!((row.open, row.high, row.low), (row.last, row.last, row.last));
        assert_eq!(table.add(tick("A", 80), 119_000).unwrap().minute, 2, "time does not go back");
        assert_eq!(table.to_string().lines().nth(1).unwrap().split_whitespace().nth(2), Some("$0.80"));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = Table::default();
        let added = (0..200).filter(|n| table.add(tick(&format!("S{n}"), 1), 0).is_some()).count();
        assert_eq!(added, MOST_SYMBOLS);
        assert!(table.add(tick("S0", 2), 0).is_some(), "what it has goes on");
    }

    proptest! {
        #[test]
        fn each_row_is_what_its_minute_holds(ticks in prop::collection::vec((0_usize..3, 1_u64..1000, 0_i64..200_000), 1..60)) {
            let mut ticks = ticks;
            ticks.sort_by_key(|(_, _, millis)| *millis);
            let (symbols, mut table, mut seen) = (["A", "B", "C"], Table::default(), Vec::new());
            for (symbol, cents, millis) in ticks {
                seen.push((symbol, cents, millis / 60_000));
                let row = table.add(tick(symbols[symbol], cents), millis).unwrap();
                let own = seen.iter().filter(|(one, _, minute)| (*one, *minute) == (symbol, millis / 60_000));
                let prices: Vec<_> = own.map(|(_, cents, _)| *cents).collect();
                prop_assert_eq!(row.open, prices[0]);
                prop_assert_eq!(row.last, cents);
                prop_assert_eq!(Some(row.high), prices.iter().copied().max());
                prop_assert_eq!(Some(row.low), prices.iter().copied().min());
            }
        }
    }
}
