//! The result of a bulk retry.

use orders::{Cause, Rejection};
use serde::Serialize;
use views::dead_letters::{DeadLetterId, Outcome};

/// Further refusals are counted but not listed.
const MAX_LISTED: usize = 10;

/// How a retry of all open dead letters of one cause ended. `retried` is the sum of `applied`,
/// `still_refused`, `gone` and `closed_meanwhile`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkRetryReport {
    #[cfg_attr(feature = "openapi", schema(value_type = Cause))]
    pub cause: &'static str,
    /// How many dead letters this call reached.
    pub retried: u64,
    /// How many records are now part of the tables.
    pub applied: u64,
    /// How many records were refused again; their dead letters stay open.
    pub still_refused: u64,
    /// How many records the log no longer holds completely; their dead letters stay open.
    pub gone: u64,
    /// How many dead letters somebody else closed first.
    pub closed_meanwhile: u64,
    /// Whether all open dead letters of the cause were reached. If not, repeat the call.
    pub complete: bool,
    /// The first refusals, at most 10.
    pub refusals: Vec<BulkRetryRefusal>,
}

/// A record that was refused again.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkRetryRefusal {
    /// The dead letter: PARTITION-OFFSET of its record.
    #[cfg_attr(feature = "openapi", schema(example = "3-1207", pattern = "^[0-9]+-[0-9]+$"))]
    pub id: String,
    /// Why the record was refused this time.
    #[cfg_attr(feature = "openapi", schema(value_type = Cause))]
    pub cause: &'static str,
    /// The details of the cause.
    pub error: String,
}

impl BulkRetryReport {
    pub(crate) fn new(cause: Cause) -> Self {
        Self {
            cause: cause.as_str(),
            retried: 0,
            applied: 0,
            still_refused: 0,
            gone: 0,
            closed_meanwhile: 0,
            complete: false,
            refusals: Vec::new(),
        }
    }

    pub(crate) fn refuse(&mut self, id: DeadLetterId, rejection: Rejection) {
        self.still_refused += 1;
        if self.refusals.len() < MAX_LISTED {
            let Rejection { cause, message, .. } = rejection;
            self.refusals.push(BulkRetryRefusal {
                id: id.to_string(),
                cause: cause.as_str(),
                error: message,
            });
        }
    }

    pub(crate) fn count(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Decided(_) => self.applied += 1,
                Outcome::Missing | Outcome::Closed { .. } => self.closed_meanwhile += 1,
            }
        }
    }
}
