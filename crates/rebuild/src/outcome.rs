//! How a rebuild ends or pauses.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new build serves.
    Active {
        build: i64,
        /// The build that served before; `None` if the plan, which names it, cannot be read.
        replaced: Option<i64>,
    },
    /// The new build is verified and waits until somebody starts the switch.
    Ready {
        build: i64,
    },
    Cancelled {
        reason: String,
    },
    Failed {
        cause: FailureCause,
        reason: String,
    },
    /// The process was asked to stop; [`crate::start`] and [`crate::resume`] continue the rebuild.
    Paused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The log is not the one that the live tables were made from, or it has lost records.
    Log,
    /// Verifying found a difference.
    Difference,
    /// The disk has too little room for the new build.
    DiskSpace,
    /// What was asked for cannot be done with these tables.
    Request,
    /// An error that trying again does not fix; the reason names it.
    Unexpected,
}
