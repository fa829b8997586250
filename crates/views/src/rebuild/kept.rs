//! Whether records of a build are those of the live build, column by column.

use orders::{Offset, Partition, Positions};
use serde_json::Value;
use tokio_postgres::{Client, Row};

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// More of them are not read.
const LIMIT: i64 = 101;

/// The columns that must be equal. When the record became a dead letter in this build, and who decided to keep it,
/// may differ.
const CONTENT: [(&str, &str); 2] = [
    (
        "order_history",
        "order_id, event, sequence, event_id, other_event_id, occurred_at, appended_at, details, trace_id, other_trace_id, decision",
    ),
    (
        "dead_letters",
        "state, cause, error, order_id, key, payload, payload_bytes, headers, appended_at, decision",
    ),
];

/// A record whose row is not the same in both builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unequal {
    pub table: &'static str,
    pub partition: Partition,
    pub offset: Offset,
    /// The columns of its row; `None`: there is no row.
    pub in_build: Option<Value>,
    pub in_live: Option<Value>,
}

impl Build {
    /// What is wrong with the rows that were taken over from the live build: they are not equal to its rows, or no
    /// decision explains them, or some are missing. `positions`: up to where records were taken over.
    pub async fn wrongly_kept(
        self,
        session: &Session,
        live: Self,
        positions: &Positions,
    ) -> Result<Vec<Unequal>> {
        let mut unequal = Vec::new();
        for (table, columns) in CONTENT {
            let statement = "/* views::rebuild::kept::wrongly_kept */
                SELECT k.partition, k.\"offset\", to_jsonb(k), to_jsonb(l)
                FROM {build}.{table} AS k
                LEFT JOIN {live}.{table} AS l ON l.partition = k.partition AND l.\"offset\" = k.\"offset\"
                LEFT JOIN public.decisions AS d ON d.id = k.kept_by AND d.kind = 'keep_history'
                    AND d.partition = k.partition AND k.\"offset\" < d.to_offset
                WHERE k.kept_by IS NOT NULL AND (d.id IS NULL OR ({k}) IS DISTINCT FROM ({l}))
                ORDER BY k.partition, k.\"offset\" LIMIT $1";
            let statement = tables(statement, self, live, table)
                .replace("{k}", &of("k", columns))
                .replace("{l}", &of("l", columns));
            unequal.extend(read(&session.client, table, &statement, &[&LIMIT]).await?);
        }
        let (partitions, ends) = columns(positions);
        let statement = "/* views::rebuild::kept::wrongly_kept */
            SELECT partition, \"offset\", NULL::jsonb, '{}'::jsonb FROM (
                SELECT partition, \"offset\" FROM {live}.order_history
                UNION SELECT partition, \"offset\" FROM {live}.dead_letters
                EXCEPT (SELECT partition, \"offset\" FROM {build}.order_history
                    UNION ALL SELECT partition, \"offset\" FROM {build}.dead_letters)) AS lost
            JOIN unnest($2::int[], $3::bigint[]) AS planned (partition, upto) USING (partition)
            WHERE \"offset\" < upto ORDER BY partition, \"offset\" LIMIT $1";
        let table = CONTENT[0].0;
        let statement = tables(statement, self, live, table);
        unequal.extend(read(&session.client, table, &statement, &[&LIMIT, &partitions, &ends]).await?);
        Ok(unequal)
    }
}

/// The records of the build below these positions that the live build has not, or not with the same content.
pub(super) async fn not_in_live(
    client: &Client,
    build: Build,
    live: Build,
    positions: &Positions,
) -> Result<Vec<Unequal>> {
    let (partitions, ends) = columns(positions);
    let mut unequal = Vec::new();
    for (table, columns) in CONTENT {
        let statement = "/* views::rebuild::kept::not_in_live */
            WITH planned AS (SELECT * FROM unnest($2::int[], $3::bigint[]) AS planned (partition, upto)), held AS (
                SELECT partition, \"offset\" FROM {build}.order_history JOIN planned USING (partition) WHERE \"offset\" < upto
                UNION SELECT partition, \"offset\" FROM {build}.dead_letters JOIN planned USING (partition) WHERE \"offset\" < upto
            )
            SELECT partition, \"offset\", to_jsonb(b), to_jsonb(l) FROM held
            LEFT JOIN {build}.{table} AS b USING (partition, \"offset\")
            LEFT JOIN {live}.{table} AS l USING (partition, \"offset\")
            WHERE ({b}) IS DISTINCT FROM ({l}) ORDER BY partition, \"offset\" LIMIT $1";
        let statement = tables(statement, build, live, table)
            .replace("{b}", &of("b", columns))
            .replace("{l}", &of("l", columns));
        unequal.extend(read(client, table, &statement, &[&LIMIT, &partitions, &ends]).await?);
    }
    Ok(unequal)
}

fn tables(statement: &str, build: Build, live: Build, table: &str) -> String {
    for_build(statement, build).replace("{live}", &live.schema()).replace("{table}", table)
}

/// Column names with the alias of their table.
fn of(alias: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{alias}.{column}")).collect::<Vec<_>>().join(", ")
}

fn columns(positions: &Positions) -> (Vec<i32>, Vec<i64>) {
    positions.iter().map(|(partition, position)| (partition.0, position.0)).unzip()
}

async fn read(
    client: &Client,
    table: &'static str,
    statement: &str,
    values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Unequal>> {
    let rows = client
        .query(statement, values)
        .await
        .map_err(Error::during("comparing a build with the live build"))?;
    let unequal = |row: &Row| Unequal {
        table,
        partition: Partition(row.get(0)),
        offset: Offset(row.get(1)),
        in_build: row.get(2),
        in_live: row.get(3),
    };
    Ok(rows.iter().map(unequal).collect())
}
