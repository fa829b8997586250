//! Made-up prices: a random walk for each symbol.

use rand::Rng;

use crate::tick::Tick;

/// Each symbol and its last price in cents.
pub struct Market([(&'static str, u64); 3]);

impl Market {
    pub fn new() -> Self {
        Self([("AAPL", 15_000), ("GOOGL", 14_000), ("MSFT", 40_000)])
    }

    /// The next tick of some symbol: up to half a percent away from its last price.
    pub fn tick(&mut self, rng: &mut impl Rng) -> Tick {
        let (symbol, cents) = &mut self.0[rng.random_range(0..3)];
        let step = (*cents / 200).max(1);
        *cents = rng.random_range(cents.saturating_sub(step).max(1)..=*cents + step);
        Tick { symbol: (*symbol).to_owned(), cents: *cents }
    }
}
