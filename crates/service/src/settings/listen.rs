//! Addresses to listen on.

use std::net::SocketAddr;

use clap::Args;

use super::Invalid;

#[derive(Args, Clone, Debug)]
pub struct MetricsArgs {
    /// Address to serve /health/live, /health/ready, /health/started and /metrics on, such as 127.0.0.1:9100; off
    /// without it
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<String>,
}

impl MetricsArgs {
    /// `None` if no address was given.
    pub fn validate(&self) -> Result<Option<SocketAddr>, Invalid> {
        let given = self.metrics_listen.as_deref().filter(|text| !text.trim().is_empty());
        given.map(|text| parse_listen("METRICS_LISTEN", text)).transpose()
    }
}

/// Parses an address to listen on; port 0 takes a free one.
pub fn parse_listen(variable: &'static str, text: &str) -> Result<SocketAddr, Invalid> {
    let text = text.trim();
    // `localhost` is the only name that needs no look-up.
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        Invalid::new(
            variable,
            format!("is {text:?}; it must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080"),
        )
    })
}
