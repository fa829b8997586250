//! Decisions: numbered acts of an operator about single records, and how the writers of a build learn
//! of them.
//!
//! Decisions are taken one at a time, under a lock that is held until the commit. So they become
//! visible in the order of their numbers, and a cut that names the latest one is complete. A writer of
//! a build that is not active shares this lock while it writes a batch. Lock order: this lock, rows of
//! `builds`, rows of `rebuilds`, then the tables of a build.

use std::collections::HashMap;

use orders::{Cause, Offset, Partition, Position, Positions, Record, Rejection, SchemaId, Schemas, Time};
use tokio_postgres::{Client, Row, Transaction};

use crate::ORDERS;
use crate::error::{Error, Result};
use crate::schemas::KnownSchemas;
use crate::session::Session;
use crate::sql::Timestamptz;

/// The number has no meaning; it only has to differ from those of our other locks.
const DECISIONS_LOCK: i64 = 0x00f0_0d05;

/// `$1` is the view; `$2` the partitions, with the offsets from `$3` up to, not including, `$4`; `$5` the
/// latest decision that is known.
pub(crate) fn decided_since() -> &'static str {
    "/* views::decisions::decided_since */ SELECT EXISTS (
    SELECT FROM public.decisions AS d
    JOIN unnest($2::int[], $3::bigint[], $4::bigint[]) AS span (partition, from_offset, to_offset)
        ON d.partition = span.partition AND d.from_offset >= span.from_offset AND d.from_offset < span.to_offset
    WHERE d.view = $1 AND d.kind IN ('retry', 'discard') AND d.id > $5)"
}

/// What an operator decides about a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The record is decoded again and applied.
    Retry,
    /// The record stays out for good.
    Discard,
}

impl Verdict {
    /// Its name in column `decisions.kind`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    /// The state of a dead letter after it, in column `dead_letters.state`.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Discard => "discarded",
        }
    }
}

/// A decision about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub id: i64,
    pub verdict: Verdict,
    /// The dead letter as it was when it was decided about.
    pub dead_letter: Rejection,
}

/// The last decision about each of some records.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    upto: i64,
    by_record: HashMap<(Partition, Offset), Decided>,
    /// How many questions about schemas had begun when these decisions had been read. A schema was kept before its retry
    /// was committed, so a question that begins later finds it.
    questions: u64,
}

impl Decisions {
    #[must_use]
    pub fn of(&self, partition: Partition, offset: Offset) -> Option<&Decided> {
        if self.by_record.is_empty() { None } else { self.by_record.get(&(partition, offset)) }
    }

    /// The schema that has to be asked for before this record can be decoded. A retry is made after its schema was kept, so
    /// for a retried record it does not count that the schema was not found earlier.
    pub(crate) fn missing_schema(&self, known: &Schemas, record: &Record<'_>) -> Option<SchemaId> {
        match self.of(record.partition, record.offset) {
            Some(Decided { verdict: Verdict::Retry, .. }) => {
                known.missing_for_retry(record.value, self.questions)
            }
            _ => known.missing(record.value),
        }
    }

    pub(crate) fn add(&mut self, partition: Partition, offset: Offset, decided: Decided) {
        self.upto = self.upto.max(decided.id);
        self.by_record.insert((partition, offset), decided);
    }

    /// The highest number among the decisions; 0 if there are none.
    pub(crate) fn upto(&self) -> i64 {
        self.upto
    }
}

/// The decisions about records from these positions on. `known`: the schemas with which these records are decoded.
pub async fn ahead(session: &Session, positions: &Positions, known: &KnownSchemas) -> Result<Decisions> {
    let partitions: Vec<_> = positions.partitions().map(|partition| partition.0).collect();
    let from: Vec<_> = positions.iter().map(|(_, position)| position.0).collect();
    let rows = session
        .client
        .query(
            "/* views::decisions::ahead */ SELECT d.partition, d.from_offset, d.id, d.kind, d.cause, d.error, d.order_id
             FROM public.decisions AS d
             JOIN unnest($2::int[], $3::bigint[]) AS span (partition, from_offset)
                 ON d.partition = span.partition AND d.from_offset >= span.from_offset
             WHERE d.view = $1 AND d.kind IN ('retry', 'discard') ORDER BY d.id",
            &[&ORDERS, &partitions, &from],
        )
        .await
        .map_err(Error::during("reading decisions"))?;
    // After the rows: until then, a question may have begun before a decision that is among them.
    let mut decisions = Decisions { questions: known.now().questions(), ..Decisions::default() };
    for row in &rows {
        decisions.add(Partition(row.get(0)), Offset(row.get(1)), decided(row)?);
    }
    Ok(decisions)
}

