//! `[[silence]]`: findings that are known and not reported until a date.

use super::{
    ConfigError,
    checks::describe_unknown_check,
    document::{Table, Value},
    file::ConfigFile,
};
use crate::checks::runner::Checks;
use crate::facts::Silence;
use glob::Pattern;
use jiff::{Timestamp, civil, tz::TimeZone};
use toml::de::DeValue;

const KEYS: [&str; 5] = ["check", "subject", "target", "until", "reason"];

pub(super) fn read_silences(tables: &[Table<'_>], file: &ConfigFile) -> Result<Vec<Silence>, ConfigError> {
    if let (Some(first), false) = (tables.first(), file.trusted) {
        return Err(first
            .error("[[silence]] is not allowed in a file found in the working directory")
            .with_hint("read the file with --config, if you trust it"));
    }
    tables.iter().map(read_silence).collect()
}

fn read_silence(table: &Table<'_>) -> Result<Silence, ConfigError> {
    table.allow_only(&KEYS)?;
    let check = table.required_text("check")?;
    if !Checks::names().contains(&check.value) {
        let (message, hint) = describe_unknown_check(check.value);
        return Err(check.error(message).with_hint(hint));
    }
    let glob = |key: &str| {
        let Some(text) = table.text(key)? else { return Ok(None) };
        let pattern = Pattern::new(text.value);
        pattern
            .map(Some)
            .map_err(|error| text.error(format!("{key:?} is not a valid glob pattern, e.g. \"shop_*\": {}", error.msg)))
    };
    let (subject, target) = (glob("subject")?, glob("target")?);
    let reason = table.required_text("reason")?.value.to_owned();
    let values = table.values();
    let until = values.iter().find(|value| value.key == "until");
    let until = until.ok_or_else(|| {
        table.error("[[silence]] has no until").with_hint("add the last day of the silence: until = \"2027-01-31\"")
    })?;
    let until_text = parse_until(until).ok_or_else(|| until.error("\"until\" must be a date, e.g. \"2027-01-31\""))?;
    Ok(Silence { check: check.value.to_owned(), subject, target, until: until_text, reason })
}

/// Returns the end of the day in UTC.
fn parse_until(value: &Value<'_>) -> Option<Timestamp> {
    let text = match value.get() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => return None,
    };
    if let Ok(day) = text.parse::<civil::Date>()
        && !text.contains([':', 'T', ' '])
    {
        return Some(day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}
