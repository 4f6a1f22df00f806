//! `pgtend config init`.

use crate::analysis::index::IndexLimits;
use crate::analysis::slot;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::runner::Checks;
use crate::checks::thresholds::{Bytes, Seconds};
use crate::config::user_config_path;
use crate::facts::Class;
use crate::output_file;
use anyhow::Context as _;
use std::{fmt::Write as _, path::PathBuf};

/// Write a commented configuration file to begin with; one that is there already is left as it is
#[derive(Debug, clap::Args)]
pub struct ConfigInitArgs {
    /// Where to [default: $XDG_CONFIG_HOME/pgtend/config.toml; - for stdout]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn cmd_config_init(args: &ConfigInitArgs, context: &Context) -> Result<ExitCode, Failure> {
    let text = config_template();
    if args.file.as_ref().is_some_and(|file| file.as_os_str() == "-") {
        context.ui.print_text(&text)?;
        return Ok(ExitCode::Success);
    }
    let path = match &args.file {
        Some(path) => path.clone(),
        None => user_config_path(&context.environment)
            .ok_or_else(|| Failure::new(ExitCode::Usage, "there is no home directory: name a file"))?,
    };
    let shown = path.display();
    if path.exists() {
        return Err(Failure::new(ExitCode::Failed, format!("{shown} is there already and was left as it is"))
            .with_hint(Some("name another file, or - for stdout")));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // It will name servers, and perhaps hold a password.
    output_file::create_new(&path, 0o600, text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    context.ui.note(&format!("{shown} written; everything in it is a comment until you say otherwise"));
    Ok(ExitCode::Success)
}

const TEMPLATE_HEAD: &str = r##"# pgtend's configuration. Everything here is a comment: take the marks off what you want.
# `pgtend config check` says whether it is in order.

# A server by name, for --target prod and --all-targets.
# [target.prod]
# conninfo = "host=db1.example.com user=pgtend dbname=shop sslmode=verify-full"
# replicas = ["host=db2.example.com user=pgtend sslmode=verify-full"]   # standbys, asked which indexes they use
# databases = ["shop", "billing"]            # those read from inside, or "all"; else the one of the conninfo
# disk_size = "500GB"                        # for disk-forecast, unless pgtend runs on the server's own host; for audits
# provider = "rds"                           # what `pgtend audit` may take for given of this server, instead of flags
# storage_type = "gp3"
# multi_az = true
# price = 0.115                              # of a GiB and month, in your currency
# password = "env:PGTEND_PROD_PASSWORD"      # or "file:/run/secrets/prod"; without it ~/.pgpass is asked

# A login token instead of a password; the command runs for each connection, without a shell.
# [target.rds]
# conninfo = "host=shop.abc.eu-west-1.rds.amazonaws.com user=pgtend dbname=shop sslmode=verify-full"
# password_command = ["aws", "rds", "generate-db-auth-token", "--hostname", "{host}", "--port", "{port}", "--username", "{user}"]
# password_command_timeout = "30s"

# Where samples, findings and actions are kept: a file, or a Postgres server that a fleet shares, as postgresql://… or
# "host=stats dbname=pgtend user=pgtend sslmode=verify-full". Of PG* only the TLS and authentication settings are read.
# [history]
# url = "env:PGTEND_STORE"

# What every audit may take for given, unless a flag or the target says otherwise; these are the defaults.
# [audit]
# horizon = "180d"                           # for how long the new volume should do
# outage = "6h"                              # how long a reader of WAL may be away without anybody doing something
# margin = 20                                # percent of the new volume that stay free
# These have none:
# wal_per_hour = "2GB"                       # instead of what history and statistics say
# growth = "1GB"                             # a day, likewise
# method = "dump"
# provider = "rds"                           # these four as of a target
# storage_type = "gp3"
# multi_az = false
# price = 0.115

# Who is told what changed: new, worse, recovered, and once every remind_every what lasts.
# [notify.team]
# type = "slack"                             # or webhook (JSON), or heartbeat (a ping after every run)
# url = "env:PGTEND_SLACK_URL"               # or "file:PATH": it is a secret
# remind_every = "7d"
# hygiene = false

# What you know of and do not want to be told again until a day.
# [[silence]]
# check = "stale-slot"
# subject = "migration_*"                    # a pattern; all subjects without it
# target = "staging-*"                       # a pattern; all targets without it
# until = 2027-01-31
# reason = "TICKET-123: dropped after the migration"
"##;

const TEMPLATE_LIMITS: &str = r##"
# How much of one server's answers is kept; a fact above its limit is unavailable. These are the defaults.
# [limits]
# fact_size = "1GB"                          # the rows of one fact, as sent and as decoded
# snapshot_size = "2GB"                      # all facts of one snapshot
"##;

const TEMPLATE_CHECKS: &str = "
# The limits of each check, with their defaults. `pgtend explain CHECK` says why they are what they are.
";

fn config_template() -> String {
    let mut text = TEMPLATE_HEAD.to_owned();
    let (slots, indexes) = (slot::Limits::default(), IndexLimits::default());
    // Writing into a String does not fail.
    let _ = write!(
        text,
        "\n# From when on a slot in nobody's use is stale, and which ones --yes may drop without naming them.\n\
         # [slots]\n# stale_after = {}\n# stale_after_physical = {}\n# droppable = []\n\
         \n# How long an index must have been watched before it may go, and how small is not worth it.\n\
         # [indexes]\n# min_observation = {}\n# min_reclaim = {}\n{TEMPLATE_LIMITS}{TEMPLATE_CHECKS}",
        Seconds(slots.stale_after_seconds),
        Seconds(slots.stale_after_physical_seconds),
        Seconds(indexes.min_observation_seconds),
        Bytes(indexes.min_reclaim_bytes)
    );
    for (check, class, rule) in Checks::default().iter() {
        let class = if class == Class::Hygiene { " (hygiene)" } else { "" };
        let _ = writeln!(text, "\n# [check.{}]  # {}{class}", check.name, check.summary());
        for key in rule.thresholds() {
            let _ = writeln!(text, "# {} = {}    # {}", key.name, key.default, key.description.trim());
        }
    }
    text
}
