//! The prepared statements that write to a build.

use tokio_postgres::{Client, Statement};

use crate::Build;
use crate::error::{Error, Result};
use crate::sql::for_build;

/// Prepares a statement that has `{build}` in place of the schema.
pub(super) async fn prepare(client: &Client, build: Build, text: &str) -> Result<Statement> {
    client.prepare(&for_build(text, build)).await.map_err(Error::during("preparing to write"))
}
