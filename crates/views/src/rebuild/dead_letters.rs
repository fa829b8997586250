//! The dead letters of a build, for a comparison with the log.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;

use futures_util::TryStreamExt;
use orders::{Cause, FRAMED_MESSAGE, Offset, Partition, Positions, Record, Rejection};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::history_scan::LogRows;
use crate::Build;
use crate::apply::Closed;
use crate::apply::dead_letter::Columns;
use crate::decisions::Verdict;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::{Timestamptz, for_build};

/// Dead letters by their records.
pub type KnownDeadLetters = BTreeMap<(Partition, Offset), KnownDeadLetter>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KnownDeadLetter {
    pub cause: String,
    /// How it was closed; `None`: it is open.
    pub closed: Option<Closed>,
    content: Hashes,
}

/// Hashes of what a row keeps of its record and of the rejection, by column: the values take up to 200 kB.
type Hashes = [(&'static str, u64); 7];

impl KnownDeadLetter {
    /// The first column that is neither what follows from the record, nor that in ASCII, which is written if
    /// PostgreSQL refuses the first. What PostgreSQL has said about a record is not known, and is not compared.
    #[must_use]
    pub fn wrong_column(&self, record: &Record<'_>, rejection: &Rejection) -> Option<&'static str> {
        let wrong = |is_reduced| {
            let expected = hashes(&Columns::of(record, rejection, is_reduced));
            let mut pairs = self.content.iter().zip(expected);
            let differing = pairs.find(|((column, found), (_, expected))| {
                let is_compared = *column != "error" || rejection.cause != Cause::RefusedByDatabase;
                is_compared && found != expected
            });
            differing.map(|((column, _), _)| *column)
        };
        let first = wrong(false)?;
        wrong(true).map(|_| first)
    }

    fn of(row: &Row) -> ((Partition, Offset), Self) {
        let verdict = match row.get(3) {
            "retried" => Some(Verdict::Retry),
            "discarded" => Some(Verdict::Discard),
            _ => None,
        };
        // A closed dead letter without a decision is a difference: there is no decision 0.
        let decision = row.get::<_, Option<i64>>(4).unwrap_or_default();
        let closed = verdict.map(|verdict| Closed { verdict, decision });
        let Timestamptz(appended_at) = row.get(11);
        let content = hashes(&Columns {
            error: row.get(5),
            order_id: row.get(6),
            key: row.get(7),
            payload: row.get(8),
            payload_bytes: row.get(9),
            headers: row.get(10),
            appended_at,
        });
        ((Partition(row.get(0)), Offset(row.get(1))), Self { cause: row.get(2), closed, content })
    }
}

fn hashes(columns: &Columns) -> Hashes {
    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }
    [
        ("error", hash(&columns.error)),
        ("order_id", hash(&columns.order_id)),
        ("key", hash(&columns.key)),
        ("payload", hash(&columns.payload)),
        ("payload_bytes", hash(columns.payload_bytes)),
        // A list of texts, so equal values are printed alike.
        ("headers", hash(columns.headers.to_string())),
        ("appended_at", hash(columns.appended_at)),
    ]
}

impl Build {
    /// All of its dead letters: a consumer that finds many stops, so there are few.
    pub async fn dead_letters(self, session: &Session, which: LogRows) -> Result<KnownDeadLetters> {
        self.read_dead_letters(session, &format!("WHERE {}", which.condition()), &[]).await
    }

    /// The dead letters from these positions on.
    pub async fn dead_letters_from(self, session: &Session, starts: &Positions) -> Result<KnownDeadLetters> {
        let (partitions, offsets): (Vec<i32>, Vec<i64>) =
            starts.iter().map(|(partition, start)| (partition.0, start.0)).unzip();
        let join = "JOIN unnest($1::int[], $2::bigint[]) AS starts (partition, start)
            ON l.partition = starts.partition AND l.\"offset\" >= starts.start";
        self.read_dead_letters(session, join, &[&partitions, &offsets]).await
    }

    /// The first open dead letters of this build, from the positions `from` up to `to`, whose records had no known schema, and
    /// are not dead letters of `other`, which has read them: there they are events.
    pub async fn without_schemas_beside(
        self,
        session: &Session,
        other: Self,
        from: &Positions,
        to: &Positions,
    ) -> Result<Vec<(Partition, Offset)>> {
        let partitions: Vec<i32> = to.partitions().map(|partition| partition.0).collect();
        let starts: Vec<i64> = to.partitions().map(|partition| from.of(partition).0).collect();
        let ends: Vec<i64> = to.iter().map(|(_, end)| end.0).collect();
        let statement = for_build(
            "/* views::rebuild::dead_letters::without_schemas_beside */ SELECT l.partition, l.\"offset\"
             FROM {build}.dead_letters AS l
             JOIN unnest($1::int[], $2::bigint[], $3::bigint[]) AS span (partition, from_offset, to_offset)
                 ON l.partition = span.partition AND l.\"offset\" >= span.from_offset AND l.\"offset\" < span.to_offset
             WHERE l.state = 'open'
                 AND (l.cause = 'unknown_schema' OR l.cause = 'bad_json' AND starts_with(l.error, $4))
                 AND NOT EXISTS (SELECT FROM {other}.dead_letters AS o
                     WHERE o.partition = l.partition AND o.\"offset\" = l.\"offset\")
             ORDER BY l.partition, l.\"offset\" LIMIT 100",
            self,
        );
        let statement = statement.replace("{other}", &other.schema());
        let rows = session
            .client
            .query(&statement, &[&partitions, &starts, &ends, &FRAMED_MESSAGE])
            .await
            .map_err(Error::during("comparing the dead letters with those of the live build"))?;
        Ok(rows.iter().map(|row| (Partition(row.get(0)), Offset(row.get(1)))).collect())
    }

    async fn read_dead_letters(
        self,
        session: &Session,
        condition: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<KnownDeadLetters> {
        let during = Error::during("reading the dead letters");
        let statement = format!(
            "/* views::rebuild::dead_letters::read_dead_letters */
             SELECT l.partition, l.\"offset\", l.cause, l.state, l.decision, l.error, l.order_id, l.key, l.payload,
                 l.payload_bytes, l.headers, l.appended_at
             FROM {{build}}.dead_letters AS l {condition}"
        );
        let statement = for_build(&statement, self);
        let rows = session.client.query_raw(&statement, values.iter().copied()).await.map_err(&during)?;
        let mut rows = pin!(rows);
        let mut dead_letters = KnownDeadLetters::new();
        while let Some(row) = rows.try_next().await.map_err(&during)? {
            let (at, dead_letter) = KnownDeadLetter::of(&row);
            dead_letters.insert(at, dead_letter);
        }
        Ok(dead_letters)
    }
}
