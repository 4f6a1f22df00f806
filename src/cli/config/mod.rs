//! `pgtend config`.

mod check;
mod grants;
mod init;
mod show;

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;

/// Create, show and validate the configuration; print the SQL of the monitoring role
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
