//! `consumer decisions`.

use clap::Subcommand;
use dead_letters::DecisionLine;
use output::Reader;
use service::Failure;
use views::decisions::Exported;
use views::read::ReadError;
use views::{Database, SessionKind};

use super::patiently;

const PAGE: i64 = 1000;

#[derive(Subcommand, Debug)]
pub enum Decisions {
    /// Print all decisions, one JSON object per line, in the order of their numbers
    ///
    /// They live only in PostgreSQL: a rebuild from offset 0 reads them from there, and the log does not have them.
    Export,
}

pub async fn run(command: &Decisions, database: &Database) -> Result<(), Failure> {
    let Decisions::Export = command;
    let mut after = 0;
    loop {
        let page = patiently(async || page(database, after).await).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for decision in page {
            let line = serde_json::to_string(&DecisionLine::from(decision))?;
            if output::data(&line)? == Reader::Left {
                return Ok(());
            }
        }
    }
}

async fn page(database: &Database, after: i64) -> Result<Vec<Exported>, ReadError> {
    let session = database.session("food-orders decisions", SessionKind::Short).await?;
    Ok(views::decisions::export(&session, after, PAGE).await?)
}
