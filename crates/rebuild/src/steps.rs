//! What is done in each state of a rebuild: one file per state.
//!
//! A step gets its [`Context`](crate::context::Context) and the build, does the work of the
//! state that the row is in, and moves the row to the next state, in the same transaction
//! where the two must not come apart. A step that was interrupted can run again.

pub(crate) mod catch_up;
pub(crate) mod derive;
pub(crate) mod load;
pub(crate) mod plan;
pub(crate) mod switch;
pub(crate) mod verify;

use views::rebuild::State;

use crate::failure::Failure;
pub(crate) use verify::derived::Derived;

/// How a step ended.
#[derive(Debug)]
pub(crate) enum StepEnd {
    /// The row is in this state now.
    Next(State),
    /// The row is in state `catching_up` now, and this is noted about the build.
    Derived(Box<Derived>),
    /// The rebuild is to end as failed; its row is as it was.
    Failed(Box<Failure>),
}
