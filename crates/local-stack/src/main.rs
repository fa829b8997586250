//! The program behind `./food-orders`.

use std::process::ExitCode;

fn main() -> ExitCode {
    local_stack::cli::main()
}
