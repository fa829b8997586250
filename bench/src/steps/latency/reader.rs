//! Looks for the rows of the events that were sent.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use service::{Exit, Failure};
use tokio_postgres::{Client, Statement};

use super::LOST_AFTER;
use super::sender::Probe;
use crate::server::FreshDatabase;

/// How often the rows are queried, which bounds the error of the measured times.
const QUERY_INTERVAL: Duration = Duration::from_millis(1);

/// Queries the orders as a user of the tables would.
pub struct Reader {
    client: Client,
    visible: Statement,
}

impl Reader {
    /// `orders`: the table or view.
    pub async fn connect(fresh: &FreshDatabase, orders: &str) -> Result<Self, Failure> {
        let client = fresh.sql().await?;
        let visible = client
            .prepare(&format!(
                "/* bench::latency */ SELECT order_id FROM {orders} WHERE order_id = ANY($1::text[])"
            ))
            .await?;
        Ok(Self { client, visible })
    }

    /// Whether an order is visible within this time.
    pub async fn sees_within(&mut self, id: &str, limit: Duration) -> Result<bool, Failure> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if !self.client.query(&self.visible, &[&[id].as_slice()]).await?.is_empty() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(false)
    }

    /// Returns how long each order took to become visible, once the sender has ended and all orders are
    /// visible.
    pub async fn watch(&mut self, probes: &Receiver<Probe>) -> Result<Vec<Duration>, Failure> {
        let mut waiting: VecDeque<Probe> = VecDeque::new();
        let mut samples = Vec::new();
        let mut is_sending = true;
        while is_sending || !waiting.is_empty() {
            loop {
                match probes.try_recv() {
                    Ok(probe) => waiting.push_back(probe),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        is_sending = false;
                        break;
                    }
                }
            }
            if let Some((id, sent)) = waiting.front()
                && sent.elapsed() > LOST_AFTER
            {
                return Err(Failure::new(
                    Exit::Difference,
                    format!("order {id} did not become visible within {} s", LOST_AFTER.as_secs()),
                ));
            }
            let ids: Vec<&str> = waiting.iter().take(64).map(|(id, _)| id.as_str()).collect();
            if !ids.is_empty() {
                let rows = self.client.query(&self.visible, &[&ids]).await?;
                let now = Instant::now();
                let visible: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
                waiting.retain(|(id, sent)| {
                    let is_visible = visible.contains(&id.as_str());
                    if is_visible {
                        samples.push(now - *sent);
                    }
                    !is_visible
                });
            }
            tokio::time::sleep(QUERY_INTERVAL).await;
        }
        Ok(samples)
    }
}
