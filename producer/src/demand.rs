//! Which orders to make up, and how they differ.

/// See the module.
#[derive(Clone, Debug)]
pub struct Demand {
    /// `None`: without end.
    pub count: Option<u64>,
    pub seed: u64,
    pub id_prefix: String,
    pub cancel_share: f64,
    pub duplicate_share: f64,
    /// How many orders are under way at a time, on average.
    pub in_flight: f64,
}
