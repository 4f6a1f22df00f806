//! Keeps a password that was typed on the command line out of the process list, where every user of the machine reads it.

use crate::pg::conninfo::{Environment, Written};
use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

/// Carries the connection string from the first start to the second; a process's environment is its user's own.
const CARRIER: &str = "PGTEND_DBNAME";

/// What stands on the command line in its place.
const PLACEHOLDER: &str = "env:PGTEND_DBNAME";

/// Starts the program anew without the password, in the same process, when `dbname` holds one. Returns when it holds
/// none, or when the system refuses: then the password stays visible, which is what the caller must say.
pub fn hide_password(dbname: Option<&str>, arguments: impl Iterator<Item = OsString>) -> Option<std::io::Error> {
    let value = dbname.filter(|value| *value != PLACEHOLDER)?;
    if !Written::read(value, "--dbname").is_ok_and(|written| written.gives("password")) {
        return None;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Some(error),
    };
    let mut arguments = arguments;
    let name = arguments.next().unwrap_or_else(|| "pgtend".into());
    let clean = arguments.map(|argument| match argument.to_str() {
        Some(text) => text.replace(value, PLACEHOLDER).into(),
        None => argument,
    });
    Some(Command::new(program).arg0(name).args(clean).env(CARRIER, value).exec())
}

/// The connection string that was carried over, taken out of the environment that is handed down.
pub fn carried(dbname: Option<String>, environment: &mut Environment) -> Option<String> {
    let carried = environment.vars.remove(CARRIER);
    if dbname.as_deref() == Some(PLACEHOLDER) { carried.or(dbname) } else { dbname }
}
