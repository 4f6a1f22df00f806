use super::ConfigError;
use super::document::{Table, Text};
use super::file::File;
use super::limit::duration;
use crate::{
    judge::audit::{Assumptions, Disk, Given, Said, Way},
    model::{Provider, parse_bytes, parse_price},
};

/// `[audit]`: what every audit may take for given, unless a flag or the target says otherwise.
pub(super) fn read(table: &Table<'_>, file: &File) -> Result<Given, ConfigError> {
    table.allow_only(&[
        "horizon",
        "outage",
        "margin",
        "wal_per_hour",
        "growth",
        "provider",
        "way",
        "multi_az",
        "storage_type",
        "price",
    ])?;
    let by = |key: &str| format!("[audit] {key}");
    let usual = Assumptions::default();
    let horizon = duration(table, "horizon", file, u64::from(usual.horizon_days) * 86_400)?;
    let outage = duration(table, "outage", file, usual.outage_seconds)?;
    let margin = said(table, "margin", &by, margin)?;
    if let (Some(one), false) = (&margin, file.trusted)
        && f64::from(one.value) < usual.margin * 100.0
    {
        return Err(table.error("a margin below 20 may not stand in a file found in the working directory"));
    }
    let given = Given {
        horizon_seconds: horizon.map(|value| Said { value, by: by("horizon") }),
        outage_seconds: outage.map(|value| Said { value, by: by("outage") }),
        margin_percent: margin,
        wal_bytes_per_hour: said(table, "wal_per_hour", &by, size)?,
        growth_bytes_per_day: said(table, "growth", &by, size)?,
        way: said(table, "way", &by, way)?,
        ..of_any(table, file, &by)?
    };
    if !file.trusted {
        let laxer = [
            ("wal_per_hour", given.wal_bytes_per_hour.is_some()),
            ("growth", given.growth_bytes_per_day.is_some()),
            ("way", given.way.is_some()),
        ];
        if let Some((key, _)) = laxer.into_iter().find(|(_, is_there)| *is_there) {
            return Err(untrusted(table, key));
        }
    }
    Ok(given)
}

/// The keys of `[target.NAME]` that an audit reads.
pub(super) const OF_TARGET: [&str; 4] = ["provider", "multi_az", "storage_type", "price"];

/// What an audit of a target may take for given; its disk_size stands for `--allocated`.
pub(super) fn of_target(table: &Table<'_>, file: &File, disk_size: Option<u64>) -> Result<Given, ConfigError> {
    let by = |key: &str| format!("{key} of target {:?}", table.name);
    let allocated_bytes = disk_size.map(|value| Said { value, by: by("disk_size") });
    Ok(Given { allocated_bytes, ..of_any(table, file, &by)? })
}

/// Keys that both have.
fn of_any(table: &Table<'_>, file: &File, by: &impl Fn(&str) -> String) -> Result<Given, ConfigError> {
    let given = Given {
        provider: said(table, "provider", by, Provider::named)?,
        storage_type: said(table, "storage_type", by, disk)?,
        price: said(table, "price", by, parse_price)?,
        multi_az: table.flag("multi_az")?.map(|value| Said { value, by: by("multi_az") }),
        ..Given::default()
    };
    // Who runs it decides what stands in the way.
    let judged = [("provider", given.provider.is_some()), ("storage_type", given.storage_type.is_some())];
    match judged.into_iter().find(|(_, is_there)| *is_there && !file.trusted) {
        Some((key, _)) => Err(untrusted(table, key)),
        None => Ok(given),
    }
}

fn untrusted(table: &Table<'_>, key: &str) -> ConfigError {
    table
        .error(format!("{key:?} may not stand in a file found in the working directory"))
        .with_hint("read the file with --config, if you trust it, or use the flag")
}

fn said<T>(
    table: &Table<'_>,
    key: &str,
    by: &impl Fn(&str) -> String,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Said<T>>, ConfigError> {
    let Some(written) = table.bare(key)? else { return Ok(None) };
    let text: &Text<'_> = &written;
    let value = parse(text.value).map_err(|why| text.error(format!("{}: {why}", by(key))))?;
    Ok(Some(Said { value, by: by(key) }))
}

fn size(text: &str) -> Result<u64, String> {
    parse_bytes(text).map_err(|why| why.to_string())
}

fn margin(text: &str) -> Result<u8, String> {
    let percent = text.trim_end_matches('%').trim().parse().ok().filter(|percent| *percent <= 90);
    percent.ok_or_else(|| format!("{text:?} is no share of the volume; write 20, or 20%, up to 90"))
}

fn way(text: &str) -> Result<Way, String> {
    named(text, &Way::ALL, Way::id)
}

fn disk(text: &str) -> Result<Disk, String> {
    named(text, &Disk::ALL, Disk::name)
}

fn named<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        format!("{text:?} is none of {}", names.join(", "))
    })
}
