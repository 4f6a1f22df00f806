//! `[check.ID]`: limits of one check.

use super::{
    ConfigError,
    document::{Table, Value},
    file::ConfigFile,
    nearest::{nearest_names, quoted_list},
};
use crate::checks::runner::Checks;
use crate::checks::thresholds::{ConfigValue, ThresholdError};
use toml::de::DeValue;

/// Returns the checks with the limits of the file.
pub(super) fn read_checks(tables: Vec<Table<'_>>, file: &ConfigFile) -> Result<Checks, ConfigError> {
    let mut checks = Checks::default();
    for table in tables {
        if !file.trusted {
            return Err(table
                .error("thresholds of checks are not allowed in a file found in the working directory")
                .with_hint("read the file with --config, if you trust it"));
        }
        let Some(rule) = checks.find_rule(&table.name) else {
            let (message, hint) = describe_unknown_check(&table.name);
            return Err(table.error(message).with_hint(hint));
        };
        for value in table.values() {
            let (key, written) = (&value.key, read_value(&value));
            match rule.set(&value.key, &written) {
                Ok(()) => {}
                Err(ThresholdError::Expected(kind)) => {
                    let message = format!("{key:?} of check {} must be {kind}", table.name);
                    return Err(value.error(message));
                }
                Err(ThresholdError::UnknownKey) => {
                    let keys = rule.thresholds();
                    let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
                    let error = value.key_error(format!("check {} has no threshold {key:?}", table.name));
                    return Err(match (nearest_names(&value.key, &known).first(), known.is_empty()) {
                        (Some(near), _) => error.with_hint(format!("did you mean {near:?}?")),
                        (None, true) => {
                            error.with_hint("it has no thresholds; use --skip or [[silence]] to suppress it")
                        }
                        (None, false) => error.with_hint(format!("its thresholds: {}", quoted_list(&known, "and"))),
                    });
                }
            }
        }
    }
    Ok(checks)
}

/// Returns the message and the hint for an unknown check name.
pub(crate) fn describe_unknown_check(name: &str) -> (String, String) {
    let known = Checks::names();
    let message = format!("unknown check {name:?}");
    match nearest_names(name, &known)[..] {
        [] => (message, format!("checks: {}", known.join(", "))),
        ref near => (message, format!("did you mean {}?", quoted_list(near, "or"))),
    }
}

fn read_value<'a>(value: &'a Value<'_>) -> ConfigValue<'a> {
    match value.get() {
        DeValue::String(text) => ConfigValue::Text(text),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or(ConfigValue::Other, ConfigValue::Integer)
        }
        DeValue::Boolean(flag) => ConfigValue::Flag(*flag),
        _ => ConfigValue::Other,
    }
}
