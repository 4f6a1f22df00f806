//! The program; all code is in [`pgtend::run_program`].

fn main() -> std::process::ExitCode {
    pgtend::run_program()
}
