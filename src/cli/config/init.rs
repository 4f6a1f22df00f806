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

/// Write a commented configuration file; an existing file is not overwritten
#[derive(Debug, clap::Args)]
pub struct ConfigInitArgs {
    /// File to write, - for stdout [default: $XDG_CONFIG_HOME/pgtend/config.toml]
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
            .ok_or_else(|| Failure::new(ExitCode::Usage, "no home directory is known: specify a file"))?,
    };
    let shown = path.display();
    if path.exists() {
        return Err(Failure::new(ExitCode::Failed, format!("{shown} already exists; it was not changed"))
            .with_hint(Some("specify another file, or - for stdout")));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // The file will contain server names and may contain a password.
    output_file::create_new(&path, 0o600, text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    context.ui.note(&format!("{shown} written; every setting in it is commented out"));
    Ok(ExitCode::Success)
}

const TEMPLATE_HEAD: &str = r##"# Configuration of pgtend. Every setting is commented out; remove the # to use it.
# `pgtend config check` validates this file.

# A target for --target prod and --all-targets.
# [target.prod]
# conninfo = "host=db1.example.com user=pgtend dbname=shop sslmode=verify-full"
# replicas = ["host=db2.example.com user=pgtend sslmode=verify-full"]   # standbys whose index scans count, too
# databases = ["shop", "billing"]            # databases to read, or "all"; default: the one in conninfo
# disk_size = "500GB"                        # for disk-forecast on a remote server, and for audits
# provider = "rds"                           # this and the next three: assumptions of `pgtend audit`
# storage_type = "gp3"
# multi_az = true
# price = 0.115                              # per GiB and month, in your currency
# password = "env:PGTEND_PROD_PASSWORD"      # or "file:/run/secrets/prod"; default: ~/.pgpass

# A login token instead of a password. The command runs once per connection, without a shell.
# [target.rds]
# conninfo = "host=shop.abc.eu-west-1.rds.amazonaws.com user=pgtend dbname=shop sslmode=verify-full"
# password_command = ["aws", "rds", "generate-db-auth-token", "--hostname", "{host}", "--port", "{port}", "--username", "{user}"]
# password_command_timeout = "30s"

# The history store: a file, or a PostgreSQL server that several hosts share, as postgresql://… or
# "host=stats dbname=pgtend user=pgtend sslmode=verify-full". Of the PG* variables, only the TLS and authentication
# settings apply to it.
# [history]
# url = "env:PGTEND_STORE"

# Assumptions of audits. Flags and targets override them. These are the defaults.
# [audit]
# horizon = "180d"                           # period that the new volume must suffice for
# outage = "6h"                              # longest consumer outage to reserve WAL space for
# margin = 20                                # free space to keep on the new volume, in percent
# These have no default:
# wal_per_hour = "2GB"                       # instead of the rate from the history or the statistics
# growth = "1GB"                             # per day, instead of the growth from the history
# method = "dump"
# provider = "rds"                           # this and the next three: as in a target
# storage_type = "gp3"
# multi_az = false
# price = 0.115

# Recipients of notifications. Items are findings that are new, worse or recovered, and a reminder every remind_every.
# [notify.team]
# type = "slack"                             # or webhook (JSON), or heartbeat (one request after every run)
# url = "env:PGTEND_SLACK_URL"               # or "file:PATH"; the URL is a secret
# remind_every = "7d"
# hygiene = false

# Suppress findings until the end of a day.
# [[silence]]
# check = "stale-slot"
# subject = "migration_*"                    # a glob pattern; default: all subjects
# target = "staging-*"                       # a glob pattern; default: all targets
# until = 2027-01-31
# reason = "TICKET-123: dropped after the migration"
"##;

const TEMPLATE_LIMITS: &str = r##"
# Memory limits for the answers of one server. A fact above a limit is unavailable. These are the defaults.
# [limits]
# fact_size = "1GB"                          # the rows of one fact, as received and as decoded
# snapshot_size = "2GB"                      # all facts of one snapshot
"##;

const TEMPLATE_CHECKS: &str = "
# Thresholds of the checks, with their defaults. `pgtend explain CHECK` describes them.
";

fn config_template() -> String {
    let mut text = TEMPLATE_HEAD.to_owned();
    let (slots, indexes) = (slot::Limits::default(), IndexLimits::default());
    // Writing into a String does not fail.
    let _ = write!(
        text,
        "\n# Time without use after which a slot is stale, and slots that `slots drop --stale --yes` may drop.\n\
         # [slots]\n# stale_after = {}\n# stale_after_physical = {}\n# droppable = []\n\
         \n# Required observation before an index is dropped for its scan counts, and minimum size of an index to drop.\n\
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
