//! Every read goes through here: one statement in one snapshot with the head.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::future::join4;
use tokio::sync::Notify;
use tokio_postgres::error::SqlState;

use super::ReadError;
use super::cut::{CompleteCut, Cut};
use super::gate::{Gate, Pass};
use super::head::Head;
use super::in_flight::InFlight;
use super::rows::Rows;
use super::statement::{Kind, Statement};
use super::turns::{Turn, Turns};
use crate::connect::Database;
use crate::error::{Error, Recovery, Result};
use crate::session::SessionKind;
use crate::{Build, PROJECTION_VERSION, Parts};

/// How often a read runs at most. It runs again if its build was dropped or its connection was lost.
const MAX_RUNS: u32 = 5;

/// A value, the cut that it is true for, and how far the view was applied.
#[derive(Debug)]
pub struct Answer<T> {
    pub head: Head,
    /// `None`: the read was not as of a cut.
    pub cut: Option<CompleteCut>,
    pub value: T,
    /// Only of a large answer: keep it until nothing more is to be done with the value.
    pub turn: Option<Turn>,
}

impl<T> Answer<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        let Self { head, cut, value, turn } = self;
        let value = Turn::work(turn.as_ref(), || change(value));
        Answer { head, cut, value, turn }
    }

    /// The same with a change that may fail.
    pub(super) fn try_map<U>(self, change: impl FnOnce(T) -> Result<U>) -> Result<Answer<U>, ReadError> {
        let Self { head, cut, value, turn } = self;
        let value = Turn::work(turn.as_ref(), || change(value))?;
        Ok(Answer { head, cut, value, turn })
    }
}

/// Reads the active build, over a pool of connections.
pub struct Reader {
    database: Database,
    pool: Pool,
    gate: Gate,
    turns: Turns,
    /// What the last read found.
    guess: Mutex<Guess>,
}

/// What one statement found, in one snapshot with the head.
struct Found {
    head: Head,
    rows: Rows,
    /// Only of a read that may take long.
    pass: Option<Arc<Pass>>,
}

/// Which build is active, which projection version it has, and into how many parts its tables are divided.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Guess {
    build: Build,
    version: i32,
    parts: Parts,
}

impl Guess {
    /// Puts in what depends on the build.
    fn statement(self, text: &str) -> String {
        let text = text.replace("{parts}", &self.parts.count().to_string());
        self.parts.first().statement(&text, self.build)
    }
}

/// Which builds have what a statement reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    OfThisVersion,
    OfAnyVersion,
}

impl Reader {
    /// At most `size` connections, half of them for reads that may take long. A read waits for one no longer than `wait`,
    /// and then fails; a statement that takes longer than `statement_timeout` is cancelled.
    pub fn new(
        database: &Database,
        size: usize,
        wait: Duration,
        statement_timeout: Duration,
    ) -> Result<Self> {
        let pool = database.pool("food-orders api", SessionKind::Reads { statement_timeout }, size, wait)?;
        // The first read corrects it.
        let guess = Guess { build: Build(1), version: PROJECTION_VERSION, parts: Parts::ONE };
        let (gate, turns) = (Gate::new(size, wait), Turns::default());
        Ok(Self { database: database.clone(), pool, gate, turns, guess: Mutex::new(guess) })
    }

    /// How far the view is applied.
    pub async fn head(&self) -> Result<Head> {
        Ok(self.rows("reading how far the view is", None, Layout::OfAnyVersion).await?.head)
    }

