//! The door.

fn main() -> std::process::ExitCode {
    pgtend::run_program()
}
