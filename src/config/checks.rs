//! `[check.ID]`: the limits of one check.

use super::{
    ConfigError,
    document::{Table, Value},
    file::File,
    nearest::{nearest, quoted},
};
use crate::judge::{
    health::Checks,
    limits::{Misfit, Written},
};
use toml::de::DeValue;

/// Sets the limits that the file has.
pub(super) fn read(tables: Vec<Table<'_>>, file: &File) -> Result<Checks, ConfigError> {
    let mut checks = Checks::default();
    for table in tables {
        if !file.trusted {
            return Err(table
                .error("limits of checks may not stand in a file found in the working directory")
                .with_hint("read the file with --config, if you trust it"));
        }
        let Some(rule) = checks.rule(&table.name) else {
            let (message, hint) = unknown(&table.name);
            return Err(table.error(message).with_hint(hint));
        };
        for value in table.values() {
            let written = written(&value);
            match rule.set(&value.key, &written) {
                Ok(()) => {}
                Err(Misfit::Not(kind)) => {
                    let message = format!("{:?} of check {} is not {kind}", value.key, table.name);
                    return Err(value.error(message));
                }
                Err(Misfit::UnknownKey) => {
                    let keys = rule.keys();
                    let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
                    let error = value.key_error(format!("check {} has no limit {:?}", table.name, value.key));
                    return Err(match (nearest(&value.key, &known).first(), known.is_empty()) {
                        (Some(near), _) => error.with_hint(format!("did you mean {near:?}?")),
                        (None, true) => error.with_hint("it has no limits at all; --skip and [[silence]] leave it out"),
                        (None, false) => error.with_hint(format!("it has {}", quoted(&known, "and"))),
                    });
                }
            }
        }
    }
    Ok(checks)
}

/// What is wrong with a check's name, and what may have been meant.
pub(crate) fn unknown(name: &str) -> (String, String) {
    let known = Checks::names();
    let message = format!("there is no check {name:?}");
    match nearest(name, &known)[..] {
        [] => (message, format!("there are {}", known.join(", "))),
        ref near => (message, format!("did you mean {}?", quoted(near, "or"))),
    }
}

fn written<'a>(value: &'a Value<'_>) -> Written<'a> {
    match value.get() {
        DeValue::String(text) => Written::Text(text),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or(Written::Other, Written::Integer)
        }
        DeValue::Boolean(flag) => Written::Flag(*flag),
        _ => Written::Other,
    }
}
