//! Selection of the checks to evaluate.

use super::CheckArgs;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::checks::runner::Checks;
use crate::checks::summary::SummaryOptions;
use crate::config::checks::describe_unknown_check;
use crate::facts::Silence;
use std::collections::BTreeSet;

/// The selection of `--only`, `--skip`, `--require` and `--hygiene`.
pub struct CheckSelection {
    only: BTreeSet<String>,
    skip: BTreeSet<String>,
    require: BTreeSet<String>,
    hygiene: bool,
}

impl CheckSelection {
    pub fn from_args(args: &CheckArgs) -> Result<CheckSelection, Failure> {
        let known = Checks::names();
        let read = |names: &[String]| {
            names
                .iter()
                .map(|name| {
                    let found = known.iter().any(|target| target == name);
                    if found { Ok(name.clone()) } else { Err(unknown_check(name)) }
                })
                .collect::<Result<BTreeSet<String>, Failure>>()
        };
        let selection = CheckSelection {
            only: read(&args.only)?,
            skip: read(&args.skip)?,
            require: read(&args.require)?,
            hygiene: args.hygiene,
        };
        if let Some(name) = selection.require.iter().find(|name| !selection.includes(name)) {
            let message = format!("--require {name}: this check is excluded by --only or --skip");
            return Err(Failure::new(ExitCode::Usage, message));
        }
        if !known.iter().any(|name| selection.includes(name)) {
            return Err(Failure::new(ExitCode::Usage, "--only and --skip leave no check to run"));
        }
        Ok(selection)
    }

    /// Returns whether the check is evaluated.
    pub fn includes(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.skip.contains(name)
    }

    pub fn summary_options<'a>(&self, silences: &'a [Silence], target: Option<&'a str>) -> SummaryOptions<'a> {
        SummaryOptions { hygiene: self.hygiene, required: self.require.clone(), silences, target }
    }
}

fn unknown_check(name: &str) -> Failure {
    let (message, hint) = describe_unknown_check(name);
    Failure::new(ExitCode::Usage, message).with_hint(Some(hint))
}
