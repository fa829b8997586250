//! What every new connection is asked before it is used: is this a database that we can write to, over a
//! connection that keeps its session?

use tokio_postgres::Client;

use crate::error::{Error, Result};
use crate::session::pinned::{ARRIVED, PINNED_IF_KNOWN};

/// Text of every language goes into the tables.
const ENCODING: &str = "UTF8";

/// Pins the settings that not every server has, and refuses a connection over which nothing could be relied on.
/// One round trip.
pub(super) async fn check(client: &Client) -> Result<()> {
    let row = client
        .query_typed(&statement(), &[])
        .await
        .map_err(Error::during("checking a connection to PostgreSQL"))?;
    let row = row.first().ok_or(Error::UnreadableRow)?;
    let arrived: Option<&str> = row.get(0);
    if arrived != Some("on") {
        return Err(Error::Pooler { cause: "our start-up options did not reach PostgreSQL".into() });
    }
    let (encoding, database): (&str, &str) = (row.get(1), row.get(2));
    if encoding != ENCODING {
        return Err(Error::Encoding { database: database.to_owned(), encoding: encoding.to_owned() });
    }
    Ok(())
}

fn statement() -> String {
    let pinned = PINNED_IF_KNOWN.map(|(name, value)| {
        let known = format!("pg_catalog.current_setting('{name}', true) IS NOT NULL");
        format!(", CASE WHEN {known} THEN pg_catalog.set_config('{name}', '{value}', false) END")
    });
    format!(
        "/* views::connect::check::statement */ SELECT pg_catalog.current_setting('{ARRIVED}', true),
             pg_catalog.current_setting('server_encoding'), pg_catalog.current_database()::text{}",
        pinned.concat()
    )
}
