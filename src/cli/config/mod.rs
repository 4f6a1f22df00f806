//! `pgtend config`.

mod check;
mod grants;
mod init;
mod show;

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;

/// The configuration file: begin one, read it back, see whether it is in order, and what its role needs
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigCommand {
    Init(init::ConfigInitArgs),
    Show(show::ConfigShowArgs),
    Check(check::ConfigCheckArgs),
    Grants(grants::ConfigGrantsArgs),
}

pub fn cmd_config(args: &ConfigArgs, context: &Context) -> Result<ExitCode, Failure> {
    match &args.command {
        ConfigCommand::Init(args) => init::cmd_config_init(args, context),
        ConfigCommand::Show(args) => show::cmd_config_show(args, context),
        ConfigCommand::Check(args) => check::cmd_config_check(args, context),
        ConfigCommand::Grants(args) => grants::cmd_config_grants(args, context),
    }
}
