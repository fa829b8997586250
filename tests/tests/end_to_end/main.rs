//! The promises of the README, each shown by the real binaries. One program for all of them: linked once, and tests that
//! mostly wait run beside each other.
#![allow(clippy::unwrap_used, clippy::panic)] // all of this is test code

mod api;
mod caught_up;
mod checker;
mod dead_letters;
mod decisions;
mod group;
mod producer;
mod rebuild;
mod rolling_restart;
mod shutdown;
mod tutorial;
