//! What all settings share. They have two stages: `…Args` holds any text that a flag or a variable gave, and
//! `validate()` turns it into a type that cannot hold a bad value. Each crate keeps the settings of the server
//! that it talks to.
//!
//! An empty variable counts as not given if the setting is optional, and is refused if it has a default.

mod invalid;
mod number;
mod text;

pub use invalid::Invalid;
pub use number::{number, whole_number};
pub use text::{given, given_secret, secret};
