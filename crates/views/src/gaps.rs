//! Gaps: records that the log lost before they were applied. An operator accepts one as a decision.

use orders::{Partition, Position};
use scoped_futures::ScopedFutureExt;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, ORDERS, decisions};

/// Offsets that the log lost before they were applied: from `from` up to, not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub partition: Partition,
    pub from: Position,
    pub to: Position,
}

impl Build {
    /// Records that the gap is accepted and moves the position over it, in one transaction. Returns the
    /// number of the decision; `None` if the position is not where the gap begins.
    pub async fn accept_gap(self, session: &mut Session, gap: Gap, reason: &str) -> Result<Option<i64>> {
        let build = self;
        session.run_tx("accepting a gap", |tx| {
        async move {
            let during = Error::during("accepting a gap");
            decisions::lock(tx).await?;
            // Only a switch changes this row, and no switch may come in between.
            tx.execute("/* views::gaps::accept_gap */ SELECT FROM public.builds WHERE id = $1 FOR SHARE", &[&build.0])
                .await
                .map_err(&during)?;
            tx.execute(
                &for_build(
                    "/* views::gaps::accept_gap */
                     INSERT INTO {build}.positions (view, partition, next_offset, owner_epoch) VALUES ($1, $2, 0, 0)
                     ON CONFLICT DO NOTHING",
                    build,
                ),
                &[&ORDERS, &gap.partition.0],
            )
            .await
            .map_err(&during)?;
            let moved = tx
                .execute(
                    &for_build(
                        "/* views::gaps::accept_gap */
                         UPDATE {build}.positions SET next_offset = $4, owner_epoch = owner_epoch + 1
                         WHERE view = $1 AND partition = $2 AND next_offset = $3",
                        build,
                    ),
                    &[&ORDERS, &gap.partition.0, &gap.from.0, &gap.to.0],
                )
                .await
                .map_err(&during)?;
            if moved == 0 {
                return Ok(None);
            }
            let row = tx
                .query_one(
                    "/* views::gaps::accept_gap */
                     INSERT INTO public.decisions (kind, view, partition, from_offset, to_offset, reason)
                     VALUES ('accept_gap', $1, $2, $3, $4, $5) RETURNING id",
                    &[&ORDERS, &gap.partition.0, &gap.from.0, &gap.to.0, &reason],
                )
                .await
                .map_err(&during)?;
            Ok(Some(row.get(0)))
        }
        .scope_boxed()
    })
    .await
    }
}
