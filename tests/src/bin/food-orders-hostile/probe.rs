//! What other clients get while an attack runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::http;

const LIMIT: Duration = Duration::from_millis(100);
const MEMORY_LIMIT_MIB: u64 = 256;
/// A request that takes longer counts as so long.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

pub const HEAD: &str = "\
| attack | /health/live p50 / p99 / max, ms | /orders/{order_id} p50 / p99 / max, ms | memory of the api, MiB | answers to the attackers |
|---|---|---|---|---|";

pub struct Probe {
    address: SocketAddr,
    process: u32,
}

pub struct Measured {
    health: Times,
    order: Times,
    memory_mib: u64,
}

/// Sorted.
struct Times {
    times: Vec<Duration>,
    failed: usize,
}

impl Probe {
    pub fn new(address: SocketAddr, process: u32) -> Self {
        Self { address, process }
    }

    /// Measures on a thread of its own, so that it does not wait for the attackers' tasks.
    pub async fn run(self, time: Duration) -> Measured {
        let measure = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (health, order) = tokio::join!(
                    times(self.address, "/health/live", time),
                    times(self.address, "/orders/ORD-000007", time)
                );
                Measured { health, order, memory_mib: peak_mib(self.process) }
            })
        };
        tokio::task::spawn_blocking(measure).await.unwrap()
    }
}

async fn times(address: SocketAddr, path: &str, time: Duration) -> Times {
    let (mut times, mut failed) = (Vec::new(), 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        let begun = Instant::now();
        let status = tokio::time::timeout(GIVE_UP_AFTER, http::get(address, path, "")).await;
        times.push(begun.elapsed());
        failed += usize::from(!matches!(status, Ok(Ok(200))));
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable();
    Times { times, failed }
}

/// Makes the kernel count the peak of the memory from now on.
pub fn forget_peak(process: u32) {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

fn peak_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

impl Times {
    fn at(&self, share: f64) -> Duration {
        self.times[((self.times.len() - 1) as f64 * share) as usize]
    }

    fn is_fine(&self) -> bool {
        self.failed == 0 && self.at(0.99) <= LIMIT
    }

    fn cell(&self) -> String {
        let milliseconds = |share| format!("{:.1}", self.at(share).as_secs_f64() * 1000.0);
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let shares = [0.5, 0.99, 1.0].map(milliseconds).join(" / ");
        format!("{shares} ({} requests{failed})", self.times.len())
    }
}

impl Measured {
    pub fn is_fine(&self) -> bool {
        self.health.is_fine() && self.order.is_fine() && self.memory_mib <= MEMORY_LIMIT_MIB
    }

    /// A line of the table.
    pub fn line(&self, attack: &str, answers: &BTreeMap<String, usize>) -> String {
        let answers: Vec<_> = answers.iter().map(|(answer, count)| format!("{count} × {answer}")).collect();
        let answers = if answers.is_empty() { "none".into() } else { answers.join(", ") };
        let (health, order) = (self.health.cell(), self.order.cell());
        let verdict = if self.is_fine() { "" } else { " **missed**" };
        format!("| {attack}{verdict} | {health} | {order} | {} | {answers} |", self.memory_mib)
    }
}
