use super::ConfigError;
use super::document::{Table, Text};
use super::file::ConfigFile;
use crate::analysis::downsize::{Assumptions, MoveMethod, Overrides, Sourced, StorageType};
use crate::facts::Provider;
use crate::units::{parse_bytes, parse_percent, parse_price};

/// Reads `[audit]`: assumptions of all audits, unless an option or the target sets them.
pub(super) fn read_audit_overrides(table: &Table<'_>, file: &ConfigFile) -> Result<Overrides, ConfigError> {
    table.allow_only(&[
        "horizon",
        "outage",
        "margin",
        "wal_per_hour",
        "growth",
        "provider",
        "method",
        "multi_az",
        "storage_type",
        "price",
    ])?;
    let source_of = |key: &str| format!("[audit] {key}");
    let defaults = Assumptions::default();
    let horizon = table.duration("horizon", file, u64::from(defaults.horizon_days) * 86_400)?;
    let outage = table.duration("outage", file, defaults.outage_seconds)?;
    let margin = read_sourced(table, "margin", &source_of, parse_margin)?;
    if let (Some(setting), false) = (&margin, file.trusted)
        && f64::from(setting.value) < defaults.margin * 100.0
    {
        return Err(table.error("a margin below 20 is not allowed in a file found in the working directory"));
    }
    let overrides = Overrides {
        horizon_seconds: horizon.map(|value| Sourced { value, source: source_of("horizon") }),
        outage_seconds: outage.map(|value| Sourced { value, source: source_of("outage") }),
        margin_percent: margin,
        wal_bytes_per_hour: read_sourced(table, "wal_per_hour", &source_of, parse_bytes)?,
        growth_bytes_per_day: read_sourced(table, "growth", &source_of, parse_bytes)?,
        method: read_sourced(table, "method", &source_of, parse_method)?,
        ..read_common_overrides(table, file, &source_of)?
    };
    if !file.trusted {
        let untrusted_keys = [
            ("wal_per_hour", overrides.wal_bytes_per_hour.is_some()),
            ("growth", overrides.growth_bytes_per_day.is_some()),
            ("method", overrides.method.is_some()),
        ];
        if let Some((key, _)) = untrusted_keys.into_iter().find(|(_, is_there)| *is_there) {
            return Err(untrusted_key(table, key));
        }
    }
    Ok(overrides)
}

/// Keys of `[target.NAME]` that an audit reads.
pub(super) const TARGET_KEYS: [&str; 4] = ["provider", "multi_az", "storage_type", "price"];

/// Reads the assumptions of a target. Its `disk_size` corresponds to `--allocated`.
pub(super) fn read_target_overrides(
    table: &Table<'_>,
    file: &ConfigFile,
    disk_size: Option<u64>,
) -> Result<Overrides, ConfigError> {
    let name = &table.name;
    let source_of = |key: &str| format!("{key} of target {name:?}");
    let allocated_bytes = disk_size.map(|value| Sourced { value, source: source_of("disk_size") });
    Ok(Overrides { allocated_bytes, ..read_common_overrides(table, file, &source_of)? })
}

/// Reads the keys that both sections have.
fn read_common_overrides(
    table: &Table<'_>,
    file: &ConfigFile,
    source_of: &impl Fn(&str) -> String,
) -> Result<Overrides, ConfigError> {
    let overrides = Overrides {
        provider: read_sourced(table, "provider", source_of, Provider::from_name)?,
        storage_type: read_sourced(table, "storage_type", source_of, parse_storage_type)?,
        price: read_sourced(table, "price", source_of, parse_price)?,
        multi_az: table.flag("multi_az")?.map(|value| Sourced { value, source: source_of("multi_az") }),
        ..Overrides::default()
    };
    // The provider determines which obstacles apply.
    let restricted_keys =
        [("provider", overrides.provider.is_some()), ("storage_type", overrides.storage_type.is_some())];
    match restricted_keys.into_iter().find(|(_, is_there)| *is_there && !file.trusted) {
        Some((key, _)) => Err(untrusted_key(table, key)),
        None => Ok(overrides),
    }
}

fn untrusted_key(table: &Table<'_>, key: &str) -> ConfigError {
    table
        .error(format!("{key:?} is not allowed in a file found in the working directory"))
        .with_hint("read the file with --config, if you trust it, or use the flag")
}

fn read_sourced<T, E: std::fmt::Display>(
    table: &Table<'_>,
    key: &str,
    source_of: &impl Fn(&str) -> String,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<Sourced<T>>, ConfigError> {
    let Some(written) = table.number_or_text(key)? else { return Ok(None) };
    let text: &Text<'_> = &written;
    let value = parse(text.value).map_err(|why| text.error(format!("{}: {why}", source_of(key))))?;
    Ok(Some(Sourced { value, source: source_of(key) }))
}

fn parse_margin(text: &str) -> Result<u8, String> {
    match parse_percent(text) {
        Ok(percent) if percent.fract() == 0.0 && percent <= 90.0 => Ok(percent as u8),
        _ => Err(format!("{text:?} is not a percentage: write an integer from 0 to 90, e.g. 20 or 20%")),
    }
}

fn parse_method(text: &str) -> Result<MoveMethod, String> {
    parse_name(text, &MoveMethod::ALL, MoveMethod::id)
}

fn parse_storage_type(text: &str) -> Result<StorageType, String> {
    parse_name(text, &StorageType::ALL, StorageType::name)
}

fn parse_name<T: Copy>(text: &str, values: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    values.iter().copied().find(|value| name(*value) == text).ok_or_else(|| {
        let names: Vec<&str> = values.iter().map(|value| name(*value)).collect();
        format!("{text:?} is not one of {}", names.join(", "))
    })
}
