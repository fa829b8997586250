//! The door through which every read goes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::join4;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::ReadError;
use super::cut::{CompleteCut, Cut};
use super::head::Head;
use super::source::Values;
use crate::Build;
use crate::connect::Database;
use crate::error::{Error, Result};
use crate::session::SessionKind;
use crate::sql::for_build;

/// Each run but the first follows a build that was dropped, or a connection that was lost.
const MAX_RUNS: u32 = 5;

/// A value, what it was true for, and how far the view was.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    pub head: Head,
    /// Of an as-of read.
    pub cut: Option<CompleteCut>,
    pub value: T,
}

impl<T> Answer<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { head: self.head, cut: self.cut, value: change(self.value) }
    }
}

/// A statement with `{build}` for the schema.
pub(super) struct Statement<'a> {
    pub kind: Kind,
    pub text: String,
    pub values: Values<'a>,
}

/// Whether a statement is planned once, or each time for its values.
pub(super) enum Kind {
    /// The same text over and over: a look-up by key.
    Prepared,
    /// The best plan depends on the values.
    Planned,
    /// The same, along an index up to the few rows that are wanted. The planner does not look
    /// through the fold to its LIMIT and would sort the whole history first.
    Streamed,
}

impl Kind {
    fn begin(&self) -> &'static str {
        match self {
            Self::Prepared => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Planned => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
            }
            Self::Streamed => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_bitmapscan = off"
            }
        }
    }
}

/// Reads the active build. Cheap to share: it holds a pool of connections.
pub struct Reader {
    database: Database,
    pool: Pool,
    /// The build that the last read found active.
    build: AtomicI64,
}

impl Reader {
    /// `size` connections at most; a read waits `wait` for one and then fails; a statement
    /// that takes longer than `statement_timeout` is ended.
    pub fn new(
        database: &Database,
        size: usize,
        wait: Duration,
        statement_timeout: Duration,
    ) -> Result<Self> {
        let pool = database.pool("food-orders api", SessionKind::Reads { statement_timeout }, size, wait)?;
        // Build 1 is the first of all; any other is found on the way.
        Ok(Self { database: database.clone(), pool, build: AtomicI64::new(1) })
    }

    /// How far the view is.
    pub async fn head(&self) -> Result<Head> {
        Ok(self.rows("reading how far the view is", None).await?.0)
    }

    /// Runs one statement in one snapshot with the head.
    pub(super) async fn read(
        &self,
        attempt: &'static str,
        cut: Option<&Cut>,
        statement: Statement<'_>,
    ) -> Result<Answer<Vec<Row>>, ReadError> {
        let (head, rows) = self.rows(attempt, Some(&statement)).await?;
        let cut = cut.map(|cut| cut.complete(&head)).transpose()?;
        Ok(Answer { head, cut, value: rows })
    }

    async fn rows(
        &self,
        attempt: &'static str,
        statement: Option<&Statement<'_>>,
    ) -> Result<(Head, Vec<Row>)> {
        let mut runs = 0;
        loop {
            runs += 1;
            let guess = Build(self.build.load(Ordering::Relaxed));
            match self.once(attempt, guess, statement).await {
                Ok((head, rows)) if head.build == guess => return Ok((head, rows)),
                Ok((head, _)) => self.build.store(head.build.0, Ordering::Relaxed),
                Err(error) if runs == MAX_RUNS || !may_run_again(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a read runs again");
                    if is_gone(&error) {
                        self.build.store(self.active().await?.0, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// The active build, read by itself: the guessed one is gone.
    async fn active(&self) -> Result<Build> {
        let client = self.connection("reading the active build").await?;
        Ok(crate::builds::active_on(&client).await?.build)
    }

    async fn once(
        &self,
        attempt: &'static str,
        build: Build,
        statement: Option<&Statement<'_>>,
    ) -> Result<(Head, Vec<Row>)> {
        let client = self.connection(attempt).await?;
        let error = Error::during(attempt);
        let head = client.prepare_cached(&for_build(Head::SQL, build)).await.map_err(&error)?;
        let text = statement.map(|statement| for_build(&statement.text, build)).unwrap_or_default();
        let prepared = match statement {
            Some(Statement { kind: Kind::Prepared, .. }) => {
                Some(client.prepare_cached(&text).await.map_err(&error)?)
            }
            _ => None,
        };
        let asked = Asked { database: self.database.clone(), client: Some(client) };
        let Some(client) = &asked.client else { return Err(Error::Unusable("no connection".into())) };
        let rows = async {
            match (statement, &prepared) {
                (None, _) => Ok(Vec::new()),
                (Some(statement), Some(prepared)) => {
                    client.query(prepared, &statement.values.untyped()).await
                }
                (Some(statement), None) => client.query_typed(&text, statement.values.typed()).await,
            }
        };
        let begin = statement.map_or(&Kind::Planned, |statement| &statement.kind).begin();
        // Sent in this order, in one go: a future sends when it is first polled.
        let (begun, head, rows, ended) = join4(
            client.batch_execute(begin),
            client.query_one(&head, &[]),
            rows,
            client.batch_execute("COMMIT"),
        )
        .await;
        asked.answered();
        begun.map_err(&error)?;
        // The first failure is the cause, the others follow from it.
        let head = head.map_err(&error)?;
        let rows = rows.map_err(&error)?;
        ended.map_err(&error)?;
        Ok((Head::of(&head)?, rows))
    }

    async fn connection(&self, attempt: &'static str) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(source) => Error::Database { attempt, source },
            error => Error::Pool { attempt, message: error.to_string() },
        })
    }
}

/// A connection that is being read from. Where the reader goes away before the answer,
/// such as for a client that hung up, the query is ended, and only then does the
/// connection go back to the pool.
struct Asked {
    database: Database,
    client: Option<Object>,
}

impl Asked {
    fn answered(mut self) {
        self.client = None;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        // None while the runtime itself goes down.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let database = self.database.clone();
        runtime.spawn(async move {
            if let Err(error) = database.cancel(&client.cancel_token()).await {
                tracing::debug!(%error, "a query that nobody waits for goes on");
            }
            // Answered after everything before it, the cancellation included.
            let _ = client.batch_execute("/* views::read::cancelled */").await;
        });
    }
}

/// A build that was dropped, or was being dropped (a deadlock with that), or a connection
/// that had died unseen in the pool.
fn may_run_again(error: &Error) -> bool {
    let passing = [SqlState::ADMIN_SHUTDOWN, SqlState::T_R_DEADLOCK_DETECTED];
    match error {
        Error::Database { source, .. } if source.is_closed() => true,
        error => is_gone(error) || error.sqlstate().is_some_and(|code| passing.contains(code)),
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error.sqlstate(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME))
}
