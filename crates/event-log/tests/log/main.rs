//! Tests with a real broker, or with librdkafka's imitation of several. They are one program, so that one broker serves all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod any_topic;
mod common;
mod ends;
mod groups;
mod hanging_leader;
mod no_brokers;
mod produce;
#[allow(dead_code, reason = "the fault tests include it, and use more of it")]
mod proxy;
mod topic;
