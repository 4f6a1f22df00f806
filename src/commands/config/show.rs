//! `pgtend config show`.

use crate::{
    context::Context, error::Failure, exit_code::ExitCode, inspect::Reach, judge::health::Checks, model::last_day,
};
use std::fmt::Write as _;

/// What is in force: the file that is read, its targets, who is told, and every limit that is not the default
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    let mut text = match config.path() {
        Some(path) => format!("file: {}\n", path.display()),
        None => "file: none; every limit is its default\n".to_owned(),
    };
    let targets: Vec<&str> = config.target_names().collect();
    // Writing into a String does not fail.
    let _ = writeln!(text, "targets: {}", if targets.is_empty() { "none".to_owned() } else { targets.join(", ") });
    for target in targets {
        let _ = match config.reach(target) {
            Reach::Connected => Ok(()),
            Reach::Listed(names) => writeln!(text, "target.{target}.databases = {names:?}"),
            Reach::All => writeln!(text, "target.{target}.databases = all"),
        };
    }
    let told: Vec<&str> = config.recipients(&context.environment).into_iter().map(|(name, _)| name).collect();
    let _ = writeln!(text, "notify: {}", if told.is_empty() { "nobody".to_owned() } else { told.join(", ") });
    for (key, value) in config.given_for_audits(None).told() {
        let _ = writeln!(text, "{key} = {value}");
    }
    let defaults = Checks::default();
    for ((check, _, rule), (.., usual)) in config.checks.iter().zip(defaults.iter()) {
        for (key, usual) in
            rule.keys().into_iter().zip(usual.keys()).filter(|(key, usual)| key.default != usual.default)
        {
            let _ = writeln!(text, "check.{}.{} = {} (default {})", check.name, key.name, key.default, usual.default);
        }
    }
    let now = context.now();
    for silence in &config.silences {
        let state = if silence.until <= now { "expired" } else { "silent" };
        let subject = silence.subject.as_ref().map_or("*", |glob| glob.as_str());
        let (check, until) = (&silence.check, last_day(silence.until));
        let _ = writeln!(text, "silence: {check} of {subject} until {until} ({state}): {}", silence.reason);
    }
    context.ui.text(&text)?;
    Ok(ExitCode::Done)
}
