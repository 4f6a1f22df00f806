//! The program; [`pgtend::run_program`] has everything.

fn main() -> std::process::ExitCode {
    pgtend::run_program()
}
