//! The flags of `bank-app load`.

use clap::Args;

#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// How many accounts to open
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub accounts: u32,

    /// Number of requests to send after the accounts are opened
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub requests: u32,

    /// Requests per second; 0 means as many as possible
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rate: u32,

    /// Seed: the same seed sends the same requests
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}
