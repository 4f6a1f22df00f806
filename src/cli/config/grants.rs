//! `pgtend config grants`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::quote::{is_unprintable, quote_identifier};

/// Print the SQL that creates the monitoring role, with the privileges that reports and checks need
#[derive(Debug, clap::Args)]
pub struct ConfigGrantsArgs {
    /// Name of the role
    #[arg(long, value_name = "ROLE", default_value = "pgtend")]
    role: String,
}

pub fn cmd_config_grants(args: &ConfigGrantsArgs, context: &Context) -> Result<ExitCode, Failure> {
    // psql reads \password up to the end of the line, and does not accept U&"…" there.
    if args.role.is_empty() || args.role.contains(is_unprintable) {
        let message = "the role name is empty or contains control characters, which \\password of psql does not accept";
        return Err(Failure::new(ExitCode::Usage, message).with_hint(Some("specify another role: --role ROLE")));
    }
    let role = quote_identifier(&args.role);
    context.ui.print_text(&format!(
        "-- Run once per cluster, as superuser (on a managed service: as the administrator).\n\
         create role {role} login connection limit 20;\n\
         \\password {role}\n\
         grant pg_monitor to {role};\n\
         -- pgtend starts read-only transactions; this also covers other programs that use the role.\n\
         alter role {role} set default_transaction_read_only = on;\n\
         \n\
         -- Optional, for the check sequence-exhaustion; per database and schema:\n\
         -- grant select on all sequences in schema public to {role};\n\
         -- Optional, for a history store on this server (--history postgresql://…):\n\
         -- create schema pgtend authorization {role};\n\
         -- alter role {role} reset default_transaction_read_only;\n"
    ))?;
    Ok(ExitCode::Success)
}
