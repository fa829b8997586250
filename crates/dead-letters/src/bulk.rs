//! A retry of all open dead letters of one cause, a limited number at a time.

use std::time::Instant;

use orders::{Cause, Record, Rejection};
use views::Session;
use views::dead_letters::{DeadLetterId, retry};
use views::read::{DeadLetter, DeadLetterFilter, Reader};

use crate::bulk_report::BulkRetryReport;
use crate::error::Result;
use crate::operator::{Operator, is_fault_of_the_record, refused_by_database};
use crate::reason::Reason;
use crate::records::Records;
use crate::state::DeadLetterState;

/// The most dead letters in one transaction.
const MAX_DEAD_LETTERS: i64 = 100;
/// The most bytes of their records in one transaction, unless a single record has more.
const MAX_BYTES: i64 = 16 << 20;

impl Operator {
    /// Retries all open dead letters of `cause`, each by a decision of its own. No transaction begins after
    /// `until`; the report then says that it is not complete.
    pub async fn retry_all(
        &self,
        reader: &Reader,
        cause: Cause,
        reason: &Reason,
        until: Instant,
    ) -> Result<BulkRetryReport> {
        let open = DeadLetterState::Open.to_string();
        let filter = DeadLetterFilter { state: Some(open), cause: Some(cause), order_id: None };
        let mut report = BulkRetryReport::new(cause);
        let mut session = self.session().await?;
        let mut after = None;
        while Instant::now() < until {
            let page = reader.dead_letters(&filter, after, MAX_DEAD_LETTERS, true).await?.value.rows;
            let dead_letters = bounded(page);
            let Some(last) = dead_letters.last() else {
                report.complete = true;
                break;
            };
            after = Some(last.id);
            self.retry_some(&mut session, dead_letters, reason, &mut report).await?;
        }
        let BulkRetryReport { retried, applied, still_refused, .. } = report;
        tracing::info!(%cause, retried, applied, still_refused, "dead letters were retried");
        Ok(report)
    }

    async fn retry_some(
        &self,
        session: &mut Session,
        dead_letters: Vec<DeadLetter>,
        reason: &Reason,
        report: &mut BulkRetryReport,
    ) -> Result<()> {
        let records = Records::read(&self.kafka, dead_letters).await?;
        self.schemas.learn_again(records.iter().filter_map(|(_, record)| record)).await?;
        let mut decodable: Vec<Record<'_>> = Vec::new();
        for (dead_letter, record) in records.iter() {
            report.retried += 1;
            let Some(record) = record else {
                report.gone += 1;
                continue;
            };
            match self.codec.decoder().decode(&record) {
                Ok(_) => decodable.push(record),
                Err(rejection) => report.refuse(dead_letter.id, rejection),
            }
        }
        if decodable.is_empty() {
            return Ok(());
        }
        match retry(session, &self.codec, reason.as_str(), &decodable).await {
            Ok(outcomes) => report.count(&outcomes),
            Err(error) if is_fault_of_the_record(&error) => {
                // The error does not say which record is at fault, and the others must not suffer for it.
                self.retry_one_by_one(session, &decodable, reason, report).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn retry_one_by_one(
        &self,
        session: &mut Session,
        records: &[Record<'_>],
        reason: &Reason,
        report: &mut BulkRetryReport,
    ) -> Result<()> {
        for record in records {
            match retry(session, &self.codec, reason.as_str(), &[*record]).await {
                Ok(outcomes) => report.count(&outcomes),
                Err(error) if is_fault_of_the_record(&error) => {
                    let rejection: Rejection = refused_by_database(&error);
                    report.refuse(
                        DeadLetterId { partition: record.partition, offset: record.offset },
                        rejection,
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The first of `dead_letters` whose records fit into memory together, but at least one.
fn bounded(mut dead_letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
    let mut bytes = 0;
    let fitting = dead_letters.iter().take_while(|dead_letter| {
        bytes += i64::from(dead_letter.payload_bytes);
        // How large the key and the headers are in the log is not known if they were cut: such a record comes alone.
        if dead_letter.has_cut_envelope() {
            bytes += MAX_BYTES;
        }
        bytes <= MAX_BYTES
    });
    let fitting = fitting.count().max(1);
    dead_letters.truncate(fitting);
    dead_letters
}
