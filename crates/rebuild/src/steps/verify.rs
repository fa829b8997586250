//! State `verifying`: compares the log with the build's history and dead letters, and the
//! history with the orders, each of which is read once. Both at the build's positions: only an operator's decision can
//! write to the build meanwhile, and then a verification that found a difference is repeated. Where this process has
//! just derived the orders, the log was read beside that, and sums stand for the history and for what it gives, see
//! `derived`.
//!
//! What it finds: records that are missing, doubled or changed on their way from the log to
//! the tables, orders that are not what folding their history gives, whichever code wrote
//! them: the derivation, the upsert of the ordinary apply code, or the merge after a retry;
//! and counts in table `totals` that are not what this leads to.
//! Rows that were taken over from the live build, because the log no longer holds their records,
//! are left out; they were compared when they were taken over.
//!
//! What is applied after this state is compared before the switch, see `stretch`.
//!
//! What it cannot find: a fault in the decoder or in the fold themselves, because both sides
//! of each comparison run the same code of crates/orders. Of a dead letter it compares all
//! that follows from the record, but not PostgreSQL's words about a record that it refused;
//! such a record is tried again, in a transaction that is rolled back. `tests/` has a fold that
//! shares no code with this one, `food-orders-check`.

pub(super) mod admission;
mod blocks;
mod content;
mod content_hash;
pub(super) mod derived;
mod fold;
mod history;
mod inspection;
mod kept;
pub(super) mod log_hash;
mod order_columns;
mod record_columns;
mod refusals;
mod rows;
pub(super) mod scope;
pub(super) mod stretch;
mod totals;

use views::decisions;
use views::rebuild::{RebuildRow, State};
use views::{Build, SessionKind, Totals};

use self::derived::Derived;
use self::log_hash::LogHash;
use self::scope::Scope;
use super::StepEnd;
use crate::context::Context;
use crate::differences::Differences;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::log_comparison::{LogDifference, describe_lost};
use crate::outcome::FailureCause;
use crate::plan::Plan;
use crate::{log_state, verified};

/// `derived`: what this process has noted when it derived the orders.
pub(crate) async fn run(
    context: &Context,
    row: &RebuildRow,
    build: Build,
    plan: &Plan,
    derived: Option<&Derived>,
) -> Result<StepEnd> {
    let session = context.session(SessionKind::Short).await?;
    let kept = row.keep_history.as_ref().map(|_| plan);
    let scope = Scope::read(&session, build, kept, &context.settings.codec.schemas).await?;
    let derived = derived.filter(|derived| derived.is_of(&scope));
    let LogHash { mut differences, lost, .. } = match derived {
        Some(derived) => compare_derived(context, &scope, derived).await?,
        None => compare(context, &scope).await?,
    };
    if let Some(plan) = kept {
        differences.extend(kept::compare(&session, build, plan).await?);
    }
    if differences.is_empty() {
        let positions = verified::to_row(&scope.positions);
        context.owner.save_verified(&session, &positions).await.map_err(Error::from_row_change)?;
        context.advance(&session, State::Verifying, State::Ready).await?;
        return Ok(StepEnd::Next(State::Ready));
    }
    if decisions::latest(&session).await? != scope.last_decision {
        // Some of the build was compared before the decision, some after it.
        tracing::info!(rebuild = context.owner.rebuild, "an operator has decided meanwhile; verifying again");
        return Ok(StepEnd::Next(State::Verifying));
    }
    // Another log has other records, which is no fault of the build.
    let failure = match log_state::other_log(&context.settings.kafka, plan).await? {
        Some(failure) => failure,
        None => failure(build, plan, differences, &lost),
    };
    Ok(StepEnd::Failed(failure))
}

/// The log, as it was read beside deriving, with the history as it was read to derive the orders, and what was read and
/// made then with the tables. If anything differs, the complete comparison tells what it is.
async fn compare_derived(context: &Context, scope: &Scope, derived: &Derived) -> Result<LogHash> {
    context.meter.expect(scope.events());
    if derived.is_of_the_log() && derived.is_stored(context, scope).await? {
        let mut log = LogHash { totals: derived.log.totals, ..LogHash::default() };
        compare_totals(&mut log, derived.made.totals, scope);
        return Ok(log);
    }
    tracing::info!(
        rebuild = context.owner.rebuild,
        build = %scope.build,
        "the build differs from the log, or has changed since its orders were derived; comparing all of it"
    );
    compare(context, scope).await
}

/// The log with the history, and the history with the orders.
async fn compare(context: &Context, scope: &Scope) -> Result<LogHash> {
    // Those of the log, and those of the history.
    context.meter.expect(scope.events() * 2);
    let history = history::read(&context.settings, scope, &context.meter);
    let log = log_hash::of(&context.settings, scope, &context.meter);
    let (history, mut log) = tokio::try_join!(history, log)?;
    let differing = blocks::differing(&log.blocks, &history.blocks);
    if !differing.is_empty() {
        log.differences.extend(inspection::inspect(&context.settings, scope, &differing).await?);
    }
    log.differences.extend(history.differences);
    compare_totals(&mut log, history.totals, scope);
    Ok(log)
}

/// `history`: the orders that folding it gives, and its records that do not stand for one of the log.
fn compare_totals(log: &mut LogHash, history: Totals, scope: &Scope) {
    let mut expected = log.totals + history;
    expected.open_dead_letters += scope.kept_open_dead_letters;
    totals::compare(&expected, &scope.totals, &mut log.differences);
}

/// A build with these differences is not switched to. If the log has lost records since they were read, no table is
/// to blame.
pub(super) fn failure(
    build: Build,
    plan: &Plan,
    differences: Differences,
    lost: &[LogDifference],
) -> Box<Failure> {
    if !lost.is_empty() {
        return Box::new(Failure::new(FailureCause::Log, describe_lost(&plan.topic, lost)));
    }
    let reason = differences.describe(&format!(
        "the new build was not switched to, and stays in schema {} until the next rebuild, because it differs from the log",
        build.schema()
    ));
    Box::new(Failure { differences: Some(differences), ..Failure::new(FailureCause::Difference, reason) })
}
