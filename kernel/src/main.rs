//! The `flowdeck` program. All of it is in the library, so that tests reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowdeck_kernel::cli::main()
}
