//! What every answer says about itself: which build was read, and how far it was applied.

use orders::{Partition, Position, Positions, Time};
use tokio_postgres::Row;

use super::ReadError;
use crate::error::Error;
use crate::sql::Timestamptz;
use crate::{Build, PROJECTION_VERSION, Parts, Projection};

/// How far one partition was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub partition: Partition,
    pub next: Position,
    /// The append time of the last applied record; `None`: there is none yet.
    pub last_appended_at: Option<Time>,
}

/// From the same snapshot as the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub build: Build,
    pub projection: Projection,
    /// The latest decision; 0: there is none.
    pub decision: i64,
    pub open_dead_letters: i64,
    pub(super) parts: Parts,
    /// Ordered by partition.
    pub applied: Vec<Applied>,
}

impl Head {
    /// The statement that reads it of a build of this projection version.
    pub(super) fn sql(version: i32) -> String {
        let open = match version {
            PROJECTION_VERSION => {
                "(SELECT coalesce(sum(t.open_dead_letters), 0)::bigint FROM {build}.totals t)"
            }
            // Its tables may have no totals, but every version has these.
            _ => "(SELECT count(*) FROM {build}.dead_letters l WHERE l.state = 'open')",
        };
        include_str!("head.sql").replace("{open_dead_letters}", open)
    }

    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        let partitions: Vec<i32> = row.try_get("partitions").map_err(Error::during("reading the head"))?;
        let next: Vec<i64> = row.get("next_offsets");
        let times: Vec<Option<Timestamptz>> = row.get("last_appended_at");
        let applied = partitions
            .into_iter()
            .zip(next)
            .zip(times)
            .map(|((partition, next), time)| Applied {
                partition: Partition(partition),
                next: Position(next),
                last_appended_at: time.map(|time| time.0),
            })
            .collect();
        Ok(Self {
            build: Build(row.get("build")),
            projection: Projection::of(row.get("projection_version"), row.get("max_record_bytes")),
            decision: row.get("decision"),
            open_dead_letters: row.get("open_dead_letters"),
            parts: Parts::of_column(row.get("parts")),
            applied,
        })
    }

    /// [`ReadError::OtherProjection`] if the build was made by another version of the code.
    pub(super) fn check_version(&self) -> Result<(), ReadError> {
        match self.projection.version {
            PROJECTION_VERSION => Ok(()),
            active => Err(ReadError::OtherProjection { active, ours: PROJECTION_VERSION }),
        }
    }

    /// The applied positions.
    #[must_use]
    pub fn offsets(&self) -> Positions {
        self.applied.iter().map(|applied| (applied.partition, applied.next)).collect()
    }
}
