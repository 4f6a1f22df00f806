//! `pgtend completions`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use clap_complete::Shell;

/// Print the completion script of a shell
///
/// For bash: pgtend completions bash > ~/.local/share/bash-completion/completions/pgtend
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn cmd_completions(
    args: &CompletionsArgs,
    program: &mut clap::Command,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "pgtend", &mut script);
    context.ui.print_text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Success)
}
