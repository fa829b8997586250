//! `consumer dead-letters`.

mod print;

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use dead_letters::{DeadLetterBody, DeadLetterFilter, DeadLetterId, Operator, Reason};
use orders::Cause;
use output::Reader as OutputReader;
use service::{Exit, Failure};
use views::read::{DeadLetter, Reader};

use super::patiently;

const PAGE: i64 = 1000;
/// Long enough that a retry of all dead letters of a cause is not limited in practice.
const RETRY_ALL_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Subcommand, Debug)]
pub enum DeadLetters {
    /// List dead letters by partition and offset: id, state, cause, order, bytes, append time
    List(Wanted),

    /// Show one dead letter with its key, headers and payload
    Show {
        #[command(flatten)]
        one: One,

        /// Print a JSON object, as GET /dead-letters/{id} answers it
        #[arg(long)]
        json: bool,
    },

    /// Decode the same bytes again and apply them: after the program was mended, or with a larger --max-record-bytes
    ///
    /// Applied in one transaction to every build that has the dead letter. If the record is refused again, nothing changes.
    Retry(Retried),

    /// Close a dead letter for good: its record stays out of the tables, also after a rebuild
    ///
    /// To correct an event, append a corrected one and discard the dead letter.
    Discard {
        #[command(flatten)]
        one: One,

        /// Why: 1 to 1000 characters
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Args, Debug)]
pub struct One {
    /// PARTITION-OFFSET of its record, such as 3-1207
    #[arg(value_name = "ID")]
    id: DeadLetterId,
}

#[derive(Args, Debug)]
pub struct Wanted {
    /// Only dead letters in this state: open, retried or discarded
    #[arg(long, value_name = "STATE", value_parser = ["open", "retried", "discarded"])]
    state: Option<String>,

    /// Only dead letters of this cause, such as bad_json
    #[arg(long, value_name = "CAUSE")]
    cause: Option<Cause>,

    /// Only dead letters that make this order incomplete, or did
    #[arg(long, value_name = "ORDER_ID")]
    order_id: Option<String>,

    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Print one JSON object per line, as GET /dead-letters answers them
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub struct Retried {
    /// PARTITION-OFFSET of its record, such as 3-1207
    #[arg(value_name = "ID", required_unless_present = "cause")]
    id: Option<DeadLetterId>,

    /// All open dead letters of this cause instead, such as too_large
    #[arg(long, value_name = "CAUSE", conflicts_with = "id")]
    cause: Option<Cause>,

    /// Why: up to 1000 characters
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub async fn run(command: DeadLetters, operator: &Operator, reader: &Reader) -> Result<(), Failure> {
    match command {
        DeadLetters::List(wanted) => list(wanted, reader).await,
        DeadLetters::Show { one, json } => show(&find(reader, one.id).await?, json),
        DeadLetters::Retry(retried) => {
            let reason = usage(Reason::optional(retried.reason.as_deref()))?;
            match (retried.id, retried.cause) {
                (Some(id), _) => {
                    let decision = operator.retry(reader, id, &reason).await?;
                    say(&format!("dead letter {id} was retried and applied by decision {decision}"))
                }
                (None, Some(cause)) => {
                    let report =
                        operator.retry_all(reader, cause, &reason, Instant::now() + RETRY_ALL_LIMIT).await?;
                    say(&serde_json::to_string(&report)?)
                }
                (None, None) => Err(Failure::new(Exit::Usage, "neither a dead letter nor a cause is named")),
            }
        }
        DeadLetters::Discard { one, reason } => {
            let reason = usage(Reason::required(Some(&reason)))?;
            let decision = operator.discard(one.id, &reason).await?;
            say(&format!("dead letter {} was discarded by decision {decision}", one.id))
        }
    }
}

fn usage<T>(given: Result<T, dead_letters::BadReason>) -> Result<T, Failure> {
    given.map_err(Failure::with(Exit::Usage))
}

fn say(line: &str) -> Result<(), Failure> {
    output::data(line)?;
    Ok(())
}

async fn list(wanted: Wanted, reader: &Reader) -> Result<(), Failure> {
    let filter = DeadLetterFilter { state: wanted.state, cause: wanted.cause, order_id: wanted.order_id };
    let mut left = wanted.limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let mut after = None;
    if !wanted.json && output::data(&print::header())? == OutputReader::Left {
        return Ok(());
    }
    while left > 0 {
        let page = patiently(async || reader.dead_letters(&filter, after, left.min(PAGE), false).await);
        let page = page.await?.value.rows;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        left -= page.len() as i64;
        for dead_letter in page {
            let line = match wanted.json {
                true => serde_json::to_string(&DeadLetterBody::from(dead_letter))?,
                false => print::line(&dead_letter),
            };
            if output::data(&line)? == OutputReader::Left {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn find(reader: &Reader, id: DeadLetterId) -> Result<DeadLetter, Failure> {
    let dead_letter = patiently(async || reader.dead_letter(id, true).await).await?.value;
    Ok(dead_letter.ok_or(dead_letters::Error::NotFound(id))?)
}

fn show(dead_letter: &DeadLetter, json: bool) -> Result<(), Failure> {
    let text = match json {
        true => serde_json::to_string(&DeadLetterBody::from(dead_letter.clone()))?,
        false => print::details(dead_letter),
    };
    say(&text)
}
