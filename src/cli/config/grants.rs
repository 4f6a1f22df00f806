//! `pgtend config grants`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::quote::{is_unprintable, quote_identifier};

/// The SQL that makes the monitoring role: what every report and the nightly check need, and no more
#[derive(Debug, clap::Args)]
pub struct ConfigGrantsArgs {
    /// Its name
    #[arg(long, value_name = "ROLE", default_value = "pgtend")]
    role: String,
}

pub fn cmd_config_grants(args: &ConfigGrantsArgs, context: &Context) -> Result<ExitCode, Failure> {
    // psql reads \password up to the end of the line, and knows no U&"…" there.
    if args.role.is_empty() || args.role.contains(is_unprintable) {
        let message = "the role's name is empty or holds control characters, which \\password of psql cannot take";
        return Err(Failure::new(ExitCode::Usage, message).with_hint(Some("name another role with --role")));
    }
    let role = quote_identifier(&args.role);
    context.ui.print_text(&format!(
        "-- As a superuser (on a managed service: as its administrator), once for the cluster.\n\
         create role {role} login connection limit 20;\n\
         \\password {role}\n\
         grant pg_monitor to {role};\n\
         -- Every statement of pgtend is read-only by itself; this holds for whoever else uses the role.\n\
         alter role {role} set default_transaction_read_only = on;\n\
         \n\
         -- In each database, only if sequence-exhaustion is to be told there, once a schema:\n\
         -- grant select on all sequences in schema public to {role};\n\
         -- Only for a store of its own on this server (--history postgresql://…):\n\
         -- create schema pgtend authorization {role};\n\
         -- alter role {role} reset default_transaction_read_only;\n"
    ))?;
    Ok(ExitCode::Success)
}
