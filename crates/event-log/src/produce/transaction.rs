//! Transactions: chunks of records that become visible together.

use std::time::{Duration, Instant};

use orders::EventType;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::TURN;
use super::deliveries::Deliveries;
use crate::error::{Error, Result};

/// A transaction is committed when either limit is reached.
const MAX_RECORDS: u32 = 10_000;
const MAX_AGE: Duration = Duration::from_millis(500);
/// Bounds each call to the transaction coordinator. Must be shorter than `transaction.timeout.ms` (60 s).
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Transaction {
    /// When the open transaction began, and the number of its records.
    open: Option<(Instant, u32)>,
    committed: [u64; EventType::ALL.len()],
}

impl Transaction {
    /// Sets up transactions, which also aborts one that an earlier writer with the same
    /// `transactional.id` has left open.
    pub fn init(producer: &BaseProducer<Deliveries>) -> Result<Self> {
        producer.init_transactions(TIMEOUT).map_err(Error::during("setting up transactions"))?;
        Ok(Self { open: None, committed: Default::default() })
    }

    pub fn before_send(&mut self, producer: &BaseProducer<Deliveries>) -> Result<()> {
        self.commit_if_due(producer)?;
        if self.open.is_none() {
            producer.begin_transaction().map_err(Error::during("beginning a transaction"))?;
            self.open = Some((Instant::now(), 0));
        }
        Ok(())
    }

    pub fn after_send(&mut self) {
        if let Some((_, records)) = &mut self.open {
            *records += 1;
        }
    }

    pub fn commit_if_due(&mut self, producer: &BaseProducer<Deliveries>) -> Result<()> {
        match self.open {
            Some((since, records)) if records >= MAX_RECORDS || since.elapsed() >= MAX_AGE => {
                self.commit(producer, Instant::now() + TIMEOUT)
            }
            _ => Ok(()),
        }
    }

    /// Commits the open transaction, if there is one. If that fails it is rolled back, so that readers of
    /// committed records see none of its records.
    pub fn commit(&mut self, producer: &BaseProducer<Deliveries>, deadline: Instant) -> Result<()> {
        let Some((_, records)) = self.open.take() else { return Ok(()) };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match producer.commit_transaction(left.min(TURN)) {
                Ok(()) => {
                    self.committed = producer.context().acknowledged();
                    return Ok(());
                }
                Err(KafkaError::Transaction(error)) if error.is_retriable() && !left.is_zero() => {
                    producer.poll(Duration::from_millis(100).min(left));
                    producer.context().bootstrap.give_again(producer.client());
                }
                Err(error) => {
                    tracing::warn!(%error, records, "the transaction is rolled back");
                    if let Err(error) = producer.abort_transaction(TIMEOUT) {
                        tracing::warn!(%error, "rolling back the transaction failed too; the broker rolls it back after its time-out");
                    }
                    return Err(Error::during("committing a transaction")(error));
                }
            }
        }
    }

    pub fn committed(&self) -> [u64; EventType::ALL.len()] {
        self.committed
    }
}
