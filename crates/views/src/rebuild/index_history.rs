//! Indexes a loaded history, so that it can be read order by order.

use scoped_futures::ScopedFutureExt;

use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::{Build, builds};

impl Build {
    /// Builds the history's indexes, unless an earlier run has built them.
    pub async fn index_history(self, session: &mut Session) -> Result<()> {
        let attempt = "building the indexes of a build's history";
        let during = &Error::during(attempt);
        session
            .run_once(attempt, |tx| {
                async move {
                    let are_there: bool = tx
                        .query_one(
                            &for_build(
                                "/* views::rebuild::index_history::index_history */
                                 SELECT to_regclass('{build}.order_history_pkey') IS NOT NULL",
                                self,
                            ),
                            &[],
                        )
                        .await
                        .map_err(during)?
                        .get(0);
                    if !are_there {
                        builds::add_history_indexes(tx, self).await?;
                    }
                    tx.batch_execute(&for_build(
                        "/* views::rebuild::index_history::index_history */ ANALYZE {build}.order_history",
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
