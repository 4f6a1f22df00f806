//! Recommended settings that limit `pg_wal`. Nothing is executed.

use super::forecast::format_time_left;
use crate::analysis::slot::may_lose_logical_decoding;
use crate::analysis::wal::{Prevention, PreventionInput, PreventionStep, WalGrowth};
use crate::facts::{Provider, Snapshot, WalHeadroom};
use crate::render::{human_bytes, human_duration};
use schemars::JsonSchema;
use serde::Serialize;

const LAST_SLOT_MAY_BE_INVALIDATED: &str = "a setting that invalidates slots may invalidate the last valid logical slot; \
    this server then ends logical decoding, because its wal_level is replica, and all logical slots of all standbys are \
    invalidated, active ones included";

#[derive(Debug, Serialize, JsonSchema)]
pub struct PreventionLine {
    /// Null: the disk size is unknown, or there is no space.
    max_slot_wal_keep_size_bytes: Option<u64>,
    /// Null before 18, or when no timeout is suitable.
    idle_replication_slot_timeout_seconds: Option<u64>,
    pub reasons: Vec<String>,
    /// Statements to run, or where to change the settings.
    pub advice: Vec<String>,
}

impl PreventionLine {
    pub fn new(
        snapshot: &Snapshot,
        headroom: Option<WalHeadroom>,
        growth: Option<&WalGrowth>,
    ) -> Option<PreventionLine> {
        let settings = snapshot.settings.known()?;
        let current = snapshot.current_lsn();
        let slots = snapshot.slots.known()?;
        let oldest = slots.iter().filter_map(|slot| slot.retained_from()).min();
        let found = Prevention::new(&PreventionInput {
            headroom,
            growth,
            retained_by_slots: current.zip(oldest).map_or(0, |(current, oldest)| current.bytes_since(oldest)),
            max_wal_size: settings.bytes("max_wal_size")?,
            max_slot_wal_keep_size: settings.bytes("max_slot_wal_keep_size"),
            idle_replication_slot_timeout: settings
                .text("idle_replication_slot_timeout")
                .and_then(|text| text.parse().ok()),
        });
        let mut reasons: Vec<String> = found.steps.iter().map(describe_step).collect();
        let proposes = found.max_slot_wal_keep_size.is_some() || found.idle_replication_slot_timeout.is_some();
        if proposes && may_lose_logical_decoding(snapshot) {
            reasons.push(LAST_SLOT_MAY_BE_INVALIDATED.to_owned());
        }
        Some(PreventionLine {
            max_slot_wal_keep_size_bytes: found.max_slot_wal_keep_size,
            idle_replication_slot_timeout_seconds: found.idle_replication_slot_timeout,
            reasons,
            advice: advice_lines(snapshot.provider(), &found),
        })
    }
}

fn describe_step(step: &PreventionStep) -> String {
    match *step {
        PreventionStep::Available { free_bytes, retained_bytes, is_at_most } => {
            let most = if is_at_most { "at most " } else { "" };
            let retained = match retained_bytes {
                0 => String::new(),
                retained => format!("; slots already retain {}", human_bytes(retained)),
            };
            format!("{most}{} is free{retained}", human_bytes(free_bytes))
        }
        PreventionStep::Reserved { bytes, percent, is_half, max_wal_size, wal_is_apart } => format!(
            "{} of that is reserved: {}, and max_wal_size ({}), because a checkpoint enforces the limit only after that \
             much WAL",
            human_bytes(bytes),
            match (is_half, wal_is_apart) {
                (true, _) => format!("half of it, because less than {percent} % of the volume is available"),
                (false, true) => format!("{percent} % of the volume of pg_wal"),
                (false, false) => format!("{percent} % of the volume, because data grows there, too"),
            },
            human_bytes(max_wal_size)
        ),
        PreventionStep::TooSmall { bytes } => format!(
            "{} remains for slots, less than max_wal_size: the disk is too small for a useful limit",
            human_bytes(bytes)
        ),
        PreventionStep::Limit { bytes, lasts } => {
            let lasts = lasts.map(|left| format!(", enough for a consumer outage of {}", format_time_left(&left)));
            format!("{} remains for slots{}", human_bytes(bytes), lasts.unwrap_or_default())
        }
        PreventionStep::BreaksNow { retained_bytes } => format!(
            "a slot retains {} now: with this limit, the next checkpoint invalidates it; resolve that first",
            human_bytes(retained_bytes)
        ),
        PreventionStep::SetTooHigh { set_bytes } => {
            format!("max_slot_wal_keep_size is {}, more than is available: it does not protect", human_bytes(set_bytes))
        }
        PreventionStep::SetLower { set_bytes } => format!(
            "max_slot_wal_keep_size is {}: consumers have less time than the disk allows",
            human_bytes(set_bytes)
        ),
        PreventionStep::Timeout { seconds, is_default: true } => {
            format!(
                "this invalidates a slot after {} of inactivity, including that of a standby under repair",
                human_duration(seconds)
            )
        }
        PreventionStep::Timeout { seconds, is_default: false } => {
            format!(
                "at the highest observed rate, this space is full after {}: inactive slots must be invalidated before",
                human_duration(seconds)
            )
        }
        PreventionStep::NoTimeout { min_seconds } => format!(
            "no idle_replication_slot_timeout is recommended: this space is full after {}, and such a short timeout \
             would invalidate slots of daily pipelines",
            human_duration(min_seconds)
        ),
    }
}

fn advice_lines(provider: Provider, prevention: &Prevention) -> Vec<String> {
    let size = prevention.max_slot_wal_keep_size.map(|bytes| bytes >> 20);
    let timeout = prevention.idle_replication_slot_timeout;
    let elsewhere = match provider {
        Provider::Unknown => None,
        Provider::Rds | Provider::Aurora => Some("in the DB parameter group"),
        Provider::Cloudsql | Provider::Alloydb => Some("as a database flag"),
        Provider::Azure => Some("as a server parameter"),
        Provider::Neon | Provider::Supabase => Some("in the settings of the service, if it allows this"),
    };
    match elsewhere {
        Some(location) => {
            let size = size.map(|megabytes| format!("max_slot_wal_keep_size = {megabytes} (MB), {location}"));
            let timeout = timeout.map(|seconds| format!("idle_replication_slot_timeout = {seconds} (s), {location}"));
            size.into_iter().chain(timeout).collect()
        }
        None => {
            let size = size.map(|megabytes| match megabytes % 1_024 {
                0 => format!("ALTER SYSTEM SET max_slot_wal_keep_size = '{}GB';", megabytes / 1_024),
                _ => format!("ALTER SYSTEM SET max_slot_wal_keep_size = '{megabytes}MB';"),
            });
            let timeout = timeout.map(|seconds| match seconds % 86_400 {
                0 => format!("ALTER SYSTEM SET idle_replication_slot_timeout = '{}d';", seconds / 86_400),
                _ => format!("ALTER SYSTEM SET idle_replication_slot_timeout = '{}h';", seconds / 3_600),
            });
            let mut advice: Vec<String> = size.into_iter().chain(timeout).collect();
            if !advice.is_empty() {
                advice.push("SELECT pg_reload_conf();".to_owned());
            }
            advice
        }
    }
}
