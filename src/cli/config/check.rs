//! `pgtend config check`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::facts::silence_last_day;
use crate::history::StoreName;

/// Validate the configuration: keys, thresholds and their units, referenced secrets
///
/// Prints each error, with its line where it has one. Connects to no server.
#[derive(Debug, clap::Args)]
pub struct ConfigCheckArgs {}

pub fn cmd_config_check(_: &ConfigCheckArgs, context: &Context) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    let Some(path) = config.path() else {
        let hint = "create one with `pgtend config init`";
        return Err(Failure::new(ExitCode::Failed, "no configuration file found").with_hint(Some(hint)));
    };
    let mut problems = Vec::new();
    for name in config.target_names() {
        match (context.conninfo_of(config, name), context.replicas_of(config, name)) {
            (Err(failure), _) | (Ok(_), Err(failure)) => problems.push(failure.message),
            (Ok(_), Ok(_)) => {}
        }
    }
    match config.history_url(&context.environment) {
        Ok(Some(url)) if url != "none" => {
            let resolved = StoreName::parse(&url).and_then(|name| name.resolve(&context.environment));
            problems.extend(resolved.err().map(|why| why.to_string()));
        }
        Ok(_) => {}
        Err(why) => problems.push(why.to_string()),
    }
    for (name, recipient) in config.recipients(&context.environment) {
        if let Err(why) = recipient {
            problems.push(format!("url of [notify.{name}]: {why}"));
        }
    }
    let now = context.now();
    for silence in config.silences.iter().filter(|silence| silence.until <= now) {
        let until = silence_last_day(silence.until);
        context.ui.warn(&format!("the silence of {} expired after {until}: {}", silence.check, silence.reason));
    }
    if let Some(first) = problems.first() {
        for more in &problems[1..] {
            context.ui.warn(more);
        }
        return Err(Failure::new(ExitCode::Failed, first));
    }
    context.ui.print_text(&format!("{}: no errors\n", path.display()))?;
    Ok(ExitCode::Success)
}
