//! `pgtend explain`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::{CHECKS, Check};
use crate::config::nearest::nearest_names;

/// Describe a check: meaning, evaluation, thresholds, remedy; without a name, list all checks
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// Name of the check, e.g. unused-index
    #[arg(value_name = "CHECK")]
    check: Option<String>,
}

pub fn cmd_explain(args: &ExplainArgs, context: &Context) -> Result<ExitCode, Failure> {
    let Some(name) = &args.check else {
        let longest = CHECKS.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let line = |check: &Check| format!("{:longest$}  {}\n", check.name, check.summary());
        context.ui.print_text(&CHECKS.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::Success);
    };
    let Some(check) = CHECKS.iter().find(|check| check.name == name) else {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        let hint = match nearest_names(name, &names).first() {
            Some(near) => format!("did you mean {near}?"),
            None => "`pgtend explain` lists all checks".to_owned(),
        };
        return Err(Failure::new(ExitCode::Usage, format!("unknown check {name:?}")).with_hint(Some(hint)));
    };
    context.ui.print_text(check.page)?;
    Ok(ExitCode::Success)
}
