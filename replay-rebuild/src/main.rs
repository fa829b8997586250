//! Rebuilds a view from offset 0 of the log while it keeps serving; see `replay-rebuild --help`.

mod bar;
mod cli;
mod display;
mod printer;
mod report;
mod screen;
mod settings;

use std::process::ExitCode;

use settings::Args;

fn main() -> ExitCode {
    service::run(|args: &Args| &args.shell, cli::run)
}
