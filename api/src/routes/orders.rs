//! `/orders`.

mod body;
pub mod history;
pub mod list;
pub mod one;

pub use body::OrderBody;
