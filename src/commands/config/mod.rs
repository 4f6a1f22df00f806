//! `pgtend config`.

mod check;
mod grants;
mod init;
mod show;

use crate::{context::Context, error::Failure, exit_code::ExitCode};

/// The configuration file: begin one, read it back, see whether it is in order, and what its role needs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Args),
    Show(show::Args),
    Check(check::Args),
    Grants(grants::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Init(args) => init::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Grants(args) => grants::run(args, context),
    }
}
