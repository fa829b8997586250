//! The program behind `./food-orders`. See `local_stack::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    local_stack::cli::main()
}
