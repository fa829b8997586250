//! All open dead letters of one cause, retried a few at a time.

use std::time::Instant;

use orders::{Cause, Record, Rejection, decode};
use serde::Serialize;
use views::Session;
use views::apply::envelope;
use views::dead_letters::{DeadLetterId, Outcome, retry};
use views::read::{DeadLetter, DeadLetterFilter, Reader};

use crate::desk::{Desk, refused_by_database};
use crate::error::{Error, Result};
use crate::reason::Reason;
use crate::whole::Whole;

/// Dead letters of one transaction, and the bytes of their records: both bounded.
const DEAD_LETTERS: i64 = 100;
const BYTES: i64 = 16 << 20;
/// More refusals are counted, not listed.
const LISTED: usize = 10;

/// What came of it. Each dead letter that was met counts as retried and as one of the others.
#[derive(Clone, Debug, Serialize)]
pub struct BulkReport {
    pub cause: &'static str,
    pub retried: u64,
    /// Now in the tables.
    pub applied: u64,
    /// Refused again: still open.
    pub still_refused: u64,
    /// The log no longer has the whole record: still open.
    pub gone: u64,
    /// Somebody else was faster.
    pub closed_meanwhile: u64,
    /// Whether all were met; if not, ask again.
    pub complete: bool,
    /// The first of those that were refused.
    pub refusals: Vec<Refusal>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    pub id: String,
    pub cause: &'static str,
    pub error: String,
}

impl BulkReport {
    fn refuse(&mut self, id: DeadLetterId, rejection: Rejection) {
        self.still_refused += 1;
        if self.refusals.len() < LISTED {
            let Rejection { cause, message, .. } = rejection;
            self.refusals.push(Refusal { id: id.to_string(), cause: cause.as_str(), error: message });
        }
    }

    fn count(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Decided(_) => self.applied += 1,
                Outcome::Missing | Outcome::Closed { .. } => self.closed_meanwhile += 1,
            }
        }
    }
}

impl Desk {
    /// Retries all open dead letters of `cause`, each with a decision of its own. Begins no
    /// transaction after `until`.
    pub async fn retry_all(
        &self,
        reader: &Reader,
        cause: Cause,
        reason: &Reason,
        until: Instant,
    ) -> Result<BulkReport> {
        let filter = DeadLetterFilter { state: Some("open".into()), cause: Some(cause), order_id: None };
        let mut report = BulkReport {
            cause: cause.as_str(),
            retried: 0,
            applied: 0,
            still_refused: 0,
            gone: 0,
            closed_meanwhile: 0,
            complete: false,
            refusals: Vec::new(),
        };
        let mut session = self.session().await?;
        let mut after = None;
        while Instant::now() < until {
            let dead_letters = bounded(reader.dead_letters(&filter, after, DEAD_LETTERS, true).await?.value);
            let Some(last) = dead_letters.last() else {
                report.complete = true;
                break;
            };
            after = Some(last.id);
            self.retry_some(&mut session, dead_letters, reason, &mut report).await?;
        }
        let BulkReport { retried, applied, still_refused, .. } = report;
        tracing::info!(%cause, retried, applied, still_refused, "retried dead letters");
        Ok(report)
    }

    async fn retry_some(
        &self,
        session: &mut Session,
        dead_letters: Vec<DeadLetter>,
        reason: &Reason,
        report: &mut BulkReport,
    ) -> Result<()> {
        let whole = Whole::of(&self.kafka, dead_letters).await?;
        let mut decoding: Vec<Record<'_>> = Vec::new();
        for (dead_letter, record) in whole.records() {
            report.retried += 1;
            let Some(record) = record else {
                report.gone += 1;
                continue;
            };
            match decode(envelope(&record, self.codec.max_record_bytes), record.value) {
                Ok(_) => decoding.push(record),
                Err(rejection) => report.refuse(dead_letter.id, rejection),
            }
        }
        if decoding.is_empty() {
            return Ok(());
        }
        match retry(session, &self.codec, reason.as_str(), &decoding).await {
            Ok(outcomes) => report.count(&outcomes),
            // One by one: the others are not to blame.
            Err(error) if Error::is_of_the_record(&error) => {
                for record in &decoding {
                    match retry(session, &self.codec, reason.as_str(), &[*record]).await {
                        Ok(outcomes) => report.count(&outcomes),
                        Err(error) if Error::is_of_the_record(&error) => {
                            let id = DeadLetterId { partition: record.partition, offset: record.offset };
                            report.refuse(id, refused_by_database(&error));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// As many as fit into memory together, at least one.
fn bounded(mut dead_letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
    let mut bytes = 0;
    let fitting = dead_letters.iter().take_while(|dead_letter| {
        bytes += i64::from(dead_letter.payload_bytes);
        bytes <= BYTES
    });
    let fitting = fitting.count().max(1);
    dead_letters.truncate(fitting);
    dead_letters
}
