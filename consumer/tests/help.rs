//! `--help` is a contract: a change of it has to be seen.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::process::Command;

#[test]
fn help_is_what_it_was() {
    let output = Command::new(env!("CARGO_BIN_EXE_consumer")).arg("--help").env_clear().output().unwrap();
    insta::assert_snapshot!("help", String::from_utf8(output.stdout).unwrap());
}
