//! Hides a password on the command line from the process list, which every user of the machine can read.
//!
//! Environment variables pass it from the first start to the second; only its user can read the environment of a
//! process.

use crate::redact::passwords_in;
use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt,
    process::Command,
};

/// Replaces a value with a password on the command line; it is followed by the name of the variable with the value.
const PLACEHOLDER: &str = "env:";
/// Prefix of the environment variables that contain arguments.
pub const VARIABLE_PREFIX: &str = "PGTEND_ARGUMENT_";

/// Restarts the program without the passwords, in the same process, if an argument has one. Returns `None` if none has,
/// and the error if the system refuses the restart: then a password remains visible, and the caller must warn.
pub fn hide_passwords(mut arguments: impl Iterator<Item = OsString>) -> Option<std::io::Error> {
    let name = arguments.next().unwrap_or_else(|| "pgtend".into());
    let (clean, carried) = without_passwords(arguments);
    if carried.is_empty() {
        return None;
    }
    match std::env::current_exe() {
        Ok(program) => Some(Command::new(program).arg0(name).args(clean).envs(carried).exec()),
        Err(error) => Some(error),
    }
}

/// Returns the arguments as they were typed.
pub fn restored_arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| as_typed(argument, |variable| std::env::var_os(variable)))
}

fn without_passwords(arguments: impl Iterator<Item = OsString>) -> (Vec<OsString>, Vec<(String, OsString)>) {
    let mut carried = Vec::new();
    let clean = arguments.enumerate().map(|(position, argument)| {
        if passwords_in(&argument.to_string_lossy()).is_empty() {
            return argument;
        }
        let variable = format!("{VARIABLE_PREFIX}{}", position + 1);
        let (option, value) = split_option(&argument);
        let clean = format!("{option}{PLACEHOLDER}{variable}").into();
        carried.push((variable, value));
        clean
    });
    (clean.collect(), carried)
}

fn as_typed(argument: OsString, variable: impl Fn(&str) -> Option<OsString>) -> OsString {
    let (option, value) = split_option(&argument);
    let name = value
        .to_str()
        .and_then(|value| value.strip_prefix(PLACEHOLDER))
        .filter(|name| name.starts_with(VARIABLE_PREFIX));
    match name.and_then(variable) {
        Some(value) => [OsString::from(option), value].into_iter().collect(),
        None => argument,
    }
}

/// Returns `--option=` and the value; the first part is empty for another argument.
fn split_option(argument: &OsStr) -> (String, OsString) {
    let split = argument.to_str().and_then(|text| text.split_once('='));
    let is_option = |name: &&str| {
        name.strip_prefix("--")
            .is_some_and(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'))
    };
    match split.filter(|(name, _)| is_option(name)) {
        Some((name, value)) => (format!("{name}="), value.into()),
        None => (String::new(), argument.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Returns the command line in the process list, and the arguments that the second start reads.
    fn roundtrip(typed: &[&str]) -> (Vec<String>, Vec<String>) {
        let (clean, carried) = without_passwords(typed.iter().map(OsString::from));
        let carried: HashMap<String, OsString> = carried.into_iter().collect();
        let back = clean.iter().map(|argument| as_typed(argument.clone(), |name| carried.get(name).cloned()));
        let texts =
            |arguments: Vec<OsString>| arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect();
        (texts(clean.clone()), texts(back.collect()))
    }

    #[test]
    fn hide_passwords_only_where_present() {
        let typed =
            ["indexes", "-d", "postgresql://u:s3kr1t@h/db", "--replica=host=r password=s3kr1t", "-Uu", "--limit=3"];
        let (shown, back) = roundtrip(&typed);
        assert_eq!(
            shown,
            ["indexes", "-d", "env:PGTEND_ARGUMENT_3", "--replica=env:PGTEND_ARGUMENT_4", "-Uu", "--limit=3"]
        );
        assert_eq!(back, typed);
        let typed = ["tables", "env:PGTEND_ARGUMENT_2", "-dpostgresql://u:s3kr1t@h"];
        let (shown, back) = roundtrip(&typed);
        assert_eq!(shown, ["tables", "env:PGTEND_ARGUMENT_2", "env:PGTEND_ARGUMENT_3"]);
        assert_eq!(back, typed, "an argument that was not hidden is unchanged");
    }

    proptest! {
        #[test]
        fn hidden_arguments_roundtrip(typed in prop::collection::vec("(--[a-z]{1,5}=|-d)?(postgresql://u:|password=)?\\PC{0,12}(@h)?", 0..5)) {
            let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
            let (shown, back) = roundtrip(&typed);
            prop_assert!(shown.iter().all(|text| passwords_in(text).is_empty()), "{:?}", shown);
            prop_assert_eq!(back, typed);
        }
    }
}
