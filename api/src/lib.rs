//! The HTTP API: serves the read models, now or as of a cut, dead letters and rebuilds.
//!
//! It is built first and then run: [`App::bind`] binds the address, [`App::run`] serves until it is told to stop.

mod answer;
mod app;
mod auth;
mod body;
mod compress;
mod conditional;
mod connections;
mod cors;
mod cursor;
mod cut;
mod lag;
mod large_answers;
pub mod metrics;
mod observe;
mod one_piece;
mod openapi;
mod prefix;
mod problem;
mod query;
mod rebuilds;
mod routes;
mod settings;
mod start;
mod state;
mod tls;
mod topic;
mod wait;
mod watch;

pub use app::App;
pub use settings::{Args, Settings};
