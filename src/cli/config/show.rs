//! `pgtend config show`.

use crate::analysis::index::IndexLimits;
use crate::analysis::slot;
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::runner::Checks;
use crate::checks::thresholds::{Bytes, Seconds};
use crate::collect::DatabaseSelection;
use crate::config::Config;
use crate::facts::silence_last_day;
use std::fmt::Write as _;

/// Show the effective configuration: file, targets, history, notifications, thresholds that differ from their defaults
#[derive(Debug, clap::Args)]
pub struct ConfigShowArgs {}

pub fn cmd_config_show(_: &ConfigShowArgs, context: &Context) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    let mut text = match config.path() {
        Some(path) => format!("file: {}\n", path.display()),
        None => "file: none; all thresholds have their defaults\n".to_owned(),
    };
    let targets: Vec<&str> = config.target_names().collect();
    // Writing into a String does not fail.
    let _ = writeln!(text, "targets: {}", if targets.is_empty() { "none".to_owned() } else { targets.join(", ") });
    for target in targets {
        if let Some(file) = config.file_of_target(target) {
            let note = if config.is_from_working_directory(target) { " (found in the working directory)" } else { "" };
            let _ = writeln!(text, "target.{target} from {}{note}", file.display());
        }
        let _ = match config.database_selection(target) {
            DatabaseSelection::Connected => Ok(()),
            DatabaseSelection::Listed(names) => writeln!(text, "target.{target}.databases = [{}]", quoted_list(&names)),
            DatabaseSelection::All => writeln!(text, "target.{target}.databases = all"),
        };
    }
    let recipients: Vec<&str> = config.recipients(&context.environment).into_iter().map(|(name, _)| name).collect();
    let _ = writeln!(text, "notify: {}", if recipients.is_empty() { "none".to_owned() } else { recipients.join(", ") });
    let _ = writeln!(text, "history: {}", describe_history(context));
    for (key, value, usual) in changed_limits(config) {
        let _ = writeln!(text, "{key} = {value} (default {usual})");
    }
    if !config.droppable_slots().is_empty() {
        let _ = writeln!(text, "slots.droppable = [{}]", quoted_list(config.droppable_slots()));
    }
    for (key, value) in config.audit_overrides(None).sourced_values() {
        let _ = writeln!(text, "{key} = {value}");
    }
    let defaults = Checks::default();
    for ((check, _, rule), (.., usual)) in config.checks.iter().zip(defaults.iter()) {
        for (key, usual) in
            rule.thresholds().into_iter().zip(usual.thresholds()).filter(|(key, usual)| key.default != usual.default)
        {
            let _ = writeln!(text, "check.{}.{} = {} (default {})", check.name, key.name, key.default, usual.default);
        }
    }
    let now = context.now();
    for silence in &config.silences {
        let state = if silence.until <= now { "expired" } else { "active" };
        let subject = silence.subject.as_ref().map_or("*", |glob| glob.as_str());
        let (check, until) = (&silence.check, silence_last_day(silence.until));
        let _ = writeln!(text, "silence: {check} of {subject} until {until} ({state}): {}", silence.reason);
    }
    context.ui.print_text(&text)?;
    Ok(ExitCode::Success)
}

/// Returns the address of the history store, without its password.
fn describe_history(context: &Context) -> String {
    match context.history_address() {
        Ok(None) => "none".to_owned(),
        Ok(Some(address)) => address.to_string(),
        Err(why) => why.message,
    }
}

/// Returns the limits of `[slots]` and `[indexes]` that differ from their defaults: key, value, default.
fn changed_limits(config: &Config) -> Vec<(&'static str, String, String)> {
    let (slots, defaults) = (config.slot_limits(), slot::Limits::default());
    let (indexes, index_defaults) = (config.index_limits(), IndexLimits::default());
    let seconds = |key, now, usual| (key, Seconds(now).to_string(), Seconds(usual).to_string());
    let limits = [
        seconds("slots.stale_after", slots.stale_after_seconds, defaults.stale_after_seconds),
        seconds(
            "slots.stale_after_physical",
            slots.stale_after_physical_seconds,
            defaults.stale_after_physical_seconds,
        ),
        seconds("indexes.min_observation", indexes.min_observation_seconds, index_defaults.min_observation_seconds),
        (
            "indexes.min_reclaim",
            Bytes(indexes.min_reclaim_bytes).to_string(),
            Bytes(index_defaults.min_reclaim_bytes).to_string(),
        ),
    ];
    limits.into_iter().filter(|(_, now, usual)| now != usual).collect()
}

/// Returns `"a", "b"`: the elements of a TOML array.
fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}
