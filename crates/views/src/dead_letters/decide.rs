//! Deciding about dead letters: in one transaction, numbered, and applied to every build that has the
//! dead letters.

use std::collections::HashMap;

use orders::{Partition, Position, Positions, Record, Rejection};
use scoped_futures::ScopedFutureExt;
use tokio_postgres::Transaction;

use super::DeadLetterId;
use super::builds::{self, Target};
use crate::Build;
use crate::apply::{Batch, Codec, Rows, Way};
use crate::decisions::{self, Decided, Decisions, Verdict};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::totals::{self, Totals};

/// What became of one dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The number of the decision.
    Decided(i64),
    /// The active build has no dead letter with this id.
    Missing,
    /// It was decided about earlier.
    Closed { state: String, decision: Option<i64> },
}

struct Act<'a> {
    verdict: Verdict,
    reason: &'a str,
    ids: Vec<DeadLetterId>,
    codec: &'a Codec,
    /// For a retry: the records of the dead letters, sorted by partition and offset.
    records: &'a [Record<'a>],
}

/// Applies records that were dead letters. They have to be sorted by partition and offset, and to decode.
/// An error whose recovery is [`crate::Recovery::Record`] means that PostgreSQL refused one of them. After
/// any error but [`Error::MayBeCommitted`] nothing has changed.
pub async fn retry(
    session: &mut Session,
    codec: &Codec,
    reason: &str,
    records: &[Record<'_>],
) -> Result<Vec<Outcome>> {
    let id = |record: &Record<'_>| DeadLetterId { partition: record.partition, offset: record.offset };
    let ids = records.iter().map(id).collect();
    decide(session, &Act { verdict: Verdict::Retry, reason, ids, codec, records }).await
}

/// Closes a dead letter whose record stays out of the tables.
pub async fn discard(
    session: &mut Session,
    codec: &Codec,
    reason: &str,
    id: DeadLetterId,
) -> Result<Outcome> {
    let act = Act { verdict: Verdict::Discard, reason, ids: vec![id], codec, records: &[] };
    Ok(decide(session, &act).await?.pop().unwrap_or(Outcome::Missing))
}

async fn decide(session: &mut Session, act: &Act<'_>) -> Result<Vec<Outcome>> {
    session
        .run_tx("deciding about dead letters", |tx| async move { decide_in(tx, act).await }.scope_boxed())
        .await
}

async fn decide_in(tx: &Transaction<'_>, act: &Act<'_>) -> Result<Vec<Outcome>> {
    // A rebuild that builds an index, or a frozen writer, may hold a lock for long.
    tx.batch_execute("/* views::dead_letters::decide::decide */ SET LOCAL lock_timeout = '2s'")
        .await
        .map_err(Error::during("beginning to decide"))?;
    decisions::lock(tx).await?;
    let targets = builds::lock(tx).await?;
    let active = targets.iter().find(|target| target.is_active);
    let active = active.ok_or(Error::NoActiveBuild)?.build;
    let dead_letters = found(tx, active, &act.ids).await?;
    let mut decided = Decisions::default();
    let mut outcomes = Vec::with_capacity(act.ids.len());
    for id in &act.ids {
        outcomes.push(match dead_letters.get(id) {
            None => Outcome::Missing,
            Some((Outcome::Closed { state, .. }, dead_letter)) if state == "open" => {
                let record = (id.partition, id.offset);
                let number = decisions::record(tx, act.verdict, record, act.reason, dead_letter).await?;
                let decision = Decided { id: number, verdict: act.verdict, dead_letter: dead_letter.clone() };
                decided.add(id.partition, id.offset, decision);
                Outcome::Decided(number)
            }
            Some((closed, _)) => closed.clone(),
        });
    }
    let mut changes = Vec::with_capacity(targets.len());
    for target in &targets {
        changes.push((target.build, apply(tx, act, *target, &decided).await?));
    }
    // After all other locks.
    for (build, changes) in changes {
        totals::add(tx.client(), build, &changes).await?;
    }
    Ok(outcomes)
}

/// The dead letters' states, and why their records were rejected.
async fn found(
    tx: &Transaction<'_>,
    build: Build,
    ids: &[DeadLetterId],
) -> Result<HashMap<DeadLetterId, (Outcome, Rejection)>> {
    let (partitions, offsets) = columns(ids);
    let rows = tx
        .query(
            &for_build(
                "/* views::dead_letters::decide::found */ SELECT l.partition, l.\"offset\", l.state, l.decision, l.cause, l.error, l.order_id
                 FROM {build}.dead_letters AS l
                 JOIN unnest($1::int[], $2::bigint[]) AS asked (partition, \"offset\") USING (partition, \"offset\")",
                build,
            ),
            &[&partitions, &offsets],
        )
        .await
        .map_err(Error::during("reading dead letters"))?;
    rows.iter()
        .map(|row| {
            let id = DeadLetterId { partition: Partition(row.get(0)), offset: orders::Offset(row.get(1)) };
            let cause = row.get::<_, &str>(4).parse();
            let cause = cause
                .map_err(|error| Error::DamagedDeadLetter { id, cause: format!("column cause: {error}") })?;
            let rejection =
                Rejection { order_id: row.get(6), ..Rejection::new(cause, row.get::<_, String>(5)) };
            Ok((id, (Outcome::Closed { state: row.get(2), decision: row.get(3) }, rejection)))
        })
        .collect()
}

fn columns(ids: &[DeadLetterId]) -> (Vec<i32>, Vec<i64>) {
    ids.iter().map(|id| (id.partition.0, id.offset.0)).unzip()
}

/// Closes those of the dead letters that the build has, and writes the records that a retry admits. Returns how the
/// totals change.
async fn apply(tx: &Transaction<'_>, act: &Act<'_>, target: Target, decided: &Decisions) -> Result<Totals> {
    let mut changes = Totals::default();
    let open: Vec<(DeadLetterId, i64)> =
        act.ids.iter().filter_map(|id| Some((*id, decided.of(id.partition, id.offset)?.id))).collect();
    if open.is_empty() {
        return Ok(changes);
    }
    let (ids, numbers): (Vec<DeadLetterId>, Vec<i64>) = open.into_iter().unzip();
    let (partitions, offsets) = columns(&ids);
    let rows = tx
        .query(
            &for_build(
                "/* views::dead_letters::decide::apply */ UPDATE {build}.dead_letters AS l SET state = $1, decision = decided.id
                 FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS decided (partition, \"offset\", id)
                 WHERE l.partition = decided.partition AND l.\"offset\" = decided.\"offset\" AND l.state = 'open'
                 RETURNING l.partition, l.\"offset\", l.kept_by",
                target.build,
            ),
            &[&act.verdict.state(), &partitions, &offsets, &numbers],
        )
        .await
        .map_err(Error::during("closing dead letters"))?;
    changes.open_dead_letters -= rows.len() as i64;
    let closed: HashMap<(i32, i64), Option<i64>> =
        rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
    let closed = |record: &Record<'_>| closed.get(&(record.partition.0, record.offset.0));
    let admitted: Vec<Record<'_>> =
        act.records.iter().copied().filter(|record| closed(record).is_some()).collect();
    if admitted.is_empty() {
        return Ok(changes);
    }
    // From the start of each partition: a batch leaves out records below its positions.
    let from: Positions = admitted.iter().map(|record| (record.partition, Position::START)).collect();
    let decoder = act.codec.decoder();
    let batch = match target.history_only {
        true => Batch::encode_history(&decoder, &from, decided, &admitted),
        false => Batch::encode(&decoder, &from, decided, &admitted),
    }?;
    if batch.applied() != admitted.len() {
        let (partition, offset) = (admitted[0].partition, admitted[0].offset);
        return Err(Error::Undecodable { partition, offset });
    }
    let rows = Rows::prepare(tx.client(), target.build).await?;
    let copy = rows.open(tx.client()).await;
    changes += rows.write(tx.client(), copy, &batch, Way::Upsert).await?;
    for record in &admitted {
        if let Some(Some(kept_by)) = closed(record) {
            keep(tx, act.codec, target.build, record, *kept_by).await?;
        }
    }
    Ok(changes)
}

/// Marks the row of a record that comes from a dead letter which was taken over from an earlier build: the log does not
/// hold it.
async fn keep(
    tx: &Transaction<'_>,
    codec: &Codec,
    build: Build,
    record: &Record<'_>,
    kept_by: i64,
) -> Result<()> {
    let (partition, offset) = (record.partition, record.offset);
    let decoder = codec.decoder();
    let decoded = decoder.decode_up_to(usize::MAX, record);
    let order_id = decoded.map_err(|_| Error::Undecodable { partition, offset })?.order_id;
    let attempt = "marking a record that the log has lost";
    let marked = tx
        .execute(
            &for_build(
                "/* views::dead_letters::decide::keep */ UPDATE {build}.order_history SET kept_by = $1
             WHERE order_id = $2 AND partition = $3 AND \"offset\" = $4",
                build,
            ),
            &[&kept_by, &order_id, &partition.0, &offset.0],
        )
        .await
        .map_err(Error::during(attempt))?;
    if marked != 1 {
        return Err(Error::RowCount { attempt, expected: 1, found: marked });
    }
    Ok(())
}