fn decided(row: &Row) -> Result<Decided> {
    let cause: Option<&str> = row.get(4);
    let id = row.get(2);
    let cause: Cause = cause
        .unwrap_or_default()
        .parse()
        .map_err(|error| Error::DamagedDecision { id, cause: format!("column cause: {error}") })?;
    let message = row.get::<_, Option<String>>(5).unwrap_or_default();
    let verdict = match row.get(3) {
        "retry" => Verdict::Retry,
        "discard" => Verdict::Discard,
        kind => return Err(Error::DamagedDecision { id, cause: format!("column kind: {kind:?}") }),
    };
    let dead_letter = Rejection { order_id: row.get(6), ..Rejection::new(cause, message) };
    Ok(Decided { id, verdict, dead_letter })
}

/// The number of the latest decision; 0 if there is none.
pub async fn latest(session: &Session) -> Result<i64> {
    latest_on(&session.client).await
}

pub(crate) async fn latest_on(client: &Client) -> Result<i64> {
    let row = client
        .query_one("/* views::decisions::latest_on */ SELECT coalesce(max(id), 0) FROM public.decisions", &[])
        .await
        .map_err(Error::during("reading the last decision"))?;
    Ok(row.get(0))
}

/// Begins to decide. Waits for other decisions to commit, and for batches of builds that are not active.
pub(crate) async fn lock(tx: &Transaction<'_>) -> Result<()> {
    tx.batch_execute(&format!("/* views::decisions::lock */ SELECT pg_advisory_xact_lock({DECISIONS_LOCK})"))
        .await
        .map_err(Error::during("waiting to decide"))
}

/// A statement that keeps decisions from being taken until its transaction ends.
pub(crate) fn keep_away() -> String {
    format!("/* views::decisions::keep_away */ SELECT pg_advisory_xact_lock_shared({DECISIONS_LOCK})")
}

/// Records a decision and returns its number.
pub(crate) async fn record(
    tx: &Transaction<'_>,
    verdict: Verdict,
    (partition, offset): (Partition, Offset),
    reason: &str,
    dead_letter: &Rejection,
) -> Result<i64> {
    let row = tx
        .query_one(
            "/* views::decisions::record */ INSERT INTO public.decisions
                 (kind, view, partition, from_offset, to_offset, reason, cause, error, order_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
            &[
                &verdict.kind(),
                &ORDERS,
                &partition.0,
                &offset.0,
                &Position::after(offset).0,
                &reason,
                &dead_letter.cause.as_str(),
                &dead_letter.message,
                &dead_letter.order_id,
            ],
        )
        .await
        .map_err(Error::during("recording a decision"))?;
    Ok(row.get(0))
}

/// Records that the history of a partition below `upto` is kept where the log has lost it, and returns the number
/// of the decision.
pub(crate) async fn record_kept_history(
    tx: &Transaction<'_>,
    partition: Partition,
    upto: Position,
    reason: &str,
) -> Result<i64> {
    let row = tx
        .query_one(
            "/* views::decisions::record_kept_history */
             INSERT INTO public.decisions (kind, view, partition, from_offset, to_offset, reason)
             VALUES ('keep_history', $1, $2, 0, $3, $4) RETURNING id",
            &[&ORDERS, &partition.0, &upto.0, &reason],
        )
        .await
        .map_err(Error::during("recording a decision"))?;
    Ok(row.get(0))
}

/// A row of table `decisions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub id: i64,
    /// `retry`, `discard`, `accept_gap` or `keep_history`.
    pub kind: String,
    pub view: String,
    pub partition: i32,
    pub from_offset: i64,
    /// One past the last offset that the decision is about.
    pub to_offset: i64,
    pub reason: String,
    pub decided_at: Time,
    pub cause: Option<String>,
    pub error: Option<String>,
    pub order_id: Option<String>,
}

/// At most `limit` decisions after `after`, in the order of their numbers.
pub async fn export(session: &Session, after: i64, limit: i64) -> Result<Vec<Exported>> {
    let rows = session
        .client
        .query(
            "/* views::decisions::export */ SELECT id, kind, view, partition, from_offset, to_offset, reason, decided_at,
                 cause, error, order_id
             FROM public.decisions WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after, &limit],
        )
        .await
        .map_err(Error::during("exporting decisions"))?;
    Ok(rows
        .iter()
        .map(|row| Exported {
            id: row.get(0),
            kind: row.get(1),
            view: row.get(2),
            partition: row.get(3),
            from_offset: row.get(4),
            to_offset: row.get(5),
            reason: row.get(6),
            decided_at: row.get::<_, Timestamptz>(7).0,
            cause: row.get(8),
            error: row.get(9),
            order_id: row.get(10),
        })
        .collect())
}
