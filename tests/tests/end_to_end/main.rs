//! The promises of the README, tested on the real binaries. All tests are in one program, which is linked
//! once and runs them at the same time: most of them mostly wait.
#![allow(clippy::unwrap_used, clippy::panic)] // This is test code.

mod api;
mod backup;
mod cancel;
mod caught_up;
mod checker;
mod dead_letters;
mod decisions;
mod group;
mod messages;
mod metrics;
mod operations;
mod producer;
mod readme;
mod rebuild;
mod rolling_restart;
mod schema_registry;
mod secrets;
mod shutdown;
mod stack;
mod tour;
mod tutorial;
