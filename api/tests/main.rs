//! The API over HTTP, with a real PostgreSQL and a database for each test. The folders mirror the URLs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // tests

mod kafka;
mod world;

mod bad_requests;
mod connections;
mod dead_letters;
mod golden;
mod health;
mod help;
mod http_features;
mod lag;
mod openapi;
mod orders;
mod rebuilds;
mod stats;
mod tls;
mod wait;
