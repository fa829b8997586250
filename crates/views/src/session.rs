//! Sessions: each is one connection, with the server settings that our SQL depends on.

pub(crate) mod pinned;

use std::time::Duration;

use scoped_futures::ScopedBoxFuture;
use tokio_postgres::{Client, Transaction};

use crate::error::Result;
use crate::tx::{self, Tx};
use pinned::PINNED;

/// One connection with its driver task; it ends when it is dropped.
#[derive(Debug)]
pub struct Session {
    pub(crate) client: Client,
}

impl Session {
    /// Whether the connection is known to be lost. A peer that went away without a word is
    /// noticed after about 15 s.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs `work` in one transaction, up to five times: after a deadlock, a serialization failure or a
    /// lock time-out, all of it runs again after a pause. `work` must therefore have no effect outside of
    /// the transaction. Errors of the connection are returned to the caller at once. Call it as `session.run_tx("name", |tx| async move { … }.scope_boxed())`.
    pub(crate) async fn run_tx<'a, T>(
        &mut self,
        name: &'static str,
        work: impl for<'t> FnMut(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
    ) -> Result<T> {
        tx::run(&mut self.client, name, work).await
    }

    /// Runs `work` in one transaction, once. It is for work that takes long, or that the caller repeats.
    pub(crate) async fn run_once<'a, T>(
        &mut self,
        name: &'static str,
        work: impl for<'t> FnOnce(&'t Transaction<'t>) -> ScopedBoxFuture<'a, 't, Result<T>>,
    ) -> Result<T> {
        tx::once(&mut self.client, name, work).await
    }

    /// Begins a transaction that stays open over several calls.
    pub(crate) async fn begin(&mut self, name: &'static str) -> Result<Tx<'_>> {
        Tx::begin(&mut self.client, name).await
    }
}

/// Whether a commit waits for the disk. If not, a crash of the database loses the latest commits, whose
/// records are then read from the log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynchronousCommit {
    On,
    Off,
}

impl SynchronousCommit {
    fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// What a session is for. This determines its settings beyond [`pinned::PINNED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKind {
    /// A few short statements and transactions.
    #[default]
    Short,
    /// A lane's batches.
    Batches(SynchronousCommit),
    /// Reads of the API, each cancelled after `statement_timeout`.
    Reads { statement_timeout: Duration },
    /// Building the indexes of a build.
    Indexing,
    /// Reading a build's tables in the order of the order ids.
    Sorting,
    /// Holding the live writers off while a build is switched in.
    Switching,
    /// Progress reports; the latest ones may be lost in a crash.
    Reports,
}

impl SessionKind {
    /// The settings as start-up options, which outrank those of the database and of the role.
    pub(crate) fn options(self) -> String {
        let mut options = String::new();
        for (name, value) in PINNED {
            push_option(&mut options, name, value);
        }
        let mut set = |name, value: &str| push_option(&mut options, name, value);
        match self {
            Self::Short => {}
            Self::Batches(synchronous_commit) => {
                set("synchronous_commit", synchronous_commit.as_str());
                // Rows are looked up by key. A plan that is made while a table is small has to use the
                // index as well, because it is still used when the table has grown.
                set("enable_seqscan", "off");
                set("enable_hashjoin", "off");
                set("enable_mergejoin", "off");
                // The orders of a batch are unpacked in memory.
                set("work_mem", "64MB");
            }
            Self::Reads { statement_timeout } => {
                set("statement_timeout", &format!("{}ms", statement_timeout.as_millis()));
                set("work_mem", "32MB");
                // Prepared statements, which look rows up by key, are planned once, and must use the
                // index even if the plan is made while the table is empty.
                set("plan_cache_mode", "force_generic_plan");
                set("enable_seqscan", "off");
            }
            // Sorts in memory if that is large enough.
            Self::Indexing => set("maintenance_work_mem", "256MB"),
            Self::Sorting => set("work_mem", "64MB"),
            // If this process freezes while it holds the locks, the server ends the session.
            Self::Switching => set("idle_in_transaction_session_timeout", "3s"),
            Self::Reports => set("synchronous_commit", "off"),
        }
        options
    }
}

/// Appends ` -c name=value`; the server splits options at spaces that no backslash precedes.
fn push_option(options: &mut String, name: &str, value: &str) {
    let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
    options.push_str(&format!(" -c {name}={value}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_in_a_value_do_not_end_it() {
        let options = SessionKind::Short.options();
        assert!(options.contains(r" -c default_transaction_isolation=read\ committed "), "{options}");
    }

    #[test]
    fn what_a_kind_sets_comes_after_what_is_pinned() {
        let options = SessionKind::Batches(SynchronousCommit::Off).options();
        let last = options.rfind("synchronous_commit=").unwrap();
        assert!(options[last..].starts_with("synchronous_commit=off"), "{options}");
    }
}
