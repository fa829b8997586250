//! What all settings share. They come in two stages: what was given by flag or environment (`…Args`, any
//! text), then what is valid and cannot hold a bad value, by `validate()`. Each crate keeps the settings of
//! what it talks to.
//!
//! An empty variable counts as not given where the setting is optional, and is refused where there is a default.

mod invalid;
mod number;
mod text;

pub use invalid::Invalid;
pub use number::{number, whole_number};
pub use text::{given, given_secret, secret};
