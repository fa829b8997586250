//! Stopping a rebuild.

use tokio_util::sync::CancellationToken;

/// Asks a rebuild to end before it is done.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Ends the rebuild for good and drops its build.
    pub cancel: CancellationToken,
    /// Leaves the rebuild as it is; [`crate::start`] and [`crate::resume`], in any process, continue it.
    pub pause: CancellationToken,
}