    /// Runs one statement in one snapshot with the head. [`ReadError::OtherProjection`] if the active build is of another
    /// projection version: its tables may have another layout.
    pub(super) async fn read(
        &self,
        attempt: &'static str,
        cut: Option<&Cut>,
        statement: Statement<'_>,
    ) -> Result<Answer<Rows>, ReadError> {
        match self.rows(attempt, Some(&statement), Layout::OfThisVersion).await {
            Ok(Found { head, rows, pass }) => {
                head.check_version()?;
                let cut = cut.map(|cut| cut.complete(&head)).transpose()?;
                Ok(Answer { head, cut, turn: self.turns.take(rows.bytes, pass).await, value: rows })
            }
            // Tables of another layout may lack what the statement names.
            Err(error) if is_of_the_statement(&error) => {
                self.head().await?.check_version()?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same for tables that every version has alike.
    pub(super) async fn read_of_any_version(
        &self,
        attempt: &'static str,
        statement: Statement<'_>,
    ) -> Result<Answer<Rows>, ReadError> {
        let Found { head, rows, pass } = self.rows(attempt, Some(&statement), Layout::OfAnyVersion).await?;
        Ok(Answer { head, cut: None, turn: self.turns.take(rows.bytes, pass).await, value: rows })
    }

    async fn rows(
        &self,
        attempt: &'static str,
        statement: Option<&Statement<'_>>,
        layout: Layout,
    ) -> Result<Found> {
        let mut runs = 0;
        loop {
            runs += 1;
            let guess = *self.guess();
            // If the build is of another version, only its head is read: it says why the statement cannot be answered.
            let is_readable = layout == Layout::OfAnyVersion || guess.version == PROJECTION_VERSION;
            match self.once(attempt, guess, statement.filter(|_| is_readable)).await {
                Ok(found) => {
                    let Head { build, parts, .. } = found.head;
                    let now = Guess { build, version: found.head.projection.version, parts };
                    if now == guess {
                        return Ok(found);
                    }
                    *self.guess() = now;
                }
                Err(error) if runs == MAX_RUNS || !may_run_again(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a read runs again");
                    if is_gone(&error) {
                        let found = self.active().await?;
                        *self.guess() = found;
                    }
                }
            }
        }
    }

    /// Reads which build is active, after the guessed one was dropped, or lacked a table that builds of the guessed
    /// version have.
    async fn active(&self) -> Result<Guess> {
        let client = self.connection("reading the active build").await?;
        let active = crate::builds::active_on(&client).await?;
        Ok(Guess { build: active.build, version: active.projection_version, parts: active.parts })
    }

    fn guess(&self) -> MutexGuard<'_, Guess> {
        self.guess.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn once(
        &self,
        attempt: &'static str,
        guess: Guess,
        statement: Option<&Statement<'_>>,
    ) -> Result<Found> {
        let pass = match statement {
            Some(statement) if statement.kind.may_take_long() => {
                Some(Arc::new(self.gate.enter().await.ok_or(Error::Busy { attempt })?))
            }
            _ => None,
        };
        let client = self.connection(attempt).await?;
        let error = Error::during(attempt);
        let head =
            client.prepare_cached(&guess.statement(&Head::sql(guess.version))).await.map_err(&error)?;
        let text = statement.map(|statement| guess.statement(&statement.text)).unwrap_or_default();
        let prepared = match statement {
            Some(statement) if statement.kind.is_prepared() => {
                Some(client.prepare_cached(&text).await.map_err(&error)?)
            }
            _ => None,
        };
        let client = InFlight::new(&self.database, client, pass.clone());
        let cut_short = Notify::new();
        let rows = async {
            match (statement, &prepared) {
                (None, _) => Ok(Rows::default()),
                (Some(statement), Some(prepared)) => {
                    Rows::read(
                        client.query_raw(prepared, statement.values.untyped()),
                        statement.kind.min_rows(),
                        &cut_short,
                    )
                    .await
                }
                (Some(statement), None) => {
                    Rows::read(
                        client.query_typed_raw(&text, statement.values.typed()),
                        statement.kind.min_rows(),
                        &cut_short,
                    )
                    .await
                }
            }
        };
        let begin = statement.map_or(Kind::Planned, |statement| statement.kind).begin();
        // They are sent in this order and at once: a future sends when it is first polled.
        let (begun, head, rows, ended) =
            join4(client.batch_execute(begin), client.query_one(&head, &[]), rows, async {
                tokio::select! {
                    biased;
                    ended = client.batch_execute("/* views::read::reader::read */ COMMIT") => Some(ended),
                    () = cut_short.notified() => None,
                }
            })
            .await;
        // If the answer is cut short, what is left of the statement is cancelled, and the transaction with it.
        if ended.is_some() {
            client.answered();
        }
        begun.map_err(&error)?;
        // The first failure is the cause; the others follow from it.
        let head = head.map_err(&error)?;
        let rows = rows.map_err(&error)?;
        ended.transpose().map_err(&error)?;
        Ok(Found { head: Head::of(&head)?, rows, pass })
    }

    async fn connection(&self, attempt: &'static str) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(cause) => Error::Database { attempt, cause },
            cause => Error::Pool { attempt, cause },
        })
    }
}

/// Whether the build was dropped, or was being dropped (a deadlock with that), or the connection was lost
/// while it lay in the pool.
fn may_run_again(error: &Error) -> bool {
    let passing = [SqlState::ADMIN_SHUTDOWN, SqlState::T_R_DEADLOCK_DETECTED];
    match error {
        Error::Database { cause, .. } if cause.is_closed() => true,
        error => is_gone(error) || error.sqlstate().is_some_and(|code| passing.contains(code)),
    }
}

/// A wrong name, or a value that an operator or a function refuses.
fn is_of_the_statement(error: &Error) -> bool {
    error.sqlstate().is_some_and(|code| ["42", "22"].contains(&&code.code()[..2]))
}

fn is_gone(error: &Error) -> bool {
    error.recovery() == Recovery::BuildGone
}
