//! Indexes a loaded history, so that it can be read order by order.

use scoped_futures::ScopedFutureExt;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::{Build, Part, builds};

impl Build {
    /// Builds the indexes of a part of the history, unless an earlier run has built them.
    pub async fn index_history(self, session: &mut Session, part: Part) -> Result<()> {
        let attempt = "building the indexes of a build's history";
        let during = &Error::during(attempt);
        session
            .run_once(attempt, |tx| {
                async move {
                    let are_there: bool = tx
                        .query_one(
                            &part.statement(
                                "/* views::rebuild::index_history::index_history */
                                 SELECT to_regclass('{build}.order_history{part}_pkey') IS NOT NULL",
                                self,
                            ),
                            &[],
                        )
                        .await
                        .map_err(during)?
                        .get(0);
                    if !are_there {
                        builds::add_history_indexes(tx, self, part).await?;
                    }
                    tx.batch_execute(&part.statement(
                        "/* views::rebuild::index_history::index_history */ ANALYZE {build}.order_history{part}",
                        self,
                    ))
                    .await
                    .map_err(during)
                }
                .scope_boxed()
            })
            .await
    }
}
