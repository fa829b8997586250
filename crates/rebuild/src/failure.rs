//! A rebuild that ends as failed.

use crate::differences::Differences;
use crate::outcome::FailureCause;
use crate::plan::Plan;

/// Why a rebuild ends as failed, and what its row keeps for the operator.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) cause: FailureCause,
    pub(crate) reason: String,
    pub(crate) plan: Option<Plan>,
    pub(crate) differences: Option<Differences>,
}

impl Failure {
    pub(crate) fn new(cause: FailureCause, reason: String) -> Self {
        Self { cause, reason, plan: None, differences: None }
    }
}
