//! Which checks are asked, and how they count.

use super::Args;
use crate::{
    config::checks::unknown,
    error::Failure,
    exit_code::ExitCode,
    judge::{health::Checks, tally::Counting},
    model::Silence,
};
use std::collections::BTreeSet;

/// What `--only`, `--skip`, `--require` and `--hygiene` say.
pub struct Chosen {
    only: BTreeSet<String>,
    skip: BTreeSet<String>,
    require: BTreeSet<String>,
    pub hygiene: bool,
}

impl Chosen {
    pub fn of(args: &Args) -> Result<Chosen, Failure> {
        let known = Checks::names();
        let read = |names: &[String]| {
            names
                .iter()
                .map(|name| {
                    let found = known.iter().any(|one| one == name);
                    if found { Ok(name.clone()) } else { Err(no_such_check(name)) }
                })
                .collect::<Result<BTreeSet<String>, Failure>>()
        };
        let chosen = Chosen {
            only: read(&args.only)?,
            skip: read(&args.skip)?,
            require: read(&args.require)?,
            hygiene: args.hygiene,
        };
        if let Some(name) = chosen.require.iter().find(|name| !chosen.has(name)) {
            let message = format!("--require {name}: --only or --skip leaves that check out");
            return Err(Failure::new(ExitCode::Usage, message));
        }
        if !known.iter().any(|name| chosen.has(name)) {
            return Err(Failure::new(ExitCode::Usage, "--only and --skip leave no check to ask"));
        }
        Ok(chosen)
    }

    /// Whether the check is asked.
    pub fn has(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.skip.contains(name)
    }

    pub fn counting<'a>(&self, silences: &'a [Silence], target: Option<&'a str>) -> Counting<'a> {
        Counting { hygiene: self.hygiene, required: self.require.clone(), silences, target }
    }
}

fn no_such_check(name: &str) -> Failure {
    let (message, hint) = unknown(name);
    Failure::new(ExitCode::Usage, message).with_hint(Some(hint))
}
