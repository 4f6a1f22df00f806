//! Keeps a password that was typed on the command line out of the process list, where every user of the machine reads it.

use crate::pg::conninfo::{Environment, Written};
use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

/// An option whose value may hold a password. A variable carries it from the first start to the second; a process's
/// environment is its user's own.
pub struct Carrier {
    variable: &'static str,
    /// What stands on the command line in its place.
    placeholder: &'static str,
}

pub const DBNAME: Carrier = Carrier { variable: "PGTEND_DBNAME", placeholder: "env:PGTEND_DBNAME" };
pub const HISTORY: Carrier = Carrier { variable: "PGTEND_HISTORY_URL", placeholder: "env:PGTEND_HISTORY_URL" };

/// Starts the program anew without the passwords, in the same process, when a value holds one. Returns when none does,
/// or when the system refuses: then a password stays visible, which is what the caller must say.
pub fn hide_passwords(
    values: &[(&Carrier, Option<&str>)],
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<std::io::Error> {
    let secret: Vec<(&Carrier, &str)> = values
        .iter()
        .filter_map(|(carrier, value)| Some((*carrier, value.filter(|value| *value != carrier.placeholder)?)))
        .filter(|(_, value)| Written::read(value, "--dbname").is_ok_and(|written| written.gives("password")))
        .collect();
    if secret.is_empty() {
        return None;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Some(error),
    };
    let name = arguments.next().unwrap_or_else(|| "pgtend".into());
    let clean = arguments.map(|argument| match argument.to_str() {
        Some(text) => {
            let hide = |text: String, (carrier, value): &(&Carrier, &str)| text.replace(value, carrier.placeholder);
            secret.iter().fold(text.to_owned(), hide).into()
        }
        None => argument,
    });
    let carried = secret.iter().map(|(carrier, value)| (carrier.variable, value));
    Some(Command::new(program).arg0(name).args(clean).envs(carried).exec())
}

impl Carrier {
    /// The value that was carried over, taken out of the environment that is handed down.
    pub fn carried(&self, value: Option<String>, environment: &mut Environment) -> Option<String> {
        let carried = environment.vars.remove(self.variable);
        if value.as_deref() == Some(self.placeholder) { carried.or(value) } else { value }
    }
}
